package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golive/internal/clip"
	"golive/internal/config"
	"golive/internal/publisher"
)

// running is a whole server in this process, on ports of its own.
type running struct {
	listeners listeners
	stop      func()
	client    *http.Client
}

// startServer starts a server until the end of the test, or until stop.
func startServer(t *testing.T, change func(*config.Config)) *running {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.Ingest.RTMP.Listen, cfg.Origin.Listen, cfg.Admin.Listen = "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"
	change(&cfg)
	ctx, cancel := context.WithCancel(context.Background())
	d, err := listen(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	h, err := wire(ctx, cfg, d, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- h.run(ctx, d, func(context.Context) {}) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the server ended with %v", err)
		}
		if err := h.close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return &running{listeners: d, stop: stop, client: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}}
}

// breakingConn is a connection that breaks after a number of written bytes: it is reset,
// or it goes silent as that of a stopped process does.
type breakingConn struct {
	net.Conn
	left   atomic.Int64
	silent bool
}

func (d *breakingConn) Write(p []byte) (int, error) {
	if d.left.Add(-int64(len(p))) >= 0 {
		return d.Conn.Write(p)
	}
	if d.silent {
		return len(p), nil
	}
	if tcp, ok := d.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // RST, not FIN
	}
	_ = d.Close()
	return 0, io.ErrClosedPipe
}

// resources are the quantities that a leak would increase.
type resources struct {
	goroutines, descriptors int
	heap                    uint64
}

func countResources(t *testing.T) resources {
	t.Helper()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip("no /proc here: ", err)
	}
	return resources{runtime.NumGoroutine(), len(open), m.HeapAlloc}
}

func TestServe_NothingIsLeftAfter200Publications(t *testing.T) {
	s := startServer(t, func(c *config.Config) {
		c.Ingest.ReconnectWindow = 0
		c.Ingest.IdleTimeout = time.Second
		c.Broadcast.Linger = time.Second
	})
	source := clip.FLV()
	publish := func(n int) {
		cfg := publisher.DefaultConfig()
		cfg.URL = fmt.Sprintf("rtmp://%s/live/b%d", s.listeners.rtmp.Addr(), n%20)
		cfg.Source, cfg.Duration, cfg.Spread = source, 700*time.Millisecond, 0
		if kind := n % 4; kind >= 2 {
			cfg.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				c, err := (&net.Dialer{}).DialContext(ctx, network, address)
				if err != nil {
					return nil, err
				}
				d := &breakingConn{Conn: c, silent: kind == 3}
				d.left.Store(20_000)
				return d, nil
			}
		}
		err := publisher.Run(t.Context(), cfg, slog.New(slog.DiscardHandler))
		if err != nil && n%4 < 2 {
			t.Errorf("publication %d: %v", n, err)
		}
	}
	round := func(from, to int) {
		var all sync.WaitGroup
		for n := from; n < to; n++ {
			all.Go(func() { publish(n) })
		}
		all.Wait()
	}
	round(0, 20) // creates all that is created only once
	awaitQuiet(t, s)
	before := countResources(t)
	for from := 20; from < 220; from += 20 {
		round(from, from+20)
		awaitQuiet(t, s)
	}
	var after resources
	for range 50 {
		after = countResources(t)
		if after.goroutines <= before.goroutines && after.descriptors <= before.descriptors {
			break
		}
		<-time.After(100 * time.Millisecond)
	}
	t.Logf("before %+v, after %+v", before, after)
	if after.goroutines > before.goroutines || after.descriptors > before.descriptors {
		t.Errorf("goroutines %d → %d, descriptors %d → %d", before.goroutines, after.goroutines, before.descriptors, after.descriptors)
	}
	if after.heap > before.heap+2<<20 {
		t.Errorf("heap %d → %d bytes", before.heap, after.heap)
	}
}

// awaitQuiet waits until every broadcast has been forgotten.
func awaitQuiet(t *testing.T, s *running) {
	t.Helper()
	url := fmt.Sprintf("http://%s/v1/broadcasts", s.listeners.http.Addr())
	for range 200 {
		r, err := s.client.Get(url)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		_ = r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(body), `"broadcasts":[]`) {
			return
		}
		<-time.After(50 * time.Millisecond)
	}
	t.Fatal("broadcasts were not forgotten")
}
