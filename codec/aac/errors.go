package aac

import (
	"cmp"
	"fmt"
)

// SyntaxError says that bytes are not what they should be.
type SyntaxError struct {
	// Op is what was read; empty for an AudioSpecificConfig.
	Op string
	// Size is how many bytes there were.
	Size int
	// Err is what was wrong with them.
	Err error
}

// Error gives the size and the problem.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("aac: %s of %d bytes: %v", cmp.Or(e.Op, "AudioSpecificConfig"), e.Size, e.Err)
}

// Unwrap is the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// UnsupportedError says that a configuration is understood but that an ADTS
// header, and so MPEG-TS, can't carry it, or players can't decode it.
type UnsupportedError struct {
	// Name is what it is: "AAC Main".
	Name string
	// Reason is fit to be told to the publisher.
	Reason string
}

// Error gives the name and the reason.
func (e *UnsupportedError) Error() string { return "aac: " + e.Name + " is not supported: " + e.Reason }
