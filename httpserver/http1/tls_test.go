package http1

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golive/internal/pipenet"
	"golive/internal/tlstest"
)

// selfSigned returns a server configuration with a self-signed certificate. It has no session
// tickets: writing them to a pipe blocks until the client reads.
func selfSigned(t *testing.T) *tls.Config {
	t.Helper()
	config, _ := tlstest.SelfSigned()
	config.SessionTicketsDisabled, config.NextProtos = true, []string{"acme-tls/1"}
	return config
}

// openTLS starts a testServer over pipes and TLS.
func openTLS(t *testing.T, config *tls.Config, handler http.HandlerFunc) *testServer {
	t.Helper()
	p := pipenet.Listen()
	d := openListener(t, NewTLSListener(p, config, "/live/", handler, slog.New(slog.DiscardHandler)), handler)
	d.dial = func() net.Conn {
		near, far := net.Pipe()
		if err := p.Offer(t.Context(), far); err != nil {
			t.Error(err)
		}
		return near
	}
	return d
}

// clientHandshake performs the client's part of the handshake.
func clientHandshake(t *testing.T, c net.Conn, protocols ...string) *tls.Conn {
	t.Helper()
	client := tls.Client(c, &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client
}

// secureEcho is echo for requests over TLS, and fails for others.
func secureEcho(w http.ResponseWriter, r *http.Request) {
	if r.TLS == nil || !r.TLS.HandshakeComplete {
		http.Error(w, "the request has no TLS state", http.StatusInternalServerError)
		return
	}
	echo(w, r)
}

func TestTLS_AnswersHTTP1AndHandsTheRestOver(t *testing.T) {
	config := selfSigned(t)
	for name, protocols := range map[string][]string{"http/1.1": {"http/1.1"}, "no ALPN": nil, "both, without h2": {"spdy/3", "http/1.1"}} {
		synctest.Test(t, func(t *testing.T) {
			d := openTLS(t, config, secureEcho)
			defer d.end()
			c := clientHandshake(t, d.dial(), protocols...)
			answers, _ := ask(t, c, get+get+"GET /other HTTP/1.1\r\n"+host+"\r\n"+get, 4)
			for i, want := range []string{"", "", "yes", "yes"} { // net/http keeps the connection
				if answers[i].StatusCode != http.StatusOK || answers[i].Header.Get("Slow") != want {
					t.Errorf("%s: answer %d: %d, slow: %q", name, i, answers[i].StatusCode, answers[i].Header.Get("Slow"))
				}
			}
			_ = c.Close()
		})
	}
}

func TestTLS_HandsHTTP2OverAfterTheHandshake(t *testing.T) {
	config := selfSigned(t)
	synctest.Test(t, func(t *testing.T) {
		d := openTLS(t, config, secureEcho)
		defer d.end()
		var p http.Protocols
		p.SetHTTP2(true)
		transport := &http.Transport{
			Protocols: &p, TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
			DialContext: func(context.Context, string, string) (net.Conn, error) { return d.dial(), nil },
		}
		for range 3 {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://golive/live/x", http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			res, err := transport.RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, res.Body)
			_ = res.Body.Close()
			if res.ProtoMajor != 2 || res.StatusCode != http.StatusOK || res.Header.Get("Slow") != "yes" {
				t.Errorf("%s %s, want HTTP/2 200 from net/http", res.Proto, res.Status)
			}
		}
		transport.CloseIdleConnections()
	})
}

// A client that did not negotiate HTTP/2 does not speak it (RFC 9113 section 3.2).
func TestTLS_RefusesHTTP2ThatWasNotNegotiated(t *testing.T) {
	config := selfSigned(t)
	for _, protocols := range [][]string{{"http/1.1"}, nil} {
		synctest.Test(t, func(t *testing.T) {
			d := openTLS(t, config, secureEcho)
			defer d.end()
			c := clientHandshake(t, d.dial(), protocols...)
			go func() { _, _ = io.WriteString(c, preface+"* HTTP/2.0\r\n\r\nSM\r\n\r\n") }()
			answer, err := io.ReadAll(c)
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
				t.Errorf("answer %q, want HTTP/1.1 400: %v", answer, err)
			}
			_ = c.Close()
		})
	}
}

func TestTLS_ClosesConnectionsWithoutAHandshake(t *testing.T) {
	config := selfSigned(t)
	for name, c := range map[string]struct {
		sent   string
		answer string
		within time.Duration
	}{
		"nothing":          {"", "", headTime},
		"half a record":    {"\x16\x03\x01\x02\x00\x01", "", headTime},
		"plain HTTP":       {"GET /live/x HTTP/1.1\r\nHost: x\r\n\r\n", refusePlain, 0},
		"another protocol": {"SSH-2.0-OpenSSH\r\n", "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := openTLS(t, config, secureEcho)
			defer d.end()
			conn := d.dial()
			began := time.Now()
			go func() { _, _ = io.WriteString(conn, c.sent) }()
			answer, _ := io.ReadAll(conn)
			if c.answer != "" && string(answer) != c.answer || time.Since(began) > c.within {
				t.Errorf("%s: %q after %s, want %q within %s", name, answer, time.Since(began), c.answer, c.within)
			}
			_ = conn.Close()
		})
	}
}

