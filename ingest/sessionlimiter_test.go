package ingest

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// claim publishes from an address.
func claim(s *SessionLimiter, id, remote string) (Sink, error) {
	return s.Publish(context.Background(), id, Publisher{Request: Request{Remote: remote}})
}

func mustClaim(t *testing.T, s *SessionLimiter, id, remote string) Sink {
	t.Helper()
	sink, err := claim(s, id, remote)
	if err != nil {
		t.Fatalf("%s from %s: %v", id, remote, err)
	}
	return sink
}

func TestSessionLimiter_BoundBroadcastsInAll(t *testing.T) {
	s := NewSessionLimiter(LimitsConfig{Sessions: 2}, nil, &handler{})
	first := mustClaim(t, s, "a", "10.0.0.1:1")
	mustClaim(t, s, "b", "10.0.0.2:1")
	_, err := claim(s, "c", "10.0.0.3:1")
	const want = "limit reached: 2 broadcasts are live; the limit is 2 (ingest.limits.sessions)"
	if !errors.Is(err, ErrLimit) || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	first.Close(nil)
	mustClaim(t, s, "c", "10.0.0.3:1")
}

func TestSessionLimiter_BoundBroadcastsOfAnAddress(t *testing.T) {
	s := NewSessionLimiter(LimitsConfig{SessionsPerAddress: 1}, nil, &handler{})
	mustClaim(t, s, "a", "10.0.0.1:1000")
	mustClaim(t, s, "b", "10.0.0.2:1000")
	if _, err := claim(s, "c", "10.0.0.1:2000"); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "published from this address") {
		t.Errorf("err = %v", err)
	}
	if _, err := claim(s, "c", "[::ffff:10.0.0.2]:2000"); !errors.Is(err, ErrLimit) {
		t.Errorf("an IPv4 address in IPv6 form is another: %v", err)
	}
	mustClaim(t, s, "d", "[2001:db8:0:1::1]:1000")
	if _, err := claim(s, "e", "[2001:db8:0:1:ffff::2]:1000"); !errors.Is(err, ErrLimit) {
		t.Errorf("an IPv6 network counts as many addresses: %v", err)
	}
	mustClaim(t, s, "e", "[2001:db8:0:2::1]:1000")
}

func TestSessionLimiter_ReconnectingPublisherIsNotCountedTwice(t *testing.T) {
	s := NewSessionLimiter(LimitsConfig{Sessions: 1, SessionsPerAddress: 1}, nil, &handler{})
	dead := mustClaim(t, s, "a", "10.0.0.1:1000")
	back := mustClaim(t, s, "a", "10.0.0.1:2000")
	dead.Close(errors.New("taken over"))
	if _, err := claim(s, "b", "10.0.0.1:3000"); !errors.Is(err, ErrLimit) {
		t.Errorf("the end of the dead connection made room for another: %v", err)
	}
	back.Close(nil)
	mustClaim(t, s, "b", "10.0.0.1:3000")
}

func TestSessionLimiter_RefusalByTheStageIsNotCounted(t *testing.T) {
	st := &handler{err: ErrTaken}
	s := NewSessionLimiter(LimitsConfig{Sessions: 1}, nil, st)
	for range 3 {
		if _, err := claim(s, "a", "10.0.0.1:1"); !errors.Is(err, ErrTaken) {
			t.Fatalf("err = %v", err)
		}
	}
	st.err = nil
	mustClaim(t, s, "b", "10.0.0.1:1").Close(nil)
	if len(s.all)+len(s.byAddress) != 0 {
		t.Errorf("%v and %v are left", s.all, s.byAddress)
	}
}

// warned is a Sink that records warnings.
type warned struct {
	sink
	codes []WarningCode
}

func (l *warned) Warn(w Warning) { l.codes = append(l.codes, w.Code) }

func (l *warned) ClearWarning(code WarningCode) { l.codes = append(l.codes, "-"+code) }

func TestSessionLimiter_PassWarningsOn(t *testing.T) {
	l := &warned{}
	limited := Sink(&limitedSink{Sink: l, leave: func() {}})
	limited.(Warner).Warn(Warning{Code: WarnBitrateHigh})
	limited.(Warner).ClearWarning(WarnBitrateHigh)
	if len(l.codes) != 2 || l.codes[0] != WarnBitrateHigh || l.codes[1] != "-"+WarnBitrateHigh {
		t.Errorf("got %q", l.codes)
	}
	Sink(&limitedSink{Sink: sink{}, leave: func() {}}).(Warner).Warn(Warning{Code: WarnBitrateHigh})
}
