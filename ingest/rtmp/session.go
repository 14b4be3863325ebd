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
	"golive/internal/connlimit"
)

const (
	// What a peer may make us hold before it publishes, in bytes; and what it may send:
	// an encoder sends 4 kB in six commands.
	shyBuffer   = 4 << 10
	shyMessage  = 64 << 10
	shyStreams  = 8
	shyBytes    = 256 << 10
	shyMessages = 100
	// And after.
	liveBuffer  = 64 << 10
	liveStreams = 64
	// Messages that are no media, in a second and at once.
	liveRate  = 500
	liveBurst = 5000
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

	stream      uint32       // the message stream that the peer publishes on, or wanted to
	created     uint32       // the message streams that the peer created: 1 to created
	publication *publication // nil until it publishes
	published   bool         // it has, at least once

	place    *connlimit.Place
	share    *share
	controls int       // messages that were no media, since refilled or the beginning
	refilled time.Time // when liveRate was last taken off
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
	s.link.ping, s.link.patience, s.link.tick = s.ping, s.patience, s.tick
	s.share = server.memory.share(evict)
	s.chunks = chunk.NewReader(s.link, shyBuffer, chunk.Limits{
		MessageSize: shyMessage, ChunkStreams: shyStreams, Bytes: shyBytes, Memory: s.share,
	})
	return s
}

// run is the session's life.
func (s *session) run(ctx context.Context) {
	err := s.guarded(func() error { return s.converse(ctx) })
	if errors.Is(err, errCut) || s.leaving && judge(err).end == ingest.EndLost {
		err = &decision{err: context.Cause(ctx), evicted: true}
	}
	s.end(err)
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
	}
	if err := s.control(len(m.Body)); err != nil {
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
		// What we send is too little to need either.
	default:
		s.skip(ingest.SkipUnknown)
	}
	return nil
}

// control counts a message that is no media against what the peer may send of them:
// so many before it publishes, and of all peers of its address; and so many a second
// after that.
func (s *session) control(size int) error {
	s.controls++
	if !s.published {
		switch {
		case s.controls > shyMessages:
			return &ProtocolError{Op: "read command", Err: fmt.Errorf("more than %d before publish", shyMessages)}
		case s.place != nil && !s.place.Spend(size+commandCost):
			return &decision{err: errFlood}
		}
		return nil
	}
	if now := s.link.arrived; now.Sub(s.refilled) >= time.Second {
		seconds := min(now.Sub(s.refilled)/time.Second, liveBurst)
		s.controls = max(0, s.controls-liveRate*int(seconds))
		s.refilled = now
	}
	if s.controls > liveBurst {
		return &ProtocolError{Op: "read command", Err: fmt.Errorf("more than %d a second", liveRate)}
	}
	return nil
}

// flush acknowledges what was received, if that is due, and writes what waits.
//
// A publisher that is held back may have sent all and closed: its kernel still has the
// end, and drops it when anything is sent there. It is acknowledged to when it pauses.
func (s *session) flush() error {
	held := s.publication != nil && s.publication.throttle.holds
	if received := s.chunks.Received(); received-s.acked >= s.window/2 && !held {
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
func (s *session) end(err error) {
	v := judge(err)
	wasLive := s.publication != nil
	if wasLive {
		s.unpublish(err)
	}
	if limit, ok := errors.AsType[*ingest.LimitError](err); ok {
		s.server.metrics.LimitReached(limit.Limit, true)
	}
	s.chunks.Discard()
	s.share.leave()
	s.reply = s.reply[:0]
	if v.code != "" {
		s.status(s.stream, "error", v.code, describe(err))
	}
	if !wasLive && !s.published {
		s.server.metrics.Refused(s.protocol, v.refusal)
		level := v.level
		if v.refusal == ingest.RefusedGone && s.link.arrived.IsZero() {
			level = slog.LevelDebug // a health check that connects and leaves
		}
		s.server.refusals.Log(s.log, level, "connection refused", string(v.refusal), "encoder", s.encoder, "err", err)
	}
	s.link.farewell(s.reply)
}

// skip counts something that was not used.
func (s *session) skip(r ingest.SkipReason) {
	if s.publication != nil {
		s.publication.fresh.Skipped[r]++
	}
}
