package httpserver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/internal/connlimit"
	"golive/internal/pipenet"
	"golive/internal/tlstest"
)

// siteOf returns a Site with the handler. Package http1 serves the paths below /live/.
func siteOf(handler http.Handler) Site {
	return Site{Section: "origin", Handler: handler, FastPrefix: "/live/", BodyPrefix: "/v1/"}
}

// testServer is a running Server over pipes.
type testServer struct {
	ln      *pipenet.Listener
	config  *tls.Config // of clients; nil without TLS
	metrics *Metrics
	stop    context.CancelFunc
	done    chan error
}

// starter starts a testServer.
type starter func(t *testing.T, handler http.Handler) *testServer

// overBoth runs a test in a bubble over plain connections, and in another one over TLS.
func overBoth(t *testing.T, run func(t *testing.T, open starter)) {
	t.Helper()
	config, _ := tlstest.SelfSigned()
	for name, serverTLS := range map[string]*tls.Config{"plain": nil, "TLS": config} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				run(t, func(t *testing.T, handler http.Handler) *testServer {
					t.Helper()
					return startServerWith(t, testConfig(), handler, serverTLS)
				})
			})
		})
	}
}

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Limits.Connections = 4000
	return cfg
}

func startServerWith(t *testing.T, cfg Config, handler http.Handler, serverTLS *tls.Config) *testServer {
	t.Helper()
	f := &testServer{ln: pipenet.Listen(), metrics: NewMetrics(prometheus.NewRegistry()), done: make(chan error, 1)}
	ctx, stop := context.WithCancel(t.Context())
	f.stop = stop
	site := siteOf(handler)
	if serverTLS != nil {
		f.config = &tls.Config{InsecureSkipVerify: true}
		site.TLS = serverTLS.Clone()
		site.TLS.SessionTicketsDisabled = true // writing them to a pipe blocks until the client reads
	}
	s := New(cfg, site, slog.New(slog.DiscardHandler), f.metrics)
	go func() {
		if serverTLS != nil {
			f.done <- s.ServeTLS(ctx, f.ln)
			return
		}
		f.done <- s.Serve(ctx, f.ln)
	}()
	return f
}

// dial connects to the server; over TLS it negotiates HTTP/1.1.
func (f *testServer) dial(t *testing.T) net.Conn {
	t.Helper()
	return f.dialFor(t, "http/1.1")
}

// dialFor connects to the server; over TLS it negotiates the protocol.
func (f *testServer) dialFor(t *testing.T, protocol string) net.Conn {
	t.Helper()
	c, err := f.ln.Dial(t.Context(), "", "")
	if err != nil {
		t.Fatal(err)
	}
	if f.config == nil {
		return c
	}
	config := f.config.Clone()
	config.NextProtos = []string{protocol}
	client := tls.Client(c, config)
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client
}

// close stops the server and waits for its end.
func (f *testServer) close(t *testing.T) {
	t.Helper()
	f.stop()
	if err := <-f.done; err != nil {
		t.Error(err)
	}
	synctest.Wait() // net/http may not have closed a TLS connection yet
	if n := testutil.ToFloat64(f.metrics.connections); n != 0 {
		t.Errorf("%v connections are counted after the end", n)
	}
}

// client returns a player that speaks HTTP/1.1, or HTTP/2 without an upgrade, and that buffers little
// of a response.
func (f *testServer) client(protocol int) *player {
	scheme := "http"
	if f.config != nil {
		scheme = "https"
	}
	var p http.Protocols
	p.SetHTTP1(protocol == 1)
	p.SetHTTP2(protocol == 2 && f.config != nil)
	p.SetUnencryptedHTTP2(protocol == 2 && f.config == nil)
	return &player{scheme: scheme, Transport: &http.Transport{
		TLSClientConfig: f.config.Clone(), DialContext: f.ln.Dial, Protocols: &p,
		HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10},
	}}
}

// player is a client of a testServer.
type player struct {
	*http.Transport
	scheme string
}

func fetch(ctx context.Context, rt *player, path string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, rt.scheme+"://golive"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	return rt.RoundTrip(req)
}

// sized returns a handler that answers /N with N bytes.
func sized() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Length", strconv.Itoa(n))
		w.WriteHeader(http.StatusOK)
		_, _ = w.Write(make([]byte, n))
	})
}

