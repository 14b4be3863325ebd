package chunk

import (
	"encoding/binary"
	"fmt"
	"io"
)

const (
	// maxChunkSize is the largest chunk payload that makes sense: messages have a
	// length of 24 bits (section 5.4.1).
	maxChunkSize = 1<<24 - 1
	// directRead is how much of one chunk must be missing for it to be read past
	// the buffer. Less is worth a copy, which saves the system call that the next
	// chunk's header would need.
	directRead = 16 << 10
	// maxEmptyReads ends a source that neither gives bytes nor an error.
	maxEmptyReads = 100
)

// Limits bounds what a peer can make a Reader hold.
type Limits struct {
	// MessageSize is the largest message body in bytes. All unfinished messages
	// together may hold twice as much.
	MessageSize int
	// ChunkStreams is the number of chunk streams a peer may ever use.
	ChunkStreams int
	// Bytes is how many bytes may be read in all; 0 is no limit.
	Bytes uint64
	// Memory is asked before unfinished messages hold more than freeMemory; nil lets
	// them.
	Memory Memory
}

// Memory is what the unfinished messages of all connections hold.
type Memory interface {
	// Grow asks for n bytes more. The error ends the Reader.
	Grow(n int) error
	// Shrink gives n bytes back.
	Shrink(n int)
}

const (
	// freeMemory is what the unfinished messages of a connection may hold before Memory
	// is asked, in bytes: most pictures are smaller.
	freeMemory = 64 << 10
	// maxControls is how many messages without use to the caller may come in a row.
	maxControls = 1000
	// Each abandoned message costs its first memory: freeAborts of them may come, and one
	// more with each abortBytes that are read.
	freeAborts = 64
	abortBytes = 16 << 10
)

// Stats counts what a Reader repaired or skipped.
type Stats struct {
	// Aborted is the number of unfinished messages thrown away, because the peer
	// said so or began another one in their place.
	Aborted uint64
	// Empty is the number of messages without a body.
	Empty uint64
}

// Reader puts chunks together into messages. It allocates nothing but message
// bodies and the state of new chunk streams.
type Reader struct {
	src      io.Reader
	received uint64

	buf        []byte
	start, end int // buf[start:end] is read and not used yet

	chunkSize int
	limits    Limits
	streams   table
	held      int // capacity of all unfinished bodies
	charged   int // of that, what Memory was asked for
	stats     Stats
}

// NewReader reads from src through a buffer of bufferSize bytes, at least 64.
func NewReader(src io.Reader, bufferSize int, limits Limits) *Reader {
	return &Reader{src: src, buf: make([]byte, max(bufferSize, 64)), chunkSize: DefaultSize, limits: limits}
}

// Trust replaces the limits and enlarges the buffer to bufferSize: what a peer
// gets when it has been let in.
func (r *Reader) Trust(bufferSize int, limits Limits) {
	r.limits = limits
	if bufferSize > len(r.buf) {
		buf := make([]byte, bufferSize)
		r.end = copy(buf, r.buf[r.start:r.end])
		r.start = 0
		r.buf = buf
	}
}

// Received is the number of bytes read from the source.
func (r *Reader) Received() uint64 { return r.received }

// Stats is what was repaired and skipped so far.
func (r *Reader) Stats() Stats { return r.stats }

// Unfinished reports whether a message has begun and not ended.
func (r *Reader) Unfinished() bool { return r.streams.busy() }

// Next is the next message that has a body. Set Chunk Size and Abort are obeyed
// and not returned. The error is io.EOF at the end of the source between two
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

// Discard gives back what unfinished messages hold. The Reader is not used after it.
func (r *Reader) Discard() {
	for _, s := range r.streams.all {
		r.drop(s)
	}
}

// payload reads one chunk's payload into the body of s. When the next chunk
// continues the message, as nearly all do, it goes on with that one.
func (r *Reader) payload(s *stream) error {
	for {
		for n := min(s.missing, r.chunkSize); n > 0; {
			if err := r.room(s); err != nil {
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

// read moves at least one byte into p, from the buffer or, when much is missing,
// straight from the source.
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
			// An error that came along comes again at the next call.
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
	// A size beyond the longest message means "do not cut".
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

// drop throws away the unfinished message of s.
func (r *Reader) drop(s *stream) {
	if s.missing == 0 {
		return
	}
	r.release(cap(s.body))
	s.body, s.missing = nil, 0
	r.stats.Aborted++
}

// eof tells an end between two messages from an end inside one.
func (r *Reader) eof(err error) error {
	if err == io.EOF && (r.start != r.end || r.streams.busy()) { //nolint:errorlint // io.EOF is never wrapped here
		return io.ErrUnexpectedEOF
	}
	return err
}

// fail is a protocol error at the present place.
func (r *Reader) fail(format string, args ...any) error {
	return &Error{Offset: r.received - uint64(r.end-r.start), Problem: fmt.Sprintf(format, args...)}
}
