package httpserver

import (
	"bufio"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Clients that have sent a request keep their connections. Those that have sent nothing, or an
// incomplete head, are closed for new ones, the oldest first.
func TestListener_ClosesSilentConnectionsForNewOnes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := DefaultConfig()
		cfg.Limits.Connections = 4
		f := startServerWith(t, cfg, sized(), nil)
		dial := func(address, text string) net.Conn {
			client, server := net.Pipe()
			if err := f.ln.Offer(t.Context(), addressed{server, peerOf(address)}); err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = io.WriteString(client, text) }()
			synctest.Wait()
			return client
		}
		const request = "GET /live/10 HTTP/1.1\r\nHost: x\r\n\r\n"
		answered := func(c net.Conn) bool {
			answer, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return false
			}
			_, err = io.Copy(io.Discard, answer.Body)
			return err == nil
		}
		first := dial("192.0.2.1", request)
		other := dial("192.0.2.2", "GET /other HTTP/1.1\r\nHost: x\r\n\r\n") // net/http answers
		silent, partial := dial("192.0.2.3", ""), dial("192.0.2.4", "GET /li")
		for name, c := range map[string]net.Conn{"http1": first, "net/http": other} {
			if !answered(c) {
				t.Errorf("%s: no answer", name)
			}
		}
		for i, c := range []net.Conn{silent, partial} {
			name := []string{"silent", "incomplete head"}[i]
			newcomer := dial("192.0.2.5", request)
			if !answered(newcomer) {
				t.Errorf("%s: the newcomer was not answered", name)
			}
			if _, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("%s: error %v, want a closed connection", name, err)
			}
		}
		if answered(dial("192.0.2.6", request)) {
			t.Error("a further client was answered although all slots are in use")
		}
		if n := testutil.ToFloat64(f.metrics.refused[refusedSilent]); n != 2 {
			t.Errorf("%v silent connections are counted, want 2", n)
		}
		if n := testutil.ToFloat64(f.metrics.connections); n != 4 {
			t.Errorf("%v connections are counted, want 4", n)
		}
		f.close(t)
	})
}

func TestListener_LogsRefusalsOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		cfg := DefaultConfig()
		cfg.Limits.Connections = 1
		s := New(cfg, siteOf(sized()), slog.New(slog.NewTextHandler(&log, nil)), NewMetrics(prometheus.NewRegistry()))
		s.admit(from("192.0.2.1")).RequestRead()
		for range 1000 {
			if s.admit(from("192.0.2.2")) != nil {
				t.Fatal("a connection over the limit was admitted")
			}
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "server=origin reason=connections remote=192.0.2.2:1") || !strings.Contains(lines[1], "count=999") {
			t.Errorf("log %q, want a line with the reason and one with the count", lines)
		}
	})
}

// exhausted is a listener whose process has no file descriptor left.
type exhausted struct{ net.Listener }

func (exhausted) Accept() (net.Conn, error) { return nil, syscall.EMFILE }

func TestListener_ClosesASilentConnectionWhenDescriptorsAreExhausted(t *testing.T) {
	s := New(DefaultConfig(), siteOf(sized()), slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
	client, server := net.Pipe()
	s.admit(server)
	if _, err := s.limit(exhausted{}).Accept(); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Accept: error %v, want EMFILE", err)
	}
	if _, err := client.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the silent connection: error %v, want it closed", err)
	}
}
