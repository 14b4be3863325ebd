package rtmp

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golive/ingest"
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

// tellEvery is how often the log says that connections are refused, at most: one
// that ends makes room for one more, again and again.
const tellEvery = 10 * time.Second

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

	connections atomic.Int64
	sessions    atomic.Int64 // numbers given so far
}

// NewServer gives a server that has no listener yet.
func NewServer(cfg ingest.Config, door Door, log *slog.Logger, metrics *ingest.Metrics) *Server {
	return &Server{cfg: cfg, door: door, log: log, metrics: metrics}
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
	}()
	var told time.Time // of the limit
	for {
		conn, err := s.accept(ctx, ln)
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		if n := s.connections.Add(1); n > int64(s.cfg.Limits.Connections) {
			s.connections.Add(-1)
			_ = conn.Close()
			s.metrics.Refused(protocol, ingest.RefusedLimit)
			if now := time.Now(); now.Sub(told) > tellEvery {
				s.log.Warn("connections were refused: the limit is reached", "protocol", protocol, "limit", s.cfg.Limits.Connections)
				told = now
			}
			continue
		}
		running.Go(func() {
			defer s.connections.Add(-1)
			defer s.metrics.Connected()()
			s.serve(sessions, wrap(attend(conn)), protocol)
		})
	}
}

// accept takes the next connection. Errors, such as having no file descriptor
// left, pass; it tries again, more and more slowly.
func (s *Server) accept(ctx context.Context, ln net.Listener) (net.Conn, error) {
	for delay := firstBackoff; ; delay = min(2*delay, lastBackoff) {
		conn, err := ln.Accept()
		if err == nil || ctx.Err() != nil || errors.Is(err, net.ErrClosed) {
			return conn, err
		}
		if delay == firstBackoff {
			s.log.Warn("connection could not be accepted", "err", err)
		}
		select {
		case <-time.After(delay):
		case <-ctx.Done():
		}
	}
}

// serve speaks with one peer until the connection is closed.
func (s *Server) serve(ctx context.Context, conn net.Conn, protocol string) {
	ctx, evict := context.WithCancelCause(ctx)
	defer evict(nil)
	session := newSession(s, conn, protocol, evict)
	session.link.onCut = func() bool { return session.seeOff(context.Cause(ctx)) }
	stop := context.AfterFunc(ctx, session.link.interrupt)
	defer stop()
	session.run(ctx)
}
