package hevc

import "fmt"

// SyntaxError says that bytes are not what ISO 23008-2 or 14496-15 asks for.
type SyntaxError struct {
	// In is the structure that was read: "HEVCDecoderConfigurationRecord", "SPS".
	In string
	// Offset is where in it the problem was met, in bytes.
	Offset int
	// Problem says what was wrong there.
	Problem string
	// Err is the cause, if another package found it.
	Err error
}

// Error names the structure, the offset and the problem.
func (e *SyntaxError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("hevc: %s: %s at offset %d: %v", e.In, e.Problem, e.Offset, e.Err)
	}
	return fmt.Sprintf("hevc: %s: %s at offset %d", e.In, e.Problem, e.Offset)
}

// Unwrap is the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }
