package httpserver

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// openTCP runs a public Server on TCP until the test ends.
func openTCP(t *testing.T, handler http.Handler) (address string, m *Metrics) {
	t.Helper()
	m = NewMetrics(prometheus.NewRegistry())
	s := New(DefaultConfig(), siteOf(handler), slog.New(slog.DiscardHandler), m)
	return serveTCP(t, s.Serve), m
}

func dialTCP(t *testing.T, address string) *net.TCPConn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c.(*net.TCPConn)
}

// A client may close its side of the connection after its request.
func TestServer_AnswersClientsThatHaveClosedTheirSide(t *testing.T) {
	for _, path := range []string{"/live/wait", "/other/wait"} { // of http1, and of net/http
		for _, version := range []string{"HTTP/1.1", "HTTP/1.0"} {
			asked, closed := make(chan struct{}), make(chan struct{})
			address, _ := openTCP(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(asked)
				<-closed
				select {
				case <-r.Context().Done():
				case <-time.After(100 * time.Millisecond):
					w.Header().Set("Content-Length", "4")
					_, _ = io.WriteString(w, "true")
				}
			}))
			c := dialTCP(t, address)
			if _, err := fmt.Fprintf(c, "GET %s %s\r\nHost: golive\r\n\r\n", path, version); err != nil {
				t.Fatal(err)
			}
			<-asked
			if err := c.CloseWrite(); err != nil {
				t.Fatal(err)
			}
			close(closed)
			answer, err := io.ReadAll(c)
			if err != nil || !strings.HasSuffix(string(answer), "\r\n\r\ntrue") {
				t.Errorf("%s over %s: answer %q, want one that ends with true: %v", path, version, answer, err)
			}
		}
	}
}

// The server does not wait for a body that no handler reads.
func TestServer_AnswersWithoutWaitingForABody(t *testing.T) {
	for _, head := range []string{
		"GET /live/x HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.0\r\nContent-Length: 5\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhi",
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhi",
		"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000000000000000\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
	} {
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
			client := f.dial(t)
			began := time.Now()
			go func() { _, _ = io.WriteString(client, head) }()
			in := bufio.NewReader(client)
			answer, err := http.ReadResponse(in, nil)
			if err != nil {
				t.Fatalf("%q: %v", head, err)
			}
			if body, err := io.ReadAll(answer.Body); err != nil || string(body) != "ok" || answer.StatusCode != 200 || !answer.Close || time.Since(began) != 0 {
				t.Errorf("%q: %d %q after %s, want 200 ok and a close at once: %v", head, answer.StatusCode, body, time.Since(began), err)
			}
			if _, err := io.Copy(io.Discard, in); err != nil {
				t.Error(err)
			}
			if took := time.Since(began); took > 2*bodyTimeout {
				t.Errorf("%q: the connection was held for %s", head, took)
			}
			f.close(t)
		})
	}
}

// RFC 9112 section 2.2.
func TestServer_IgnoresEmptyLinesBeforeARequest(t *testing.T) {
	for _, requests := range []string{
		"\r\nGET /10 HTTP/1.1\r\nHost: x\r\n\r\n",
		"\r\n\r\n\r\nGET /live/10 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /live/10 HTTP/1.1\r\nHost: x\r\n\r\n\r\nGET /live/10 HTTP/1.1\r\nHost: x\r\n\r\n",
		"GET /live/10 HTTP/1.1\r\nHost: x\r\n\r\n\r\n\r\nGET /10 HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		for _, size := range []int{len(requests), 1} {
			overBoth(t, func(t *testing.T, open starter) {
				f := open(t, http.StripPrefix("/live", sized()))
				if !strings.Contains(requests, "/live") {
					f.close(t)
					f = open(t, sized())
				}
				client := f.dial(t)
				go func() {
					for b := []byte(requests); len(b) > 0; b = b[min(size, len(b)):] {
						_, _ = client.Write(b[:min(size, len(b))])
					}
				}()
				in := bufio.NewReader(client)
				for i := range strings.Count(requests, "GET") {
					answer, err := http.ReadResponse(in, nil)
					if err != nil {
						t.Fatalf("%q: answer %d: %v", requests, i, err)
					}
					if answer.StatusCode != 200 && !strings.Contains(requests, "/live") {
						t.Errorf("%q: answer %d has status %d", requests, i, answer.StatusCode)
					}
					if answer.StatusCode == http.StatusBadRequest {
						t.Errorf("%q: answer %d has status %d", requests, i, answer.StatusCode)
					}
					_, _ = io.Copy(io.Discard, answer.Body)
				}
				_ = client.Close()
				f.close(t)
			})
		}
	}
}

func TestServer_RefusesHTTP2AfterARequestOfHTTP1(t *testing.T) {
	const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
	for _, first := range []string{
		"GET /live/10 HTTP/1.1\r\nHost: x\r\n\r\n", // http1 answers
		"GET /10 HTTP/1.1\r\nHost: x\r\n\r\n",      // net/http does
		"\r\n",
	} {
		for _, size := range []int{100, 1} {
			overBoth(t, func(t *testing.T, open starter) {
				f := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.ProtoMajor == 2 {
						t.Errorf("%q: %s %s is answered", first, r.Method, r.Proto)
					}
					w.Header().Set("Content-Length", "0")
				}))
				client := f.dial(t)
				in := bufio.NewReader(client)
				if first != "\r\n" {
					go func() { _, _ = io.WriteString(client, first) }()
					if answer, err := http.ReadResponse(in, nil); err != nil || answer.StatusCode != 200 {
						t.Fatal(answer, err)
					}
				}
				go func() {
					text := preface
					if first == "\r\n" {
						text = first + preface
					}
					for b := []byte(text); len(b) > 0; b = b[min(size, len(b)):] {
						_, _ = client.Write(b[:min(size, len(b))])
					}
				}()
				answer, err := http.ReadResponse(in, nil)
				if err != nil || answer.StatusCode != http.StatusBadRequest || answer.ProtoMajor != 1 {
					t.Errorf("%q: answer %v, want 400 over HTTP/1: %v", first, answer, err)
				}
				if n, _ := io.Copy(io.Discard, in); n > 0 {
					t.Errorf("%q: %d bytes follow", first, n)
				}
				_ = client.Close()
				f.close(t)
			})
		}
	}
}
