package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golive/internal/loglimit"
)

// peerLines is the number of lines of one kind that are logged per second; the rest is
// counted.
const peerLines = 10

// Sessions starts the sessions of all publishers of a node, of all protocols. It may be
// used by many goroutines.
type Sessions struct {
	// Lines bounds the log lines that peers can cause.
	Lines *loglimit.Limiter
	// Messages bounds the memory of incomplete messages.
	Messages *MessageMemory

	limits  atomic.Pointer[LimitsConfig] // of new sessions
	cfg     Config
	auth    *Authorizer
	log     *slog.Logger
	metrics *Metrics
	peers   atomic.Int64 // number of peers so far
}

// NewSessions returns the Sessions of publishers that auth admits.
func NewSessions(cfg Config, auth *Authorizer, log *slog.Logger, metrics *Metrics) *Sessions {
	s := &Sessions{
		Lines: loglimit.New(log, peerLines), Messages: NewMessageMemory(int64(cfg.Limits.MessageMemory)),
		cfg: cfg, auth: auth, log: log, metrics: metrics,
	}
	s.Reload(cfg.Limits)
	return s
}

// Reload replaces the limits of the sessions that begin from now on: those of the media, of its
// rates and of a session's duration.
func (s *Sessions) Reload(limits LimitsConfig) { s.limits.Store(&limits) }

// Logger returns a logger for one peer.
func (s *Sessions) Logger(protocol, remote string) *slog.Logger {
	return s.log.With("protocol", protocol, "session", s.peers.Add(1), "remote", remote)
}

// Metrics returns the metrics of all sessions.
func (s *Sessions) Metrics() *Metrics { return s.metrics }

// Conn is the connection of a Session. A Session calls it on its own goroutine.
type Conn interface {
	// Count adds what the connection has counted since the last call to t: bytes read, and
	// messages skipped or repaired.
	Count(t *Tally)
	// Hold blocks for d, or until the session is ended. The connection must not be read
	// meanwhile. An error ends the session.
	Hold(d time.Duration) error
	// Established is called at the first unit: the peer is a publisher.
	Established()
}

// Publish authorises a peer and starts its session, which ends with Session.End. log is the
// peer's logger. The error is a *CutError; the caller sends it to the peer and calls
// Refused.
func (s *Sessions) Publish(ctx context.Context, req Request, evict context.CancelCauseFunc, conn Conn, log *slog.Logger) (*Session, error) {
	admission, err := s.auth.Admit(ctx, req, evict)
	if err != nil {
		s.countLimit(err)
		return nil, &CutError{Err: err}
	}
	now, limits := time.Now(), s.limits.Load()
	p := &Session{
		id:        admission.ID,
		sessions:  s,
		protocol:  req.Protocol,
		conn:      conn,
		sink:      admission.Sink,
		log:       log.With("broadcast", admission.ID),
		timeline:  Timeline{commonClock: req.CommonClock},
		limits:    NewLimitChecker(*limits),
		encoder:   req.Encoder,
		started:   now,
		lastMedia: now,
	}
	p.ticker, _ = p.sink.(Ticker)
	p.warner, _ = p.sink.(Warner)
	p.counts.at = now
	p.warnings.flow.pictures = newPictureWatch()
	s.metrics.SessionStarted()
	p.log.Debug("publisher admitted", "encoder", p.encoder)
	return p, nil
}

// Refused counts and logs a peer that was not admitted.
func (s *Sessions) Refused(log *slog.Logger, level slog.Level, protocol string, reason RefusalReason, attrs ...any) {
	s.metrics.Refused(protocol, reason)
	s.Lines.Log(log, level, "connection refused", string(reason), attrs...)
}

// countLimit counts the limit that err reports, if it reports one.
func (s *Sessions) countLimit(err error) {
	if limit, ok := errors.AsType[*LimitError](err); ok {
		s.metrics.LimitReached(limit.Limit, true)
	}
}

// Protect calls f and returns its error. It logs a panic and returns ErrInternal, so that a
// bug ends only one session.
func Protect(log *slog.Logger, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("session panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = ErrInternal
		}
	}()
	return f()
}
