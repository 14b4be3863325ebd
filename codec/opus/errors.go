package opus

import "fmt"

// SyntaxError says that bytes are not what RFC 6716 or 7845 asks for.
type SyntaxError struct {
	// In is the structure that was read: "identification header", "packet".
	In string
	// Offset is where in it the problem was met, in bytes.
	Offset int
	// Problem says what was wrong there.
	Problem string
}

// Error names the structure, the offset and the problem.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("opus: %s: %s at offset %d", e.In, e.Problem, e.Offset)
}

// UnsupportedError says that a configuration is understood but that players can't decode
// it.
type UnsupportedError struct {
	// Name is what it is: "Opus with 8 channels".
	Name string
	// Reason is fit to be told to the publisher.
	Reason string
}

// Error gives the name and the reason.
func (e *UnsupportedError) Error() string {
	return "opus: " + e.Name + " is not supported: " + e.Reason
}
