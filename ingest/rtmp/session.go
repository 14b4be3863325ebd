package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"syscall"
	"time"

	"golive/ingest"
	"golive/ingest/peerconn"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
	"golive/internal/connlimit"
)

const (
	// Limits before a peer publishes: memory in bytes, and what it may send. An encoder sends
	// 4 kB in six commands.
	prePublishBuffer   = 4 << 10
	prePublishMessage  = 64 << 10
	prePublishStreams  = 8
	prePublishBytes    = 256 << 10
	prePublishMessages = 100
	// Limits after that.
	liveBuffer  = 64 << 10
	liveStreams = 64
	// graceTimeout is how long a publisher has after a reconnect request: a group of
	// pictures of two seconds, and the time to connect to another server.
	graceTimeout = 3 * time.Second
)

// session serves one connection. It is used by one goroutine; only evict and
// peerconn.Conn.Interrupt are called by others.
type session struct {
	server   *Server
	protocol string
	log      *slog.Logger
	conn     *peerconn.Conn
	chunks   *chunk.Reader
	evict    context.CancelCauseFunc

	reply              []byte // queued messages
	window             uint64 // the peer's acknowledgement window, in bytes
	acked              uint64 // number of acknowledged bytes
	app                string // from connect; may hold a key
	encoder            string
	canReconnect       bool // the peer supports reconnect requests
	reconnectRequested bool // the peer was asked to reconnect

	stream      uint32       // the message stream of the last publish or play command
	created     uint32       // number of message streams that the peer created, 1 to created
	publication *publication // nil until it publishes
	published   bool         // it has published at least once

	slot     *connlimit.Slot
	share    *ingest.MessageShare
	commands int                  // messages other than media before it published
	controls ingest.ControlBudget // and since then
}

func newSession(server *Server, conn net.Conn, protocol string, evict context.CancelCauseFunc) *session {
	s := &session{
		server:   server,
		protocol: protocol,
		log:      server.sessions.Logger(protocol, conn.RemoteAddr().String()),
		evict:    evict,
		window:   defaultWindow,
		stream:   1,
	}
	s.conn = peerconn.New(conn)
	s.share = server.sessions.Messages.Share(evict)
	s.chunks = chunk.NewReader(s.conn, prePublishBuffer, chunk.Limits{
		MessageSize: prePublishMessage, ChunkStreams: prePublishStreams, Bytes: prePublishBytes, Memory: s.share,
	})
	return s
}

// run serves the connection until it ends, and closes it.
func (s *session) run(ctx context.Context) {
	err := ingest.Protect(s.log, func() error { return s.handleMessages(ctx) })
	if errors.Is(err, ingest.ErrInterrupted) || s.reconnectRequested && outcomeOf(err).End == ingest.EndLost {
		err = &ingest.CutError{Err: context.Cause(ctx), Evicted: true}
	}
	s.end(err)
}

// handleMessages handles messages until an error ends the session.
func (s *session) handleMessages(ctx context.Context) error {
	s.conn.AwaitPublish(time.Now().Add(s.server.cfg.Limits.HandshakeTimeout))
	if err := s.handshake(); err != nil {
		return err
	}
	for {
		m, err := s.chunks.Next()
		if err != nil {
			return readError(err)
		}
		if s.conn.Interrupted() {
			return ingest.ErrInterrupted
		}
		if err := s.handle(ctx, m); err != nil {
			return err
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
}

// requestReconnect asks the publisher to reconnect (Enhanced RTMP v2, "Reconnect Request"),
// if the server is stopping and the publisher supports it. What it sends until its next key
// frame is still accepted. Without another address it reconnects to the same one, which is
// another server by then. It is called after an interrupt, and reports whether the session
// continues for the grace period.
func (s *session) requestReconnect(cause error) bool {
	if !s.canReconnect || s.publication == nil || !errors.Is(cause, ingest.ErrClosing) {
		return false
	}
	s.reconnectRequested = true
	s.conn.Resume(graceTimeout)
	s.sendReconnectRequest()
	s.publication.Log().Info("reconnect requested")
	return s.flush() == nil
}

func (s *session) handshake() error {
	if err := s.handshakeTLS(); err != nil {
		return err
	}
	c01 := make([]byte, handshake.Size)
	n, err := s.conn.Read(c01)
	if err != nil {
		return err
	}
	if p := handshake.Sniff(c01[:n]); p != handshake.RTMP {
		return &WrongProtocolError{Protocol: p}
	}
	if _, err := io.ReadFull(s.conn, c01[n:]); err != nil {
		return err
	}
	return handshake.Serve(s.conn, c01)
}

// handshakeTLS does the TLS handshake if the connection uses TLS.
func (s *session) handshakeTLS() error {
	err := s.conn.Handshake()
	foreign, isForeign := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, ingest.ErrInterrupted), errors.Is(err, ingest.ErrSlow),
		errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return err
	case isForeign:
		return &WrongProtocolError{Protocol: handshake.Sniff(foreign.RecordHeader[:]), TLS: true}
	}
	return fmt.Errorf("%w: %w", errTLS, err)
}

