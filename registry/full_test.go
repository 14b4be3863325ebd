package registry

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"golive/internal/logtest"
)

// shared is a server whose memory and disk another user fills.
type shared struct {
	t  *testing.T
	js jetstream.JetStream
	// url is the server's.
	url string
}

func startShared(t *testing.T) *shared {
	t.Helper()
	s := startServer(t, &server.Options{Port: -1, StoreDir: t.TempDir(), JetStreamMaxMemory: 1 << 20, JetStreamMaxStore: 1 << 20})
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	conn, err := nats.Connect(s.ClientURL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	js, err := jetstream.New(conn)
	if err != nil {
		t.Fatal(err)
	}
	return &shared{t: t, js: js, url: s.ClientURL()}
}

// fill stores messages in a stream until the server takes no more; empty removes the stream.
func (s *shared) fill(storage jetstream.StorageType) (empty func()) {
	s.t.Helper()
	name := "other_" + storage.String()
	if _, err := s.js.CreateStream(s.t.Context(), jetstream.StreamConfig{Name: name, Storage: storage}); err != nil {
		s.t.Fatal(err)
	}
	for {
		if _, err := s.js.Publish(s.t.Context(), name, make([]byte, 64<<10)); err != nil {
			if answer, ok := errors.AsType[*jetstream.APIError](err); !ok || answer.ErrorCode != insufficientResources {
				s.t.Fatal(err)
			}
			break
		}
	}
	return func() {
		if err := s.js.DeleteStream(s.t.Context(), name); err != nil {
			s.t.Error(err)
		}
	}
}

func TestRegistry_FullMemoryEndsNothing(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	var log logtest.Log
	a, b := newRegistry(Config{URL: s.url}, "a"), newRegistry(Config{URL: s.url, Required: true}, "b")
	a.log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
	run(t, a)
	run(t, b)
	studio, show := a.Claim("studio", false), b.Claim("show", false)
	if err := errors.Join(ready(t, studio), ready(t, show)); err != nil {
		t.Fatal(err)
	}
	epoch := studio.epochNow()
	empty := s.fill(jetstream.MemoryStorage)
	eventually(t, "both nodes are told", func() bool {
		errs := []error{a.Connected(t.Context()), b.Connected(t.Context())}
		for _, err := range errs {
			if err == nil || !strings.Contains(err.Error(), "max_memory_store") {
				return false
			}
		}
		return true
	})
	eventually(t, "the sessions run out", func() bool { return !a.sessionValid() && !b.sessionValid() })
	ended := a.now()
	eventually(t, "the registry has answered for long", func() bool { return a.now()-ended > TTL })
	eventually(t, "a node that does not require the registry goes on", func() bool { return mayWrite(studio) && a.Admit("new") == nil })
	if mayWrite(show) || !errors.Is(b.Admit("new"), ErrAway) {
		t.Errorf("a node that requires the registry writes: %t, admits: %v", mayWrite(show), b.Admit("new"))
	}
	if n := strings.Count(log.String(), "\n"); n != 1 || !strings.Contains(log.String(), "max_memory_store") {
		t.Errorf("%d lines are logged, want one:\n%s", n, &log)
	}
	meanwhile := a.Claim("new", false)
	empty()
	if err := ready(t, meanwhile); err != nil {
		t.Error(err)
	}
	eventually(t, "the leases are held again", func() bool { return studio.Held() && show.Held() && meanwhile.Held() })
	if isLost(studio) || isLost(show) || studio.epochNow() != epoch {
		t.Errorf("lost: %t, %t; epoch %d was %d", isLost(studio), isLost(show), studio.epochNow(), epoch)
	}
}

// Leases are in memory: a full disk matters before the first contact only.
func TestRegistry_FullDiskMattersBeforeTheFirstContactOnly(t *testing.T) {
	t.Parallel()
	s := startShared(t)
	empty := s.fill(jetstream.FileStorage)
	a := newRegistry(Config{URL: s.url}, "a")
	run(t, a)
	eventually(t, "the first node is told", func() bool {
		err := a.Connected(t.Context())
		return errors.Is(err, ErrAway) && strings.Contains(err.Error(), "max_file_store")
	})
	first := a.Claim("studio", false)
	empty()
	if err := ready(t, first); err != nil {
		t.Fatal(err)
	}
	s.fill(jetstream.FileStorage)
	b := newRegistry(Config{URL: s.url}, "b")
	run(t, b)
	if err := ready(t, b.Claim("show", false)); err != nil {
		t.Errorf("a node that starts while the disk is full: %v", err)
	}
	if err := ready(t, a.Claim("new", false)); err != nil || !first.Held() {
		t.Errorf("the first node: %v, holds its lease: %t", err, first.Held())
	}
}
