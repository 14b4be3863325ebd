package h264

import "fmt"

// SyntaxError reports bytes that do not follow ISO 14496-10 or 14496-15.
type SyntaxError struct {
	// In is the structure that was read: "AVCDecoderConfigurationRecord", "SPS".
	In string
	// Offset is the offset of the problem in it, in bytes.
	Offset int
	// Problem describes what is wrong there.
	Problem string
	// Err is the cause, if another package found it.
	Err error
}

// Error names the structure, the offset and the problem.
func (e *SyntaxError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("h264: %s: %s at offset %d: %v", e.In, e.Problem, e.Offset, e.Err)
	}
	return fmt.Sprintf("h264: %s: %s at offset %d", e.In, e.Problem, e.Offset)
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }
