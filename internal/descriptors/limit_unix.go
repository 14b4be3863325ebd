//go:build unix

package descriptors

import "syscall"

// Limit returns the maximum number of descriptors of the process (RLIMIT_NOFILE).
func Limit() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return assumedLimit
	}
	return int(min(limit.Cur, maxLimit))
}