func TestServer_BoundsTheWaitForABody(t *testing.T) {
	overBoth(t, func(t *testing.T, open starter) {
		f := open(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
		client := f.dial(t)
		go func() { _, _ = fmt.Fprint(client, "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n") }()
		began := time.Now()
		if _, err := io.Copy(io.Discard, client); err != nil {
			t.Error(err)
		}
		if took := time.Since(began); took > readTimeout+time.Second {
			t.Errorf("the connection was held for %s", took)
		}
		f.close(t)
	})
}

func TestServer_BoundsTheWaitForAHeader(t *testing.T) {
	for name, text := range map[string]string{"nothing": "", "HTTP/1.1": "GET / HT", "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"} {
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, sized())
			client := f.dial(t)
			go func() { _, _ = io.WriteString(client, text) }()
			began := time.Now()
			_, _ = io.Copy(io.Discard, client)
			if took := time.Since(began); took > headerTimeout {
				t.Errorf("%s: the connection was held for %s", name, took)
			}
			f.close(t)
		})
	}
}

// Of the responses on one connection only that which is not read is ended.
func TestServer_CutsOffTheStreamThatIsNotRead(t *testing.T) {
	const size = 1 << 19
	overBoth(t, func(t *testing.T, open starter) {
		ended := make(chan time.Time, 1)
		f := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sized().ServeHTTP(w, r)
			if r.URL.RawQuery == "slow" {
				ended <- time.Now()
			}
		}))
		rt := f.client(2)
		began := time.Now()
		slow, err := fetch(t.Context(), rt, fmt.Sprintf("/%d?slow", size))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.CopyN(io.Discard, slow.Body, 1000); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			other, err := fetch(t.Context(), rt, fmt.Sprintf("/%d", size))
			if err != nil {
				t.Fatal(err)
			}
			if n, err := io.Copy(io.Discard, other.Body); n != size || err != nil || other.ProtoMajor != 2 {
				t.Errorf("another response: %d bytes over %s, want %d over HTTP/2: %v", n, other.Proto, size, err)
			}
		}
		if took := time.Since(began); took != 0 {
			t.Errorf("the other responses took %s", took)
		}
		allowed := maxLag + size*time.Second/minRate
		if took := (<-ended).Sub(began); took > allowed+time.Second || took < allowed-time.Second {
			t.Errorf("the response that is not read was ended after %s, want %s", took, allowed)
		}
		if _, err := io.Copy(io.Discard, slow.Body); err == nil {
			t.Error("the slow viewer got everything")
		}
		if n := testutil.ToFloat64(f.metrics.slow); n != 1 {
			t.Errorf("%v slow viewers are counted, want 1", n)
		}
		rt.CloseIdleConnections()
		f.close(t)
	})
}

// Many viewers that read a byte a second delay no others, and are soon disconnected.
func TestServer_SlowViewersDelayNoOthers(t *testing.T) {
	const slow, size = 300, 200_000
	for _, protocol := range []int{1, 2} {
		overBoth(t, func(t *testing.T, open starter) {
			f := open(t, sized())
			began := time.Now()
			var all sync.WaitGroup
			for range slow {
				conn := f.dial(t)
				all.Go(func() {
					if _, err := fmt.Fprintf(conn, "GET /%d HTTP/1.1\r\nHost: x\r\n\r\n", size); err != nil {
						t.Error(err)
					}
					raw := conn
					if encrypted, ok := conn.(*tls.Conn); ok {
						raw = encrypted.NetConn() // a TLS record would be enough for hours
					}
					for b := make([]byte, 1); ; <-time.After(time.Second) {
						if _, err := raw.Read(b); err != nil {
							break
						}
					}
				})
			}
			rt := f.client(protocol)
			for range 40 {
				<-time.After(250 * time.Millisecond)
				asked := time.Now()
				res, err := fetch(t.Context(), rt, fmt.Sprintf("/%d", size))
				if err != nil {
					t.Fatal(err)
				}
				if n, err := io.Copy(io.Discard, res.Body); n != size || err != nil || time.Since(asked) != 0 {
					t.Errorf("%d bytes after %s, want %d at once: %v", n, time.Since(asked), size, err)
				}
			}
			all.Wait()
			if took := time.Since(began); took > 2*maxLag+time.Second {
				t.Errorf("the last slow viewer was disconnected after %s", took)
			}
			if n := testutil.ToFloat64(f.metrics.slow); n != slow {
				t.Errorf("%v slow viewers are counted, want %d", n, slow)
			}
			rt.CloseIdleConnections()
			f.close(t)
		})
	}
}

