package ingest

import (
	"context"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golive/internal/connlimit"
)

// SessionLimiter is a PublishHandler that limits the number of sessions of another one. It
// counts broadcasts: a publisher that reconnects while its dead connection is still open
// is not counted twice.
type SessionLimiter struct {
	handler PublishHandler
	memory  *Memory

	mu        sync.Mutex
	limits    LimitsConfig
	all       map[string]int // sessions by broadcast
	byAddress map[netip.Prefix]map[string]int
}

// NewSessionLimiter returns a SessionLimiter for handler, with limits on sessions and on the
// memory of their media.
func NewSessionLimiter(limits LimitsConfig, memory *Memory, handler PublishHandler) *SessionLimiter {
	return &SessionLimiter{handler: handler, limits: limits, memory: memory, all: map[string]int{}, byAddress: map[netip.Prefix]map[string]int{}}
}

// Reload replaces the limits on sessions. Those that there are stay.
func (s *SessionLimiter) Reload(limits LimitsConfig) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits = limits
}

// Publish implements PublishHandler.
func (s *SessionLimiter) Publish(ctx context.Context, id string, p Publisher) (Sink, error) {
	from := networkOf(p.Remote)
	if err := s.take(id, from); err != nil {
		return nil, err
	}
	leave := func() { s.leave(id, from) }
	sink, err := s.handler.Publish(ctx, id, p)
	if err != nil {
		leave()
		return nil, err
	}
	return &limitedSink{Sink: sink, leave: leave}, nil
}

func (s *SessionLimiter) take(id string, from netip.Prefix) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := refuseOver(LimitSessions, s.limits.Sessions, s.all, id, "live"); err != nil {
		return err
	}
	if s.all[id] == 0 {
		if err := s.memory.check(len(s.all)); err != nil {
			return err
		}
	}
	here := s.byAddress[from]
	if err := refuseOver(LimitSessionsPerAddress, s.limits.SessionsPerAddress, here, id, "published from this address"); err != nil {
		return err
	}
	if here == nil {
		here = map[string]int{}
		s.byAddress[from] = here
	}
	s.all[id]++
	here[id]++
	return nil
}

// refuseOver returns a *LimitError if taken has the maximum number of ids and id is not one
// of them.
func refuseOver(l Limit, most int, taken map[string]int, id, where string) error {
	if most == 0 || taken[id] > 0 || len(taken) < most {
		return nil
	}
	return &LimitError{Limit: l, Measured: strconv.Itoa(len(taken)) + " broadcasts are " + where, Allowed: strconv.Itoa(most)}
}

func (s *SessionLimiter) leave(id string, from netip.Prefix) {
	s.mu.Lock()
	defer s.mu.Unlock()
	drop := func(taken map[string]int) {
		if taken[id]--; taken[id] == 0 {
			delete(taken, id)
		}
	}
	drop(s.all)
	drop(s.byAddress[from])
	if len(s.byAddress[from]) == 0 {
		delete(s.byAddress, from)
	}
}

// networkOf returns the network that counts as one address; see connlimit.NetworkOf.
func networkOf(remote string) netip.Prefix {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return netip.Prefix{}
	}
	return connlimit.NetworkOf(at.Addr())
}

// limitedSink is a Sink that releases its session when it is closed.
type limitedSink struct {
	Sink
	leave func()
}

// Close implements Sink. The session is released first, because the PublishHandler may
// admit the next one.
func (s *limitedSink) Close(cause error) {
	s.leave()
	s.Sink.Close(cause)
}

// Tick implements Ticker.
func (s *limitedSink) Tick(now time.Time) bool {
	to, ok := s.Sink.(Ticker)
	return ok && to.Tick(now)
}

// Warn implements Warner.
func (s *limitedSink) Warn(w Warning) {
	if to, ok := s.Sink.(Warner); ok {
		to.Warn(w)
	}
}

// ClearWarning implements Warner.
func (s *limitedSink) ClearWarning(code WarningCode) {
	if to, ok := s.Sink.(Warner); ok {
		to.ClearWarning(code)
	}
}