// handle handles one message. Audio and video, by far the most, are checked first.
func (s *session) handle(ctx context.Context, m chunk.Message) error {
	switch m.Type {
	case chunk.TypeVideo, chunk.TypeAudio:
		return s.media(m)
	case chunk.TypeAggregate:
		return s.aggregate(m)
	}
	if err := s.countControl(len(m.Body)); err != nil {
		return err
	}
	switch m.Type {
	case chunk.TypeDataAMF0, chunk.TypeDataAMF3:
		s.data(m)
	case chunk.TypeCommandAMF0, chunk.TypeCommandAMF3:
		return s.command(ctx, m)
	case chunk.TypeUserControl:
		s.userControl(m.Body)
	case chunk.TypeWindowAckSize:
		s.setWindow(m.Body)
	case chunk.TypeAck, chunk.TypeSetPeerBandwidth:
		// The server sends too little for these to matter.
	default:
		s.skip(ingest.SkipUnknown)
	}
	return nil
}

// countControl counts a message other than media against the limits: a total before the peer
// publishes, for it and for all peers of its address, and a rate after that.
func (s *session) countControl(size int) error {
	if !s.published {
		s.commands++
		switch {
		case s.commands > prePublishMessages:
			return &ingest.ProtocolError{Op: "read command", Err: fmt.Errorf("more than %d before publish", prePublishMessages)}
		case s.slot != nil && !s.slot.Spend(size+commandCost):
			return &ingest.CutError{Err: errFlood}
		}
		return nil
	}
	if !s.controls.Spend(s.conn.Arrived()) {
		return &ingest.ProtocolError{Op: "read command", Err: fmt.Errorf("more than %d a second", ingest.ControlRate)}
	}
	return nil
}

// flush queues an acknowledgement if one is due, and writes the queue.
//
// A publisher may have sent everything and closed the connection: its kernel drops what it
// has not sent yet, and ours what we have not read, when it receives anything. It gets
// the acknowledgement when it pauses: when it is not throttled and nothing waits to be read. But
// one that waits for it in the middle of a message must not wait for ever.
func (s *session) flush() error {
	held := s.publication != nil && s.publication.Holding()
	received := s.chunks.Received()
	if n := received - s.acked; !held && (n >= s.window/4*3 || n >= s.window/2 && !unread(s.conn.NetConn())) {
		s.acked = received
		s.sendAck(received)
	}
	if len(s.reply) == 0 {
		return nil
	}
	_, err := s.conn.Write(s.reply)
	s.reply = s.reply[:0]
	return err
}

// end releases the session's resources, sends the reason to the peer, and closes the
// connection. The sink is closed first: a peer that does not read must not delay it.
func (s *session) end(err error) {
	v := outcomeOf(err)
	wasLive := s.publication != nil
	if wasLive {
		s.unpublish(err)
	}
	s.chunks.Discard()
	s.share.Leave()
	s.reply = s.reply[:0]
	if v.code != "" {
		s.status(s.stream, "error", v.code, ingest.Describe(err))
	}
	if !wasLive && !s.published {
		level := v.Level
		if v.Refusal == ingest.RefusedGone && s.conn.Arrived().IsZero() {
			level = slog.LevelDebug // a health check that connects and leaves
		}
		s.server.sessions.Refused(s.log, level, s.protocol, v.Refusal, "encoder", s.encoder, "err", err)
	}
	s.conn.CloseAfter(s.reply)
}

// skip counts something that was ignored.
func (s *session) skip(r ingest.SkipReason) {
	if s.publication != nil {
		s.publication.Skip(r)
	}
}
