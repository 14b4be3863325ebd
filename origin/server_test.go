package origin

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/httpserver"
	"golive/internal/pipenet"
)

// A viewer must read minRate bytes a second, and may fall behind that by maxLag; see
// httpserver.
const (
	minRate = 8 << 10
	maxLag  = 10 * time.Second
)

// testServer is a running server that viewers reach.
type testServer struct {
	ln   *pipenet.Listener
	reg  *prometheus.Registry
	stop context.CancelFunc
	done chan error
}

// startServer runs a server over pipes.
func startServer(t *testing.T, handler http.Handler) *testServer {
	t.Helper()
	s := &testServer{ln: pipenet.Listen()}
	s.serve(t, s.ln, handler)
	return s
}

func (s *testServer) serve(t *testing.T, ln net.Listener, handler http.Handler) {
	t.Helper()
	s.reg, s.done = prometheus.NewRegistry(), make(chan error, 1)
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	s.stop = stop
	cfg := httpserver.DefaultConfig()
	cfg.Limits.Connections = 4000
	server := httpserver.New(cfg, httpserver.Site{Section: "origin", Handler: handler, FastPrefix: Prefix},
		slog.New(slog.DiscardHandler), httpserver.NewMetrics(s.reg))
	go func() { s.done <- server.Serve(ctx, ln) }()
}

// close stops the server and waits for its end.
func (s *testServer) close(t *testing.T) {
	t.Helper()
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
}

// slow returns how many responses were aborted because their viewers read too slowly.
func (s *testServer) slow(t *testing.T) float64 {
	t.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "golive_origin_slow_viewers_total" {
			return family.GetMetric()[0].GetCounter().GetValue()
		}
	}
	t.Fatal("the metric of slow viewers is not gathered")
	return 0
}

// client returns a player's transport for HTTP/1.1, or HTTP/2 from the first byte, that takes
// no more of a response than the test reads.
func (s *testServer) client(protocol int) *http.Transport {
	var p http.Protocols
	p.SetHTTP1(protocol == 1)
	p.SetUnencryptedHTTP2(protocol == 2)
	return &http.Transport{DialContext: s.ln.Dial, Protocols: &p, HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10}}
}

func fetch(ctx context.Context, rt http.RoundTripper, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://golive"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return rt.RoundTrip(req)
}

// The response is the playlist that the request waits for, in both versions of HTTP.
func TestHandler_AnswersAClientThatClosedItsSideWhileItWaits(t *testing.T) {
	for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
		h := live(t)
		ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		s := &testServer{}
		s.serve(t, ln, h.handler())
		dialed, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		c := dialed.(*net.TCPConn)
		if _, err := fmt.Fprintf(c, "GET /live/b/source/index.m3u8?_HLS_msn=3&_HLS_part=1 %s\r\nHost: golive\r\n\r\n", version); err != nil {
			t.Fatal(err)
		}
		if err := c.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		time.AfterFunc(200*time.Millisecond, h.part)
		answer, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err != nil {
			t.Fatalf("%s: %v", version, err)
		}
		text, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK || !strings.Contains(string(text), `"s.25.ts"`) {
			t.Errorf("%s: status %d, body %q, error %v", version, answer.StatusCode, text, err)
		}
		_ = c.Close()
		s.close(t)
	}
}
