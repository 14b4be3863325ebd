package websocket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"golive/ingest"
	"golive/internal/connlimit"
)

// ackEvery is the least time between two acknowledgements.
const ackEvery = 100 * time.Millisecond

// session serves one connection. It is used by one goroutine; only evict is called by others.
type session struct {
	server *Server
	offer  offer
	log    *slog.Logger
	evict  context.CancelCauseFunc
	slot   *connlimit.Slot

	conn        conn
	ws          *websocket.Conn
	share       *ingest.MessageShare
	publication *publication // nil until it publishes
	in          input
	controls    ingest.ControlBudget
}

// offer is what a request says.
type offer struct {
	id      string // of the broadcast that the peer wants to publish
	key     string // its stream key; empty if it has none
	encoder string
	remote  net.Addr
}

// newSession returns the session of a request.
func (s *Server) newSession(r *http.Request, evict context.CancelCauseFunc) *session {
	o := offer{id: r.PathValue("id"), encoder: ingest.CleanEncoder(r.UserAgent()), remote: s.clientOf(r)}
	for _, t := range tokens(r.Header["Sec-Websocket-Protocol"]) {
		if key, ok := strings.CutPrefix(t, keyPrefix); ok {
			o.key = key
		}
	}
	return &session{server: s, offer: o, evict: evict, log: s.sessions.Logger(protocol, o.remote.String())}
}

// accept does the opening handshake. It returns false if it failed, and was answered.
func (s *session) accept(w http.ResponseWriter, r *http.Request) bool {
	ws, err := websocket.Accept(hijacker{w, &s.conn}, r, &websocket.AcceptOptions{
		Subprotocols:       []string{subprotocol},
		InsecureSkipVerify: true, // ServeHTTP has verified the origin
		OnPingReceived:     func(context.Context, []byte) bool { return s.countControl() },
		OnPongReceived:     func(context.Context, []byte) { s.countControl() },
	})
	if err != nil {
		s.server.sessions.Refused(s.log, slog.LevelInfo, protocol, ingest.RefusedProtocol, "err", err)
		return false
	}
	ws.SetReadLimit(-1) // the header of the tag has its size
	s.ws = ws
	return true
}

// run serves the connection until it ends, and closes it.
func (s *session) run(ctx context.Context) {
	s.share = s.server.sessions.Messages.Share(s.evict)
	err := ingest.Protect(s.log, func() error { return s.publish(ctx) })
	switch {
	case errors.Is(err, errStopped):
		err = nil
	case errors.Is(err, ingest.ErrInterrupted):
		err = &ingest.CutError{Err: context.Cause(ctx), Evicted: true}
	}
	s.share.Leave()
	s.end(err)
}

// publish admits the peer, and handles its tags until an error ends the session.
func (s *session) publish(ctx context.Context) error {
	if s.ws.Subprotocol() != subprotocol {
		return errNoProtocol
	}
	if err := ingest.CheckID(s.offer.id); err != nil {
		return &ingest.CutError{Err: err}
	}
	if !s.slot.Spend(attemptCost) {
		return &ingest.CutError{Err: errFlood}
	}
	p, err := s.newPublication(ctx)
	if err != nil {
		return err
	}
	s.publication = p
	s.slot.SetRank(connlimit.Admitted)
	s.conn.peer.AwaitMedia(p.FirstIdleCheck(), s.checkIdle)
	s.say([]byte(started))
	reading := context.WithoutCancel(ctx) // whose end interrupts the connection, and not the WebSocket
	for {
		t, err := s.next(reading)
		if err != nil {
			return err
		}
		if s.conn.peer.Interrupted() {
			return ingest.ErrInterrupted
		}
		if err := s.handle(t); err != nil {
			return err
		}
	}
}

// checkIdle is called if nothing was read until now; see ingest.Session.CheckIdle.
func (s *session) checkIdle(now time.Time) (next time.Time, err error) {
	s.publication.ack(now)
	// A peer that is sending a long message over a slow connection is not idle.
	receiving := s.in.begun && now.Sub(s.conn.peer.Arrived()) < s.server.cfg.IdleTimeout
	next, quiet, err := s.publication.CheckIdle(now, receiving)
	if err == nil && quiet {
		s.conn.queue = append(s.conn.queue, ping, 0)
	}
	if err == nil {
		err = s.conn.flush()
	}
	return next, err
}

// The first bytes of frames that are a whole message (RFC 6455 section 5.2). The WebSocket's own Ping
// waits for the pong, which the session is about to read, and its Write needs a context, whose end
// would close the connection.
const (
	textMessage = 0x81
	ping        = 0x89
	// maxShort is the longest payload whose length is in the second byte.
	maxShort = 125
)

// say queues a message to the peer, of at most maxShort bytes.
func (s *session) say(text []byte) {
	if len(text) > maxShort {
		panic("websocket: message to the peer is too long")
	}
	s.conn.queue = append(append(s.conn.queue, textMessage, byte(len(text))), text...)
}

// countControl counts a message or frame that is no media. It returns false if there are too many,
// which ends the session.
func (s *session) countControl() bool {
	if s.controls.Spend(s.conn.peer.Arrived()) {
		return true
	}
	if s.conn.err == nil {
		s.conn.err = &ingest.ProtocolError{Op: "read message", Err: fmt.Errorf("more than %d a second are no media", ingest.ControlRate)}
	}
	return false
}

// end releases the session's resources, sends the reason to the peer, and closes the connection.
// The sink is closed first: a peer that does not read must not delay it.
func (s *session) end(err error) {
	if s.publication != nil {
		s.publication.End(err)
	} else {
		v := ingest.OutcomeOf(err)
		s.server.sessions.Refused(s.log, v.Level, protocol, v.Refusal, "err", err)
	}
	s.conn.ending = true
	if code := closeCode(err); code != 0 {
		_ = s.ws.Close(code, reasonOf(err)) // does nothing if the WebSocket has sent a close frame
	} else {
		_ = s.ws.CloseNow()
	}
	s.conn.peer.CloseAfter(s.conn.queue)
}
