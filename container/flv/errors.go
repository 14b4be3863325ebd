package flv

import (
	"errors"
	"fmt"
)

// ErrNoConfig says that an access unit came before the configuration its
// decoder needs. The unit is skipped; the caller counts it.
var ErrNoConfig = errors.New("flv: no decoder configuration yet")

// SyntaxError says that a body does not follow the format. The body is to be
// skipped; the next one may be sound.
type SyntaxError struct {
	// Op is what was being read.
	Op string
	// Offset is where in the body or the file it was read, in bytes.
	Offset int64
	// Err is what was wrong.
	Err error
}

// Error describes the fault with its place.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("flv: read %s at offset %d: %v", e.Op, e.Offset, e.Err)
}

// Unwrap gives the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// UnsupportedError says that a body is coded in a format that golive knows by
// name and does not carry.
type UnsupportedError struct {
	// Kind is "video" or "audio".
	Kind string
	// Codec is the format's usual name: "HEVC", "MP3".
	Codec string
	// Reason says what to use instead, for the broadcaster.
	Reason string
}

// Error names the codec and the way out.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("flv: %s codec %s is not supported: %s", e.Kind, e.Codec, e.Reason)
}

func syntax(op string, offset int, format string, args ...any) error {
	return &SyntaxError{Op: op, Offset: int64(offset), Err: fmt.Errorf(format, args...)}
}

func tooShort(op string, need, have int) error {
	return syntax(op, 0, "need %d bytes, have %d", need, have)
}
