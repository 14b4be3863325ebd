//go:build !unix

package descriptors

// Limit returns the maximum number of descriptors of the process.
func Limit() int { return assumedLimit }