// At shutdown, waiting requests are answered, and no connection is kept.
func TestServer_DrainsGracefully(t *testing.T) {
	for _, protocol := range []int{1, 2} {
		overBoth(t, func(t *testing.T, open starter) {
			end := make(chan struct{}) // of the broadcast
			f := open(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/blocked" {
					<-end
				}
				_, _ = io.WriteString(w, "#EXT-X-ENDLIST")
			}))
			idle, busy := f.client(protocol), f.client(protocol)
			res, err := fetch(t.Context(), idle, "/now")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := io.Copy(io.Discard, res.Body); err != nil {
				t.Fatal(err)
			}
			answered := make(chan error, 1)
			go func() {
				res, err := fetch(t.Context(), busy, "/blocked")
				if err == nil {
					_, err = io.Copy(io.Discard, res.Body)
				}
				if err == nil && protocol == 1 && !res.Close {
					err = errors.New("the player may keep its connection")
				}
				answered <- err
			}()
			synctest.Wait()
			began := time.Now()
			f.stop()
			<-time.After(time.Second)
			close(end)
			if err := <-answered; err != nil {
				t.Errorf("HTTP/%d: %v", protocol, err)
			}
			if err := <-f.done; err != nil || time.Since(began) > 3*time.Second {
				t.Errorf("HTTP/%d: the server ended after %s: %v", protocol, time.Since(began), err)
			}
		})
	}
}

func TestServer_ShutsDownWhileAViewerDoesNotRead(t *testing.T) {
	overBoth(t, func(t *testing.T, open starter) {
		f := open(t, sized())
		conn := f.dial(t)
		if _, err := io.WriteString(conn, "GET /1000000 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		f.close(t)
		if took := time.Since(began); took > shutdownTimeout {
			t.Errorf("the shutdown took %s, want %s at most", took, shutdownTimeout)
		}
	})
}

func TestServer_RefusesOverTheLimit(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Limits.Connections = 100
	cfg.Limits.ConnectionsPerAddress = 2
	m := NewMetrics(prometheus.NewRegistry())
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- New(cfg, siteOf(sized()), slog.New(slog.DiscardHandler), m).Serve(ctx, ln) }()
	ask := func() (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil { // the server may already have reset the connection
			return nil, err
		}
		t.Cleanup(func() { _ = c.Close() })
		if _, err := io.WriteString(c, "GET /10 HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			return nil, err
		}
		_, err = c.Read(make([]byte, 1))
		return c, err
	}
	first, err := ask()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ask(); err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := ask(); err == nil {
			t.Error("a third connection was admitted")
		}
	}
	if n := testutil.ToFloat64(m.refused[connlimit.RefusedAddress]); n != 10 {
		t.Errorf("%v refusals are counted, want 10", n)
	}
	_ = first.Close()
	for deadline := time.Now().Add(5 * time.Second); ; {
		if _, err := ask(); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no connection was accepted after one had left")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServer_WarnsOfALimitThatCannotBeKept(t *testing.T) {
	for limit, want := range map[int]bool{0: false, 10: false, 1 << 30: true} {
		cfg := DefaultConfig()
		cfg.Limits.Connections = limit
		var log strings.Builder
		New(cfg, siteOf(sized()), slog.New(slog.NewTextHandler(&log, nil)), NewMetrics(prometheus.NewRegistry()))
		if got := strings.Contains(log.String(), "level=WARN"); got != want {
			t.Errorf("limit of %d connections: log %q, want a warning: %t", limit, log.String(), want)
		}
	}
}

func TestServer_RefusesTooManyRequestsOfHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		end := make(chan struct{})
		cfg := DefaultConfig()
		cfg.Limits.Connections = 10
		f := startServerWith(t, cfg, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/blocked" {
				<-end
			}
		}), nil)
		rt := f.client(2)
		if _, err := fetch(t.Context(), rt, "/"); err != nil { // so that all requests share one connection
			t.Fatal(err)
		}
		codes := make(chan int, 50)
		for range cap(codes) {
			go func() {
				res, err := fetch(t.Context(), rt, "/blocked")
				if err != nil {
					t.Error(err)
					codes <- 0
					return
				}
				codes <- res.StatusCode
			}()
		}
		synctest.Wait()
		const admitted = streamsPerConnection * 10 / 2 // the rest is for other addresses
		if n := len(codes); n != cap(codes)-admitted {
			t.Errorf("%d requests were answered at once, want %d", n, cap(codes)-admitted)
		}
		close(end)
		count := map[int]int{}
		for range cap(codes) {
			count[<-codes]++
		}
		if count[200] != admitted || count[503] != cap(codes)-admitted {
			t.Errorf("answers %v, want %d of 200", count, admitted)
		}
		rt.CloseIdleConnections()
		f.close(t)
	})
}
