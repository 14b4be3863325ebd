package rtmp

import (
	"context"
	"errors"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"golive/ingest"
	"golive/ingest/ingesttest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestServe_EndsSessionsAndWaitsForThem(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	idle := h.dialTCP(t)
	h.stopServer(t)
	select {
	case <-s.Closed:
	default:
		t.Fatal("Serve returned before the sink was closed")
	}
	if !errors.Is(s.Cause, ingest.ErrClosing) {
		t.Errorf("ended with %v", s.Cause)
	}
	c.closed()
	readAll(t, idle)
	for name, want := range map[string]float64{"golive_ingest_sessions": 0, "golive_ingest_connections": 0} {
		if got := h.metric(t, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if n := h.metric(t, "golive_ingest_session_ends_total", "rtmp", "closing"); n != 1 {
		t.Errorf("%v ends by closing are counted, want 1", n)
	}
}

func TestServe_LeavesNothingAfterManySessions(t *testing.T) {
	h := open(t, testConfig())
	for range 50 {
		c, s := h.live(t, "studio")
		c.audio(0, ingesttest.AACConfig())
		c.audio(0, ingesttest.AACFrame())
		s.Unit(t)
		_ = c.conn.Close()
		_ = s.End(t)
	}
	h.stopServer(t)
	for _, name := range []string{"golive_ingest_sessions", "golive_ingest_connections"} {
		if got := h.metric(t, name); got != 0 {
			t.Errorf("%s is %v, want 0", name, got)
		}
	}
	if got := h.metric(t, "golive_ingest_access_units_total", "audio"); got != 50 {
		t.Errorf("%v audio units are counted, want 50", got)
	}
	if n := strings.Count(h.log.String(), "session started"); n != 50 {
		t.Errorf("%d starts in the log, want 50", n)
	}
	if n := strings.Count(h.log.String(), "session ended"); n != 50 {
		t.Errorf("%d ends in the log, want 50", n)
	}
}

// exhausted is a listener whose process has no file descriptors left for a while.
type exhausted struct {
	net.Listener
	fails int
	at    []time.Time
	done  chan struct{}
}

func (e *exhausted) Accept() (net.Conn, error) {
	e.at = append(e.at, time.Now())
	if e.fails--; e.fails >= 0 {
		return nil, syscall.EMFILE
	}
	<-e.done
	return nil, net.ErrClosed
}

func (e *exhausted) Close() error { close(e.done); return nil }

func TestServe_BacksOffWhenAcceptFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, testConfig())
		ln := &exhausted{fails: 12, done: make(chan struct{})}
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		start := time.Now()
		done := make(chan error)
		go func() { done <- h.server.Serve(ctx, ln) }()
		<-time.After(time.Minute) // fake time
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve: %v", err)
		}
		if len(ln.at) != 13 {
			t.Fatalf("%d attempts, want 13", len(ln.at))
		}
		if took := ln.at[12].Sub(start); took < 5*time.Second || took > 7*time.Second {
			t.Errorf("12 failures took %v, want 5 to 7 s", took)
		}
		if n := strings.Count(h.log.String(), "level=WARN msg=\"accept failed\""); n != 1 {
			t.Errorf("%d warnings, want 1", n)
		}
	})
}

func TestServe_ReturnsAnErrorIfItsListenerIsClosed(t *testing.T) {
	h := newHarness(t, testConfig())
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = ln.Close()
	if err := h.server.Serve(context.Background(), ln); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve: %v", err)
	}
}
