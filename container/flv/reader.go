package flv

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// The tag types of E.4.1.
const (
	TagAudio  = 8
	TagVideo  = 9
	TagScript = 18
)

// MaxTagSize is the largest tag body that Reader accepts, in bytes. The format
// allows twice as much; a key frame of a 4K stream has 1 to 2 MB.
const MaxTagSize = 8 << 20

const (
	fileHeaderSize = 9
	tagHeaderSize  = 11
	tagTrailerSize = 4 // the PreviousTagSize after each tag
)

// Tag is one tag of an FLV file (E.4.1).
type Tag struct {
	// Type is TagAudio, TagVideo, TagScript, or another type.
	Type uint8
	// Timestamp is the decoding time in milliseconds.
	Timestamp uint32
	// Body is the tag's data; for audio and video the input of Demuxer.
	Body []byte
}

// Reader reads the tags of an FLV file in order. It is used by one goroutine.
type Reader struct {
	r      *bufio.Reader
	offset int64
	opened bool // the file's header was read
}

// NewReader returns a Reader of the file r.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReader(r)} }

// Next returns the next tag; the caller may keep its body. At the end of the file the
// error is io.EOF. A file that is truncated inside a tag, as a recording may be, ends with
// a *SyntaxError that wraps io.ErrUnexpectedEOF.
func (r *Reader) Next() (Tag, error) {
	if !r.opened {
		if err := r.open(); err != nil {
			return Tag{}, err
		}
		r.opened = true
	}
	start := r.offset
	var h [tagHeaderSize]byte
	if err := r.fill("tag header", h[:]); err != nil {
		return Tag{}, err
	}
	if h[0]&0x20 != 0 {
		return Tag{}, r.fault("tag header", start, errors.New("the tag is encrypted"))
	}
	t := Tag{
		Type:      h[0] & 0x1f,
		Timestamp: uint32(h[7])<<24 | uint32(h[4])<<16 | uint32(h[5])<<8 | uint32(h[6]),
	}
	size := int(h[1])<<16 | int(h[2])<<8 | int(h[3])
	if size > MaxTagSize {
		return Tag{}, r.fault("tag header", start, fmt.Errorf("tag of %d bytes is above the limit of %d", size, MaxTagSize))
	}
	body, err := r.body(size)
	if err != nil {
		return Tag{}, err
	}
	t.Body = body
	// Its value is only useful for reading backwards, and many writers leave it 0.
	n, err := r.r.Discard(tagTrailerSize)
	r.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return Tag{}, fmt.Errorf("flv: read tag size: %w", err)
	}
	return t, nil
}

// open reads the file's header (E.2) and the PreviousTagSize after it.
func (r *Reader) open() error {
	var h [fileHeaderSize]byte
	if err := r.fill("file header", h[:]); err != nil {
		if errors.Is(err, io.EOF) {
			return r.fault("file header", 0, io.ErrUnexpectedEOF)
		}
		return err
	}
	if !bytes.Equal(h[:3], []byte("FLV")) {
		return r.fault("file header", 0, errors.New("the file does not begin with FLV"))
	}
	size := binary.BigEndian.Uint32(h[5:])
	const maxHeader = 1 << 16
	if size < fileHeaderSize || size > maxHeader {
		return r.fault("file header", 5, fmt.Errorf("header of %d bytes, want %d to %d", size, fileHeaderSize, maxHeader))
	}
	rest := int(size) - fileHeaderSize + tagTrailerSize
	n, err := r.r.Discard(rest)
	r.offset += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("flv: read file header: %w", err)
	}
	return nil
}

// body reads n bytes. It allocates as bytes arrive, so that a wrong size in a header does
// not cost megabytes.
func (r *Reader) body(n int) ([]byte, error) {
	const step = 64 << 10
	b := make([]byte, min(n, step))
	have := 0
	for {
		if err := r.fill("tag body", b[have:]); err != nil {
			if errors.Is(err, io.EOF) {
				err = r.fault("tag body", r.offset, io.ErrUnexpectedEOF)
			}
			return nil, err
		}
		have = len(b)
		if have == n {
			return b, nil
		}
		grown := make([]byte, min(n, 2*have))
		copy(grown, b)
		b = grown
	}
}

// fill reads all of b. At the end of the file it returns io.EOF itself if it read nothing.
func (r *Reader) fill(op string, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	start := r.offset
	n, err := io.ReadFull(r.r, b)
	r.offset += int64(n)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, io.ErrUnexpectedEOF):
		return r.fault(op, start, fmt.Errorf("need %d bytes, have %d: %w", len(b), n, err))
	case errors.Is(err, io.EOF):
		return io.EOF
	}
	return fmt.Errorf("flv: read %s: %w", op, err)
}

func (r *Reader) fault(op string, offset int64, err error) error {
	return &SyntaxError{Op: op, Offset: offset, Err: err}
}
