package rtmp

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"time"

	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
)

const (
	// What a peer may make us hold before it publishes, in bytes.
	shyBuffer  = 4 << 10
	shyMessage = 64 << 10
	shyStreams = 8
	// And after.
	liveBuffer  = 64 << 10
	liveStreams = 64
)

// session is one connection. It is used by one goroutine; only evict and
// link.interrupt are called by others.
type session struct {
	server   *Server
	protocol string
	log      *slog.Logger
	link     *link
	chunks   *chunk.Reader
	evict    context.CancelCauseFunc

	reply   []byte // messages that wait to be written
	window  uint64 // the peer wants an acknowledgement each so many bytes
	acked   uint64 // of so many bytes
	app     string // from connect; may hold a key
	encoder string
	movable bool // it can be asked to reconnect
	leaving bool // it was

	stream      uint32       // the message stream to speak of publishing on
	streams     int          // message streams the peer created
	publication *publication // nil until it publishes
	published   bool         // it has, at least once
}

func newSession(server *Server, conn net.Conn, protocol string, evict context.CancelCauseFunc) *session {
	s := &session{
		server:   server,
		protocol: protocol,
		log:      server.log.With("protocol", protocol, "session", server.sessions.Add(1), "remote", conn.RemoteAddr().String()),
		evict:    evict,
		window:   defaultWindow,
		stream:   1,
	}
	s.link = newLink(conn)
	s.link.ping, s.link.tick = s.ping, s.tick
	s.chunks = chunk.NewReader(s.link, shyBuffer, chunk.Limits{MessageSize: shyMessage, ChunkStreams: shyStreams})
	return s
}

// run is the session's life.
func (s *session) run(ctx context.Context) {
	err := s.guarded(func() error { return s.converse(ctx) })
	if errors.Is(err, errCut) || s.leaving && judge(err).end == ingest.EndLost {
		err = &decision{err: context.Cause(ctx), evicted: true}
	}
	s.end(ctx, err)
}

// guarded is the one place where a bug is caught: it ends this session and no
// other.
func (s *session) guarded(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.log.Error("session panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = errPanic
		}
	}()
	return f()
}

// converse speaks with the peer until something ends it.
func (s *session) converse(ctx context.Context) error {
	s.link.expect(time.Now().Add(s.server.cfg.Limits.HandshakeTimeout))
	if err := s.shakeHands(); err != nil {
		return err
	}
	for {
		m, err := s.chunks.Next()
		if err != nil {
			return readError(err)
		}
		if s.link.interrupted() {
			return errCut
		}
		if err := s.handle(ctx, m); err != nil {
			return err
		}
		if err := s.flush(); err != nil {
			return err
		}
	}
}

// seeOff asks the publisher to reconnect (Enhanced RTMP v2, "Reconnect Request"),
// if the server stops and the publisher can: what it sends until it does, at its
// next key frame, is taken. Without another address it comes back to the one it
// has, which is another server by then. It is called when the link is cut, and
// says whether the session goes on for the grace period.
func (s *session) seeOff(cause error) bool {
	if !s.movable || s.publication == nil || !errors.Is(cause, ingest.ErrClosing) {
		return false
	}
	s.leaving = true
	s.link.resume(graceTimeout)
	s.sendReconnectRequest()
	s.publication.log.Info("publisher was asked to reconnect")
	return s.flush() == nil
}

func (s *session) shakeHands() error {
	if err := s.link.secure(); err != nil {
		return err
	}
	c01 := make([]byte, handshake.Size)
	n, err := s.link.Read(c01)
	if err != nil {
		return err
	}
	if p := handshake.Sniff(c01[:n]); p != handshake.RTMP {
		return &ForeignError{Protocol: p}
	}
	if _, err := io.ReadFull(s.link, c01[n:]); err != nil {
		return err
	}
	return handshake.Serve(s.link, c01)
}

// handle obeys one message. Audio and video come first: they are nearly all.
func (s *session) handle(ctx context.Context, m chunk.Message) error {
	switch m.Type {
	case chunk.TypeVideo, chunk.TypeAudio:
		return s.media(m)
	case chunk.TypeAggregate:
		return s.aggregate(m)
	case chunk.TypeDataAMF0, chunk.TypeDataAMF3:
		s.data(m)
	case chunk.TypeCommandAMF0, chunk.TypeCommandAMF3:
		return s.command(ctx, m)
	case chunk.TypeUserControl:
		s.userControl(m.Body)
	case chunk.TypeWindowAckSize:
		s.setWindow(m.Body)
	case chunk.TypeAck, chunk.TypeSetPeerBandwidth:
		// What we send is too little to need either.
	default:
		s.skip(ingest.SkipUnknown)
	}
	return nil
}

// flush acknowledges what was received, if that is due, and writes what waits.
func (s *session) flush() error {
	if received := s.chunks.Received(); received-s.acked >= s.window/2 {
		s.acked = received
		s.sendAck(received)
	}
	if len(s.reply) == 0 {
		return nil
	}
	_, err := s.link.Write(s.reply)
	s.reply = s.reply[:0]
	return err
}

// end gives up what the session holds, tells the peer why, and closes. The sink
// comes first: a peer that does not read must not hold it.
func (s *session) end(ctx context.Context, err error) {
	v := judge(err)
	wasLive := s.publication != nil
	if wasLive {
		s.unpublish(err)
	}
	if limit, ok := errors.AsType[*ingest.LimitError](err); ok {
		s.server.metrics.LimitReached(limit.Limit, true)
	}
	s.reply = s.reply[:0]
	if v.code != "" {
		s.status("error", v.code, describe(err))
	}
	if !wasLive && !s.published {
		s.server.metrics.Refused(s.protocol, v.refusal)
		level := v.level
		if v.refusal == ingest.RefusedGone && s.link.arrived.IsZero() {
			level = slog.LevelDebug // a health check that connects and leaves
		}
		s.log.Log(ctx, level, "connection refused", "reason", string(v.refusal), "encoder", s.encoder, "err", err)
	}
	s.link.farewell(s.reply)
}

// skip counts something that was not used.
func (s *session) skip(r ingest.SkipReason) {
	if s.publication != nil {
		s.publication.fresh.Skipped[r]++
	}
}
