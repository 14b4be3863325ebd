package chunk

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	// maxChunkSize is the largest useful chunk payload: messages have a
	// length of 24 bits (section 5.4.1).
	maxChunkSize = 1<<24 - 1
	// directRead is the number of missing bytes from which they are read directly into the
	// body. Fewer are read through the buffer: the copy saves the system call for the next
	// chunk's header.
	directRead = 16 << 10
	// maxEmptyReads bounds consecutive reads that return neither bytes nor an error.
	maxEmptyReads = 100
)

// Limits bounds what a peer can make a Reader allocate.
type Limits struct {
	// MessageSize is the largest message body in bytes. All incomplete messages
	// together may occupy twice as much.
	MessageSize int
	// ChunkStreams is the total number of chunk streams that a peer may use.
	ChunkStreams int
	// Bytes is the total number of bytes that may be read; 0 means no limit.
	Bytes uint64
	// Memory is asked before incomplete messages occupy more than freeMemory; nil means no
	// limit.
	Memory Memory
}

// Memory limits the memory of incomplete messages of all connections.
type Memory interface {
	// Grow reserves n more bytes. The error ends the Reader.
	Grow(n int) error
	// Shrink releases n bytes.
	Shrink(n int)
}

const (
	// freeMemory is the memory that incomplete messages of a connection may occupy before
	// Memory is asked, in bytes: most pictures are smaller.
	freeMemory = 64 << 10
	// maxControls bounds consecutive messages that are not returned to the caller.
	maxControls = 1000
	// Each abandoned message costs its first allocation: freeAborts of them are allowed, and
	// one more with each abortBytes that are read.
	freeAborts = 64
	abortBytes = 16 << 10
)

// Stats counts the messages that a Reader dropped.
type Stats struct {
	// Aborted is the number of incomplete messages that were dropped because the peer
	// aborted them or began another one in their place.
	Aborted uint64
	// Empty is the number of messages without a body.
	Empty uint64
}

// Reader assembles messages from chunks. It allocates only message bodies and the state of
// new chunk streams.
type Reader struct {
	src      io.Reader
	received uint64

	buf        []byte
	start, end int // buf[start:end] is read but not consumed

	chunkSize int
	limits    Limits
	streams   table
	held      int // capacity of all incomplete bodies
	charged   int // the part of held that was reserved from Memory
	stats     Stats
}

// NewReader returns a Reader of src with a buffer of bufferSize bytes, at least 64.
func NewReader(src io.Reader, bufferSize int, limits Limits) *Reader {
	return &Reader{src: src, buf: make([]byte, max(bufferSize, 64)), chunkSize: DefaultSize, limits: limits}
}

// SetLimits replaces the limits and enlarges the buffer to bufferSize. It is called when the
// peer has been admitted.
func (r *Reader) SetLimits(bufferSize int, limits Limits) {
	r.limits = limits
	if bufferSize > len(r.buf) {
		buf := make([]byte, bufferSize)
		r.end = copy(buf, r.buf[r.start:r.end])
		r.start = 0
		r.buf = buf
	}
}

// Received returns the number of bytes read from the source.
func (r *Reader) Received() uint64 { return r.received }

// Stats returns the counters so far.
func (r *Reader) Stats() Stats { return r.stats }

// Unfinished reports whether a message is incomplete.
func (r *Reader) Unfinished() bool { return r.streams.unfinished() }

// Next returns the next message that has a body. Set Chunk Size and Abort are
// handled and not returned. The error is io.EOF at the end of the source between two
// messages, io.ErrUnexpectedEOF inside one, an *Error, or the source's.
func (r *Reader) Next() (Message, error) {
	for controls := 0; controls < maxControls; {
		s, err := r.header()
		if err != nil {
			return Message{}, r.eof(err)
		}
		if err := r.payload(s); err != nil {
			return Message{}, r.eof(err)
		}
		if s.missing > 0 {
			continue
		}
		controls++
		m := s.finish()
		r.release(cap(m.Body))
		switch {
		case len(m.Body) == 0:
			r.stats.Empty++
		case m.Type == TypeSetChunkSize:
			if err := r.setChunkSize(m.Body); err != nil {
				return Message{}, err
			}
		case m.Type == TypeAbort:
			r.abort(m.Body)
		default:
			return m, nil
		}
	}
	return Message{}, r.fail("more than %d control messages in a row", maxControls)
}

