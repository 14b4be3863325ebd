package ingest

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// publishFrom publishes id from an address.
func publishFrom(s *SessionLimiter, id, remote string) (Sink, error) {
	return s.Publish(context.Background(), id, Publisher{Request: Request{Remote: remote}})
}

func mustPublish(t *testing.T, s *SessionLimiter, id, remote string) Sink {
	t.Helper()
	sink, err := publishFrom(s, id, remote)
	if err != nil {
		t.Fatalf("%s from %s: %v", id, remote, err)
	}
	return sink
}

func TestSessionLimiter_BoundsBroadcasts(t *testing.T) {
	s := NewSessionLimiter(LimitsConfig{Sessions: 2}, nil, &handler{})
	first := mustPublish(t, s, "a", "10.0.0.1:1")
	mustPublish(t, s, "b", "10.0.0.2:1")
	_, err := publishFrom(s, "c", "10.0.0.3:1")
	const want = "limit reached: 2 broadcasts are live; the limit is 2 (ingest.limits.sessions)"
	if !errors.Is(err, ErrLimit) || err.Error() != want {
		t.Errorf("err = %v, want %s", err, want)
	}
	first.Close(nil)
	mustPublish(t, s, "c", "10.0.0.3:1")
}

func TestSessionLimiter_BoundsBroadcastsOfAnAddress(t *testing.T) {
	s := NewSessionLimiter(LimitsConfig{SessionsPerAddress: 1}, nil, &handler{})
	mustPublish(t, s, "a", "10.0.0.1:1000")
	mustPublish(t, s, "b", "10.0.0.2:1000")
	if _, err := publishFrom(s, "c", "10.0.0.1:2000"); !errors.Is(err, ErrLimit) || !strings.Contains(err.Error(), "published from this address") {
		t.Errorf("err = %v, want ErrLimit", err)
	}
	if _, err := publishFrom(s, "c", "[::ffff:10.0.0.2]:2000"); !errors.Is(err, ErrLimit) {
		t.Errorf("an IPv4 address in IPv6 form counts as another: err = %v, want ErrLimit", err)
	}
	mustPublish(t, s, "d", "[2001:db8:0:1::1]:1000")
	if _, err := publishFrom(s, "e", "[2001:db8:0:1:ffff::2]:1000"); !errors.Is(err, ErrLimit) {
		t.Errorf("an IPv6 network counts as many addresses: err = %v, want ErrLimit", err)
	}
	mustPublish(t, s, "e", "[2001:db8:0:2::1]:1000")
}

func TestSessionLimiter_ReconnectingPublisherIsNotCountedTwice(t *testing.T) {
	s := NewSessionLimiter(LimitsConfig{Sessions: 1, SessionsPerAddress: 1}, nil, &handler{})
	dead := mustPublish(t, s, "a", "10.0.0.1:1000")
	back := mustPublish(t, s, "a", "10.0.0.1:2000")
	dead.Close(errors.New("taken over"))
	if _, err := publishFrom(s, "b", "10.0.0.1:3000"); !errors.Is(err, ErrLimit) {
		t.Errorf("the end of the dead connection released the broadcast: err = %v, want ErrLimit", err)
	}
	back.Close(nil)
	mustPublish(t, s, "b", "10.0.0.1:3000")
}

func TestSessionLimiter_RefusalByTheHandlerIsNotCounted(t *testing.T) {
	h := &handler{err: ErrTaken}
	s := NewSessionLimiter(LimitsConfig{Sessions: 1}, nil, h)
	for range 3 {
		if _, err := publishFrom(s, "a", "10.0.0.1:1"); !errors.Is(err, ErrTaken) {
			t.Fatalf("err = %v, want ErrTaken", err)
		}
	}
	h.err = nil
	mustPublish(t, s, "b", "10.0.0.1:1").Close(nil)
	if len(s.all)+len(s.byAddress) != 0 {
		t.Errorf("counts of %v and %v are left", s.all, s.byAddress)
	}
}

// warned is a Sink that keeps the codes of warnings, with "-" if they are cleared.
type warned struct {
	sink
	codes []WarningCode
}

func (l *warned) Warn(w Warning) { l.codes = append(l.codes, w.Code) }

func (l *warned) ClearWarning(code WarningCode) { l.codes = append(l.codes, "-"+code) }

func TestSessionLimiter_PassesWarningsOn(t *testing.T) {
	l := &warned{}
	limited := Sink(&limitedSink{Sink: l, leave: func() {}})
	limited.(Warner).Warn(Warning{Code: WarnBitrateHigh})
	limited.(Warner).ClearWarning(WarnBitrateHigh)
	if len(l.codes) != 2 || l.codes[0] != WarnBitrateHigh || l.codes[1] != "-"+WarnBitrateHigh {
		t.Errorf("warnings %q, want one that is set and cleared", l.codes)
	}
	Sink(&limitedSink{Sink: sink{}, leave: func() {}}).(Warner).Warn(Warning{Code: WarnBitrateHigh})
}
