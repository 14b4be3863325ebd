package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	"golive/internal/loglimit"
)

// peerLines is how many lines of one kind are logged in a second before the rest is
// counted.
const peerLines = 10

// Sessions begins the sessions of all publishers of a node, whatever protocol they
// speak. It may be used by many goroutines.
type Sessions struct {
	// Lines bounds the log lines that peers can cause.
	Lines *loglimit.Limiter

	cfg     Config
	auth    *Authorizer
	log     *slog.Logger
	metrics *Metrics
	peers   atomic.Int64 // numbers given so far
}

// NewSessions returns the Sessions of publishers that auth admits.
func NewSessions(cfg Config, auth *Authorizer, log *slog.Logger, metrics *Metrics) *Sessions {
	return &Sessions{Lines: loglimit.New(log, peerLines), cfg: cfg, auth: auth, log: log, metrics: metrics}
}

// Logger returns the log of one peer.
func (s *Sessions) Logger(protocol, remote string) *slog.Logger {
	return s.log.With("protocol", protocol, "session", s.peers.Add(1), "remote", remote)
}

// Metrics returns what all sessions count to.
func (s *Sessions) Metrics() *Metrics { return s.metrics }

// Conn is what a Session asks of the connection that its media comes from. A Session
// calls it on its own goroutine.
type Conn interface {
	// Count adds to t what the connection has counted since the last call: the bytes it
	// read, and what it skipped or repaired below the media.
	Count(t *Tally)
	// Hold returns after d, or earlier when the session is being ended. Nothing is to be
	// read meanwhile. An error ends the session.
	Hold(d time.Duration) error
	// Established tells that the first unit came: the peer has proved to be a publisher.
	Established()
}

// Publish authorises a peer and begins its session, which ends with Session.End. log is
// the peer's. The error is a *CutError; the peer's protocol tells it to the peer, and
// Refused to the operator.
func (s *Sessions) Publish(ctx context.Context, req Request, evict context.CancelCauseFunc, conn Conn, log *slog.Logger) (*Session, error) {
	admission, err := s.auth.Admit(ctx, req, evict)
	if err != nil {
		s.countLimit(err)
		return nil, &CutError{Err: err}
	}
	now := time.Now()
	p := &Session{
		id:       admission.ID,
		sessions: s,
		protocol: req.Protocol,
		conn:     conn,
		sink:     admission.Sink,
		log:      log.With("broadcast", admission.ID),
		guard:    NewGuard(s.cfg.Limits),
		encoder:  req.Encoder,
		started:  now,
		media:    now,
	}
	p.ticker, _ = p.sink.(Ticker)
	p.warner, _ = p.sink.(Warner)
	p.counts.at = now
	if s.cfg.Limits.Ahead == 0 {
		p.throttle.next = math.MaxInt64
	}
	s.metrics.SessionStarted()
	p.log.Debug("publisher was admitted", "encoder", p.encoder)
	return p, nil
}

// Refused counts and logs a peer that did not get to publish.
func (s *Sessions) Refused(log *slog.Logger, level slog.Level, protocol string, reason RefusalReason, attrs ...any) {
	s.metrics.Refused(protocol, reason)
	s.Lines.Log(log, level, "connection refused", string(reason), attrs...)
}

// countLimit counts the limit that an end was for, if it was for one.
func (s *Sessions) countLimit(err error) {
	if limit, ok := errors.AsType[*LimitError](err); ok {
		s.metrics.LimitReached(limit.Limit, true)
	}
}

// Protect calls f and returns its error. A panic is logged and becomes ErrInternal: a
// bug ends one session and no other.
func Protect(log *slog.Logger, f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("session panicked", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			err = ErrInternal
		}
	}()
	return f()
}
