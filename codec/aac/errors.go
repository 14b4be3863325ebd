package aac

import "fmt"

// SyntaxError says that bytes are not an AudioSpecificConfig.
type SyntaxError struct {
	// Size is how many bytes there were.
	Size int
	// Err is what was wrong with them.
	Err error
}

// Error gives the size and the problem.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("aac: AudioSpecificConfig of %d bytes: %v", e.Size, e.Err)
}

// Unwrap is the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// UnsupportedError says that a configuration is understood but that an ADTS
// header, and so MPEG-TS, can't carry it.
type UnsupportedError struct {
	// Reason is fit to be told to the publisher.
	Reason string
}

// Error gives the reason.
func (e *UnsupportedError) Error() string { return "aac: " + e.Reason }
