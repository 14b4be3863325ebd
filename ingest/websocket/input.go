package websocket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/coder/websocket"

	"golive/ingest"
)

// errStopped reports that the peer stopped publishing.
var errStopped = errors.New("the peer stopped publishing")

const (
	// firstAllocation is the memory that a body gets before its first byte is received, in bytes; it
	// doubles as more are.
	firstAllocation = 64 << 10
	// freeMemory is the memory of a body for which the MessageMemory is not asked, in bytes: most
	// pictures are smaller.
	freeMemory = 64 << 10
)

// tag is an FLV tag.
type tag struct {
	header
	body []byte
}

// input is the state of the message that is being read.
type input struct {
	begun  bool // a part of it was received
	header [tagHeader]byte
}

// next returns the next tag. The error is errStopped if the peer stopped publishing.
func (s *session) next(ctx context.Context) (tag, error) {
	s.in.begun = false
	s.conn.most = s.conn.received + 2*uint64(s.server.cfg.Limits.MessageSize)
	kind, message, err := s.ws.Reader(ctx)
	if err != nil {
		return tag{}, s.readError(err)
	}
	s.in.begun = true
	if kind != websocket.MessageBinary {
		return tag{}, errText
	}
	if n, err := io.ReadFull(message, s.in.header[:]); err != nil {
		return tag{}, s.shortError(err, fmt.Sprintf("it has %d bytes, and the header of a tag has %d", n, tagHeader))
	}
	h, err := parseHeader(s.in.header)
	if err != nil {
		return tag{}, &ingest.ProtocolError{Op: "read message", Err: err}
	}
	if most := int(s.server.cfg.Limits.MessageSize); h.size > most {
		return tag{}, &ingest.CutError{Err: fmt.Errorf("%w: a tag has %d bytes; the limit is %d (ingest.limits.message_size)", ingest.ErrLimit, h.size, most)}
	}
	body, err := s.body(message, h.size)
	if err != nil {
		return tag{}, err
	}
	switch n, err := message.Read(s.in.header[:1]); {
	case n > 0:
		return tag{}, &ingest.ProtocolError{Op: "read message", Err: fmt.Errorf("%w: it is longer than the %d bytes of its header", errNoTag, h.size)}
	case err != nil && !s.ended(err):
		return tag{}, s.readError(err)
	}
	return tag{h, body}, nil
}

// body reads the body of a tag into memory of its own, which access units keep. It grows as bytes
// arrive.
func (s *session) body(message io.Reader, size int) ([]byte, error) {
	charged := 0
	defer func() { s.share.Shrink(charged) }()
	var body []byte
	for have := 0; have < size; {
		grown := min(size, max(firstAllocation, 2*have))
		if more := grown - freeMemory - charged; more > 0 {
			if err := s.share.Grow(more); err != nil {
				return nil, err
			}
			charged += more
		}
		next := make([]byte, grown)
		copy(next, body)
		body = next
		n, err := io.ReadFull(message, body[have:])
		if have += n; err != nil {
			return nil, s.shortError(err, fmt.Sprintf("its header says %d bytes, and %d follow", size, have))
		}
	}
	return body, nil
}

// ended reports whether err is the end of a message.
func (s *session) ended(err error) bool {
	return s.conn.err == nil && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
}

// shortError returns the error for a message that is shorter than a tag, or why it could not be read.
func (s *session) shortError(err error, problem string) error {
	if s.ended(err) {
		return &ingest.ProtocolError{Op: "read message", Err: fmt.Errorf("%w: %s", errNoTag, problem)}
	}
	return s.readError(err)
}

// readError returns why nothing can be read; see next.
func (s *session) readError(err error) error {
	closed, ok := errors.AsType[websocket.CloseError](err)
	switch {
	case ok && closed.Code == websocket.StatusNormalClosure:
		return errStopped
	case ok:
		return fmt.Errorf("the peer closed the connection with status %d", closed.Code)
	case s.conn.err != nil:
		return s.conn.err
	case errors.Is(err, net.ErrClosed):
		return err
	}
	return &ingest.ProtocolError{Op: "read frame", Err: err}
}