// Discard releases the memory of incomplete messages. The Reader must not be used after it.
func (r *Reader) Discard() {
	for _, s := range r.streams.all {
		r.drop(s)
	}
}

// payload reads one chunk's payload into the body of s, and those of the following chunks
// while they continue the message, which is the usual case.
func (r *Reader) payload(s *stream) error {
	for {
		for n := min(s.missing, r.chunkSize); n > 0; {
			if err := r.grow(s); err != nil {
				return err
			}
			have := len(s.body)
			got, err := r.read(s.body[have:min(cap(s.body), have+n)])
			if err != nil {
				return err
			}
			s.body = s.body[:have+got]
			s.missing -= got
			n -= got
		}
		if s.missing == 0 || s.extended || s.id >= 64 || r.start == r.end || r.buf[r.start] != 3<<6|byte(s.id) {
			return nil
		}
		r.start++
	}
}

// read reads at least one byte into p, from the buffer or, if p is large, directly from the
// source.
func (r *Reader) read(p []byte) (int, error) {
	if r.start == r.end {
		if len(p) >= directRead {
			return r.fromSource(p)
		}
		if err := r.fill(1); err != nil {
			return 0, err
		}
	}
	n := copy(p, r.buf[r.start:r.end])
	r.start += n
	return n, nil
}

// fill makes at least n bytes, at most a chunk header, available in the buffer.
func (r *Reader) fill(n int) error {
	if r.start == r.end {
		r.start, r.end = 0, 0
	} else if r.start+n > len(r.buf) {
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	}
	for r.end-r.start < n {
		got, err := r.fromSource(r.buf[r.end:])
		if err != nil {
			return err
		}
		r.end += got
	}
	return nil
}

// fromSource reads at least one byte.
func (r *Reader) fromSource(p []byte) (int, error) {
	for range maxEmptyReads {
		n, err := r.src.Read(p)
		r.received += uint64(n)
		if r.limits.Bytes > 0 && r.received > r.limits.Bytes {
			return 0, r.fail("more than %d bytes", r.limits.Bytes)
		}
		if n > 0 {
			// The source returns the error again at the next call.
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, io.ErrNoProgress
}

func (r *Reader) setChunkSize(body []byte) error {
	if len(body) < 4 {
		return r.fail("set chunk size of %d bytes, want 4", len(body))
	}
	// The first bit is zero (section 5.4.1). FMLE has been seen to leave it set.
	n := int(binary.BigEndian.Uint32(body) &^ (1 << 31))
	if n < 1 {
		return r.fail("chunk size 0")
	}
	// A size beyond the longest message means that messages are not split.
	r.chunkSize = min(n, maxChunkSize)
	return nil
}

func (r *Reader) abort(body []byte) {
	if len(body) < 4 {
		return
	}
	if s := r.streams.find(binary.BigEndian.Uint32(body)); s != nil {
		r.drop(s)
	}
}

// drop discards the incomplete message of s.
func (r *Reader) drop(s *stream) {
	if s.missing == 0 {
		return
	}
	r.release(cap(s.body))
	s.body, s.missing = nil, 0
	r.stats.Aborted++
}

// eof turns io.EOF inside a message into io.ErrUnexpectedEOF.
func (r *Reader) eof(err error) error {
	if err == io.EOF && (r.start != r.end || r.streams.unfinished()) { //nolint:errorlint // io.EOF is never wrapped here
		return io.ErrUnexpectedEOF
	}
	return err
}

// fail returns an *Error at the current offset.
func (r *Reader) fail(format string, args ...any) error {
	return &Error{Offset: r.received - uint64(r.end-r.start), Problem: fmt.Sprintf(format, args...)}
}
