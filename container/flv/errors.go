package flv

import (
	"errors"
	"fmt"

	"golive/media"
)

// ErrNoConfig is returned for an access unit that came before the decoder configuration.
// The caller skips and counts it.
var ErrNoConfig = errors.New("flv: no decoder configuration yet")

// SyntaxError reports a body that does not follow the format. The caller skips it; the
// next one may be valid.
type SyntaxError struct {
	// Op is the structure that was being read.
	Op string
	// Offset is its offset in the body or the file, in bytes.
	Offset int64
	// Err is the problem.
	Err error
}

// Error returns the structure, the offset and the problem.
func (e *SyntaxError) Error() string {
	return fmt.Sprintf("flv: read %s at offset %d: %v", e.Op, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// UnsupportedError reports a body in a known codec that golive does not support.
type UnsupportedError struct {
	// Kind is "video" or "audio".
	Kind string
	// Codec is the format's usual name: "HEVC", "MP3".
	Codec string
	// Reason tells the broadcaster what to use instead.
	Reason string
	// TrackID is the id of a video track of several; 0 for the first or only one, and for
	// audio.
	TrackID int
}

// Error returns the codec and the reason.
func (e *UnsupportedError) Error() string {
	return fmt.Sprintf("flv: %s codec %s is not supported: %s", e.Kind, e.Codec, e.Reason)
}

func syntax(op string, offset int, format string, args ...any) error {
	return &SyntaxError{Op: op, Offset: int64(offset), Err: fmt.Errorf(format, args...)}
}

func tooShort(op string, need, have int) error {
	return syntax(op, 0, "need %d bytes, have %d", need, have)
}

// tooManyBits returns the error for a video track that no player decodes.
func tooManyBits(codec media.Codec, bits int) error {
	return &UnsupportedError{
		Kind: kindVideo, Codec: fmt.Sprintf("%s with %d bits a sample", codec, bits),
		Reason: fmt.Sprintf("set the encoder to 8 bits (NV12), or to %d (P010) for HDR", maxBitDepth),
	}
}
