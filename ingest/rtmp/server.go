package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"golive/ingest"
	"golive/ingest/peerconn"
	"golive/internal/connlimit"
)

// The protocol names in requests, logs and metrics.
const (
	protocolPlain = "rtmp"
	protocolTLS   = "rtmps"
)

// The delay after a failed Accept doubles from firstBackoff to lastBackoff.
const (
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = time.Second
)

// Server serves publishers over RTMP. Serve and ServeTLS may be called once for each
// listener.
type Server struct {
	cfg      ingest.Config
	sessions *ingest.Sessions
	log      *slog.Logger

	slots *connlimit.Limiter
}

// Limits of what the peers of one address may send before they publish, in bytes: each
// command counts for commandCost more. A studio with hundreds of encoders that reconnect
// at the same time sends 2 MB.
const (
	commandCost   = 512
	commandsRate  = 256 << 10 // per second
	commandsBurst = 8 << 20
)

// NewServer returns a Server without a listener.
func NewServer(cfg ingest.Config, publishers *ingest.Sessions, log *slog.Logger) *Server {
	return &Server{
		cfg: cfg, sessions: publishers, log: log,
		slots: connlimit.New(connlimit.Config{Slots: cfg.Limits.Connections, Rate: commandsRate, Burst: commandsBurst}),
	}
}

// Serve accepts connections from ln until ctx is done; then it closes ln, ends all sessions
// with ingest.ErrClosing, waits for them and returns nil. It returns an error only if ln
// was closed elsewhere.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	return s.serveAll(ctx, ln, protocolPlain, func(c net.Conn) net.Conn { return c })
}

// ServeTLS is like Serve for RTMPS, RTMP over TLS.
func (s *Server) ServeTLS(ctx context.Context, ln net.Listener, config *tls.Config) error {
	return s.serveAll(ctx, ln, protocolTLS, func(c net.Conn) net.Conn { return tls.Server(c, config) })
}

// serveAll serves each connection after wrapping it.
func (s *Server) serveAll(ctx context.Context, ln net.Listener, protocol string, wrap func(net.Conn) net.Conn) error {
	sessions, end := context.WithCancelCause(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer func() {
		stop()
		end(ingest.ErrClosing)
		running.Wait()
		s.sessions.Lines.Flush()
	}()
	for {
		conn, err := s.accept(ctx, ln)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if run := s.admit(sessions, wrap(peerconn.Pausable(conn)), protocol); run != nil {
			running.Go(run)
		}
	}
}

// accept accepts the next connection. It retries after temporary errors, with increasing
// delays; if there is no file descriptor left it closes a connection that does not publish.
func (s *Server) accept(ctx context.Context, ln net.Listener) (net.Conn, error) {
	for delay := firstBackoff; ; delay = min(2*delay, lastBackoff) {
		conn, err := ln.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			s.slots.Reclaim()
		}
		if delay == firstBackoff {
			s.sessions.Lines.Log(s.log, slog.LevelWarn, "accept failed", "accept", "err", err)
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// serve serves one connection until it is closed.
func (s *Server) serve(ctx context.Context, conn net.Conn, protocol string) {
	if run := s.admit(ctx, conn, protocol); run != nil {
		run()
	}
}

// admit takes a slot for the connection and returns the function that serves it, or
// nil if the connection was closed because no slot was free.
func (s *Server) admit(ctx context.Context, conn net.Conn, protocol string) (run func()) {
	ctx, evict := context.WithCancelCause(ctx)
	slot, refusal := s.slots.Take(conn.RemoteAddr(), func() { evict(errReclaimed) })
	if refusal != "" {
		evict(nil)
		s.sessions.Metrics().Refused(protocol, ingest.RefusedLimit)
		s.sessions.Lines.Log(s.log, slog.LevelWarn, "connection refused: limit reached", string(refusal),
			"protocol", protocol, "limit", s.cfg.Limits.Connections)
		_ = conn.Close()
		return nil
	}
	return func() {
		defer evict(nil)
		defer slot.Release()
		defer s.sessions.Metrics().Connected()()
		session := newSession(s, conn, protocol, evict)
		session.slot = slot
		session.conn.OnInterrupt = func() bool { return session.requestReconnect(context.Cause(ctx)) }
		stop := context.AfterFunc(ctx, session.conn.Interrupt)
		defer stop()
		session.run(ctx)
	}
}
