package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golive/ingest"
	"golive/internal/connlimit"
	"golive/internal/loglimit"
)

// What the two ways in are called in requests, logs and metrics.
const (
	protocolPlain = "rtmp"
	protocolTLS   = "rtmps"
)

// The delay after a failed Accept, which doubles from the first to the last.
const (
	firstBackoff = 5 * time.Millisecond
	lastBackoff  = time.Second
)

// Door lets publishers in; it is an *ingest.Door.
type Door interface {
	Admit(ctx context.Context, req ingest.Request, evict context.CancelCauseFunc) (ingest.Admission, error)
}

// Server takes publishers. Serve and ServeTLS may be called once for each
// listener.
type Server struct {
	cfg     ingest.Config
	door    Door
	log     *slog.Logger
	metrics *ingest.Metrics

	places   *connlimit.Limiter
	memory   *memory
	refusals *loglimit.Limiter
	sessions atomic.Int64 // numbers given so far
}

// What the peers of one address may send before they publish, in bytes: each command
// counts for commandCost more. A studio of hundreds of encoders that all come back at
// once sends 2 MB.
const (
	commandCost   = 512
	commandsRate  = 256 << 10 // per second
	commandsBurst = 8 << 20
)

// refusalLines is how many refusals of one kind are logged in a second before the rest
// is counted.
const refusalLines = 10

// NewServer gives a server that has no listener yet.
func NewServer(cfg ingest.Config, door Door, log *slog.Logger, metrics *ingest.Metrics) *Server {
	return &Server{
		cfg: cfg, door: door, log: log, metrics: metrics,
		places:   connlimit.New(connlimit.Config{Places: cfg.Limits.Connections, Rate: commandsRate, Burst: commandsBurst}),
		memory:   newMemory(int64(cfg.Limits.MessageMemory)),
		refusals: loglimit.New(log, refusalLines),
	}
}

// Serve takes connections from ln until ctx is done; then it closes ln, ends all
// sessions with ingest.ErrClosing, waits for them and returns nil. It returns an
// error only if ln was closed by somebody else.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	return s.serveAll(ctx, ln, protocolPlain, func(c net.Conn) net.Conn { return c })
}

// ServeTLS does the same for RTMPS, RTMP inside TLS.
func (s *Server) ServeTLS(ctx context.Context, ln net.Listener, config *tls.Config) error {
	return s.serveAll(ctx, ln, protocolTLS, func(c net.Conn) net.Conn { return tls.Server(c, config) })
}

// serveAll serves each connection as what wrap makes of it.
func (s *Server) serveAll(ctx context.Context, ln net.Listener, protocol string, wrap func(net.Conn) net.Conn) error {
	sessions, end := context.WithCancelCause(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	stop := context.AfterFunc(ctx, func() { _ = ln.Close() })
	defer func() {
		stop()
		end(ingest.ErrClosing)
		running.Wait()
		s.refusals.Flush()
	}()
	for {
		conn, err := s.accept(ctx, ln)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if run := s.admit(sessions, wrap(attend(conn)), protocol); run != nil {
			running.Go(run)
		}
	}
}

// accept takes the next connection. Errors, such as having no file descriptor left,
// pass: it tries again, more and more slowly, and has a connection that does not
// publish give its descriptor up.
func (s *Server) accept(ctx context.Context, ln net.Listener) (net.Conn, error) {
	for delay := firstBackoff; ; delay = min(2*delay, lastBackoff) {
		conn, err := ln.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
			s.places.Reclaim()
		}
		if delay == firstBackoff {
			s.refusals.Log(s.log, slog.LevelWarn, "connection could not be accepted", "accept", "err", err)
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// serve speaks with one peer until the connection is closed.
func (s *Server) serve(ctx context.Context, conn net.Conn, protocol string) {
	if run := s.admit(ctx, conn, protocol); run != nil {
		run()
	}
}

// admit gives the connection a place, and returns what serves it; nil when it was
// closed because there is none.
func (s *Server) admit(ctx context.Context, conn net.Conn, protocol string) (run func()) {
	ctx, evict := context.WithCancelCause(ctx)
	place, refusal := s.places.Take(conn.RemoteAddr(), func() { evict(errCrowded) })
	if refusal != "" {
		evict(nil)
		_ = conn.Close()
		s.metrics.Refused(protocol, ingest.RefusedLimit)
		s.refusals.Log(s.log, slog.LevelWarn, "connections were refused: the limit is reached", string(refusal),
			"protocol", protocol, "limit", s.cfg.Limits.Connections)
		return nil
	}
	return func() {
		defer evict(nil)
		defer place.Leave()
		defer s.metrics.Connected()()
		session := newSession(s, conn, protocol, evict)
		session.place = place
		session.link.onCut = func() bool { return session.seeOff(context.Cause(ctx)) }
		stop := context.AfterFunc(ctx, session.link.interrupt)
		defer stop()
		session.run(ctx)
	}
}