// With TLS-ALPN-01 (RFC 8737) the handshake is all that the authority needs.
func TestTLS_ClosesTheConnectionAfterAnACMEHandshake(t *testing.T) {
	config := selfSigned(t)
	synctest.Test(t, func(t *testing.T) {
		d := openTLS(t, config, secureEcho)
		defer d.end()
		c := clientHandshake(t, d.dial(), "acme-tls/1")
		if got := c.ConnectionState().NegotiatedProtocol; got != "acme-tls/1" {
			t.Errorf("%q was negotiated, want acme-tls/1", got)
		}
		if n, err := c.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
			t.Errorf("%d bytes, %v; want the end", n, err)
		}
		_ = c.Close()
	})
}

func TestTLS_ShutdownEndsHandshakesAndSendsCloseNotify(t *testing.T) {
	config := selfSigned(t)
	synctest.Test(t, func(t *testing.T) {
		d := openTLS(t, config, secureEcho)
		silent, idle := d.dial(), clientHandshake(t, d.dial(), "http/1.1")
		ask(t, idle, get, 1)
		synctest.Wait()
		began := time.Now()
		var reading sync.WaitGroup
		reading.Go(func() {
			if _, err := idle.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("idle: %v, want the close_notify of TLS", err)
			}
		})
		reading.Go(func() { _, _ = io.Copy(io.Discard, silent) })
		d.end()
		reading.Wait()
		if took := time.Since(began); took != 0 {
			t.Errorf("the shutdown took %s", took)
		}
	})
}

func TestTLS_SendsLongBodiesWhole(t *testing.T) {
	config := selfSigned(t)
	body := make([]byte, 3<<20)
	_, _ = rand.Read(body)
	synctest.Test(t, func(t *testing.T) {
		d := openTLS(t, config, func(w http.ResponseWriter, r *http.Request) {
			sizes := map[string]int{"/live/small": 100, "/live/part": 200_000, "/live/segment": len(body)}
			n := sizes[r.URL.Path]
			sized(w, http.StatusOK, string(body[:n]), string(body[:n/3]), string(body[n/3:n]))
		})
		defer d.end()
		c := clientHandshake(t, d.dial(), "http/1.1")
		for _, path := range []string{"small", "part", "segment", "part", "small"} {
			_, bodies := ask(t, c, "GET /live/"+path+" HTTP/1.1\r\n"+host+"\r\n", 1)
			if !bytes.HasPrefix(body, []byte(bodies[0])) || len(bodies[0]) < 100 {
				t.Errorf("%s: the body has %d bytes, which differ from those written", path, len(bodies[0]))
			}
		}
		_ = c.Close()
		synctest.Wait()
		if n := d.records.lent.Load(); n != 0 {
			t.Errorf("%d buffers are still lent", n)
		}
	})
}

// failingConn is a connection whose writes fail after the bytes that are allowed.
type failingConn struct {
	net.Conn
	allowed int
}

func (f *failingConn) Write(p []byte) (int, error) {
	if f.allowed -= len(p); f.allowed < 0 {
		return 0, io.ErrClosedPipe
	}
	return len(p), nil
}

func TestRecords_ReportFailedWrites(t *testing.T) {
	buffers := &recordBuffers{pool: newBuffers(gatherRecords)}
	record := make([]byte, 16<<10)
	for _, allowed := range []int{0, gatherRecords, 3 * gatherRecords} {
		r := &records{Conn: &failingConn{allowed: allowed}, buffers: buffers}
		r.begin()
		var err error
		for range 13 {
			if _, err = r.Write(record); err != nil {
				break
			}
		}
		if err = errors.Join(err, r.end()); err == nil {
			t.Errorf("%d bytes are allowed: no error", allowed)
		}
	}
	if n := buffers.lent.Load(); n != 0 {
		t.Errorf("%d buffers are still lent", n)
	}
}

func TestRecords_AreWrittenAtOnceWhenManyBuffersAreInUse(t *testing.T) {
	buffers := &recordBuffers{pool: newBuffers(gatherRecords)}
	buffers.lent.Store(maxGathering)
	conn := &failingConn{allowed: 100}
	r := &records{Conn: conn, buffers: buffers}
	r.begin()
	if _, err := r.Write(make([]byte, 60)); err != nil || conn.allowed != 40 {
		t.Errorf("%d bytes are still allowed, want 40: %v", conn.allowed, err)
	}
	if err := r.end(); err != nil || buffers.lent.Load() != maxGathering {
		t.Errorf("%d buffers are lent, want %d: %v", buffers.lent.Load(), maxGathering, err)
	}
}

func TestTLS_CancelsRequestsOfConnectionsThatBreak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems report a broken connection when the response is written")
	}
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	waiting, left := make(chan struct{}), make(chan struct{})
	handler := func(_ http.ResponseWriter, r *http.Request) {
		close(waiting)
		<-r.Context().Done()
		close(left)
	}
	d := openListener(t, NewTLSListener(ln, selfSigned(t), "/live/", http.HandlerFunc(handler), slog.New(slog.DiscardHandler)), handler)
	defer d.end()
	raw, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(clientHandshake(t, raw, "http/1.1"), get); err != nil {
		t.Fatal(err)
	}
	<-waiting
	if err := raw.(*net.TCPConn).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	_ = raw.Close()
	<-left
}
