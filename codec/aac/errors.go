package aac

import (
	"cmp"
	"fmt"
)

// SyntaxError reports bytes that do not follow the format.
type SyntaxError struct {
	// Op is the structure that was read; empty for an AudioSpecificConfig.
	Op string
	// Size is the number of bytes that were read.
	Size int
	// Err is the problem.
	Err error
}

// Error returns the size and the problem.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("aac: %s of %d bytes: %v", cmp.Or(e.Op, "AudioSpecificConfig"), e.Size, e.Err)
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// UnsupportedError reports a valid configuration that an ADTS header, and so MPEG-TS,
// cannot carry or players cannot decode.
type UnsupportedError struct {
	// Name is the format: "AAC Main".
	Name string
	// Reason is a text for the publisher.
	Reason string
}

// Error returns the name and the reason.
func (e *UnsupportedError) Error() string { return "aac: " + e.Name + " is not supported: " + e.Reason }
