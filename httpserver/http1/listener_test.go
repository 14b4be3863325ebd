package http1

import (
	"bufio"
	"context"
	"errors"
	"fmt"
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
)

// testServer is a Listener before an http.Server, both with one handler. Responses of the
// http.Server have the header Slow.
type testServer struct {
	*Listener
	dial func() net.Conn
	end  func()
}

// open starts a testServer over pipes, for a synctest bubble.
func open(t *testing.T, handler http.HandlerFunc) *testServer {
	t.Helper()
	p := pipenet.Listen()
	d := openOn(t, p, handler)
	d.dial = func() net.Conn {
		near, far := net.Pipe()
		if err := p.Offer(t.Context(), far); err != nil {
			t.Error(err)
		}
		return near
	}
	return d
}

func openOn(t *testing.T, ln net.Listener, handler http.HandlerFunc) *testServer {
	t.Helper()
	return openListener(t, NewListener(ln, "/live/", handler, slog.New(slog.DiscardHandler)), handler)
}

func openListener(t *testing.T, l *Listener, handler http.HandlerFunc) *testServer {
	t.Helper()
	server := &http.Server{ReadHeaderTimeout: time.Minute, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Slow", "yes")
		handler(w, r)
	})}
	var running sync.WaitGroup
	running.Go(func() { l.Run(t.Context()) })
	running.Go(func() { _ = server.Serve(l) })
	return &testServer{Listener: l, end: func() {
		if err := l.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		running.Wait()
	}}
}

// openTCP starts a testServer on TCP.
func openTCP(t *testing.T, handler http.HandlerFunc) *testServer {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := openOn(t, ln, handler)
	d.dial = func() net.Conn {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	return d
}

// echo responds with what was requested.
func echo(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	text := fmt.Sprint(r.Method, " ", r.RequestURI, " ", string(body))
	w.Header().Set("Content-Length", fmt.Sprint(len(text)))
	_, _ = io.WriteString(w, text)
}

// ask writes requests and reads the given number of answers.
func ask(t *testing.T, c net.Conn, requests string, answers int) (all []*http.Response, bodies []string) {
	t.Helper()
	var writing sync.WaitGroup
	writing.Go(func() { _, _ = io.WriteString(c, requests) })
	r := bufio.NewReader(c)
	for range answers {
		a, err := http.ReadResponse(r, nil)
		if err != nil {
			t.Fatalf("%q: %v", requests, err)
		}
		body, err := io.ReadAll(a.Body)
		if err != nil {
			t.Fatalf("%q: %v", requests, err)
		}
		all, bodies = append(all, a), append(bodies, string(body))
	}
	writing.Wait()
	return all, bodies
}

const get = "GET /live/a HTTP/1.1\r\n" + host + "\r\n"

func TestListener_HandsOverOtherRequests(t *testing.T) {
	config := selfSigned(t)
	for _, c := range []struct {
		requests string
		want     []string // answers
		slow     int      // the first answer of the http.Server; -1 if there is none
	}{
		{get, []string{"GET /live/a "}, -1},
		{get + get + get, []string{"GET /live/a ", "GET /live/a ", "GET /live/a "}, -1},
		{"GET / HTTP/1.1\r\n" + host + "\r\n", []string{"GET / "}, 0},
		{"GET / HTTP/1.1\r\n" + host + "\r\n" + get, []string{"GET / ", "GET /live/a "}, 0},
		{get + "GET /x HTTP/1.1\r\n" + host + "\r\n" + get, []string{"GET /live/a ", "GET /x ", "GET /live/a "}, 1},
		{get + "POST /live/b HTTP/1.1\r\n" + host + "Content-Length: 5\r\n\r\nhello" + get, []string{"GET /live/a ", "POST /live/b hello", "GET /live/a "}, 1},
		{"GET /live/b HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + get, []string{"GET /live/b abc", "GET /live/a "}, 0},
		{"GET /live/" + strings.Repeat("x", maxHead) + " HTTP/1.1\r\n" + host + "\r\n" + get, []string{"GET /live/" + strings.Repeat("x", maxHead) + " ", "GET /live/a "}, 0},
		{get + "GET /live/a HTTP/1.1\r\n" + host + "Long: " + strings.Repeat("x", maxHead) + "\r\n\r\n", []string{"GET /live/a ", "GET /live/a "}, 1},
		{"GET /live/a HTTP/1.1\nHost: golive\n\n" + get, []string{"GET /live/a ", "GET /live/a "}, 0},
		{get + "GET /live/a HTTP/1.1\r\nHost: golive\n\r\n", []string{"GET /live/a ", "GET /live/a "}, 1},
		{"OPTIONS /live/a HTTP/1.1\r\n" + host + "\r\n" + get, []string{"OPTIONS /live/a ", "GET /live/a "}, -1},
		{"GET /live/(a)! HTTP/1.1\r\n" + host + "\r\n", []string{"GET /live/(a)! "}, 0},
	} {
		for _, piece := range []int{len(c.requests), 1} {
			synctest.Test(t, func(t *testing.T) {
				plain, encrypted := open(t, echo), openTLS(t, config, secureEcho)
				defer plain.end()
				defer encrypted.end()
				for way, conn := range map[string]net.Conn{"plain": plain.dial(), "TLS": clientHandshake(t, encrypted.dial(), "http/1.1")} {
					answers, bodies := ask(t, pieces{conn, piece}, c.requests, len(c.want))
					for i, want := range c.want {
						slow := answers[i].Header.Get("Slow") != ""
						if bodies[i] != want || slow != (c.slow >= 0 && i >= c.slow) {
							t.Errorf("%s: %.200q in pieces of %d: answer %d is %.60q, from the http.Server: %t", way, c.requests, piece, i, bodies[i], slow)
						}
					}
					_ = conn.Close()
				}
			})
		}
	}
}

// pieces is a connection that writes size bytes at a time.
type pieces struct {
	net.Conn
	size int
}

func (p pieces) Write(b []byte) (total int, err error) {
	for len(b) > 0 && err == nil {
		var n int
		n, err = p.Conn.Write(b[:min(p.size, len(b))])
		b, total = b[n:], total+n
	}
	return total, err
}

func TestListener_HandsOverHTTP2(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipenet.Listen()
		l := NewListener(p, "/live/", http.HandlerFunc(echo), slog.New(slog.DiscardHandler))
		var running sync.WaitGroup
		running.Go(func() { l.Run(t.Context()) })
		near, far := net.Pipe()
		if err := p.Offer(t.Context(), far); err != nil {
			t.Error(err)
		}
		const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
		running.Go(func() { _, _ = io.WriteString(near, preface+"frames") })
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(preface+"frames"))
		if _, err := io.ReadFull(c, got); err != nil || string(got) != preface+"frames" {
			t.Errorf("read %q, want all that the client has sent: %v", got, err)
		}
		_ = near.Close()
		if err := l.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		running.Wait()
	})
}

func TestListener_ClosesSilentConnections(t *testing.T) {
	for _, c := range []struct {
		sent     string
		from, to time.Duration
	}{
		{"", headTime, headTime},
		{"GET /live/a HTTP/1.1\r\nHo", headTime, headTime},
		{get, idleTime * 3 / 4, idleTime},
		{get + "GET /live/a HT", headTime, headTime},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := open(t, echo)
			defer d.end()
			conn := d.dial()
			began := time.Now()
			go func() { _, _ = io.WriteString(conn, c.sent) }()
			_, err := io.Copy(io.Discard, conn)
			if took := time.Since(began); err != nil || took < c.from || took > c.to {
				t.Errorf("%q: closed after %v, want %v to %v: %v", c.sent, took, c.from, c.to, err)
			}
		})
	}
}

// The time that a handler takes does not count as the client's.
func TestListener_KeepsConnectionsOfSlowHandlersAndIdlePlayers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(3 * idleTime)
			echo(w, r)
		})
		defer d.end()
		conn := d.dial()
		defer func() { _ = conn.Close() }()
		for range 5 {
			ask(t, conn, get, 1)
			time.Sleep(idleTime * 2 / 3)
		}
	})
}

// The time that the first answer takes does not count for the head of the next request.
func TestListener_KeepsPlayersThatPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(2 * headTime)
			echo(w, r)
		})
		defer d.end()
		conn := d.dial()
		defer func() { _ = conn.Close() }()
		ask(t, conn, get+get[:15], 1)
		time.Sleep(headTime / 2)
		ask(t, conn, get[15:], 1)
	})
}

// An invalid request line is answered at once, as by net/http.
func TestListener_HandsOverInvalidRequestsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, echo)
		defer d.end()
		conn := d.dial()
		defer func() { _ = conn.Close() }()
		began := time.Now()
		if all, _ := ask(t, conn, "rubbish\r\n", 1); all[0].StatusCode != http.StatusBadRequest || time.Since(began) > 0 {
			t.Errorf("status %d after %v, want 400 at once", all[0].StatusCode, time.Since(began))
		}
	})
}

// A client that reads slowly keeps the response in memory.
func TestListener_EndsResponsesThatTakeTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		took := make(chan time.Duration, 1)
		d := open(t, func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(writeTime) // the handler waits for its media
			began := time.Now()
			w.Header().Set("Content-Length", "1000000")
			for n := 0; n < 1_000_000; n += 10_000 {
				if _, err := w.Write(make([]byte, 10_000)); err != nil {
					break
				}
			}
			took <- time.Since(began)
		})
		defer d.end()
		conn := d.dial()
		defer func() { _ = conn.Close() }()
		go func() { _, _ = io.WriteString(conn, get) }()
		for range 400 {
			if _, err := conn.Read(make([]byte, 1000)); err != nil {
				break
			}
			time.Sleep(time.Second)
		}
		if took := <-took; took != writeTime {
			t.Errorf("the response took %v, want %v", took, writeTime)
		}
	})
}

func TestListener_ShutdownWaitsForResponses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			echo(w, r)
		})
		idle, unused, partial, busy := d.dial(), d.dial(), d.dial(), d.dial()
		ask(t, idle, get, 1)
		go func() { _, _ = io.WriteString(partial, get[:10]) }()
		answer := make(chan *http.Response)
		go func() {
			all, _ := ask(t, busy, get, 1)
			answer <- all[0]
		}()
		synctest.Wait()
		began := time.Now()
		var ending sync.WaitGroup
		ending.Go(d.end)
		for name, c := range map[string]net.Conn{"idle": idle, "unused": unused, "partial": partial} {
			if _, err := io.Copy(io.Discard, c); err != nil || time.Since(began) > 0 {
				t.Errorf("the %s connection was closed after %v: %v", name, time.Since(began), err)
			}
		}
		if a := <-answer; a.StatusCode != 200 || !a.Close {
			t.Errorf("the pending answer is %v, want 200 and a close", a)
		}
		ending.Wait()
	})
}

func TestListener_ShutdownEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodHead {
				<-r.Context().Done()
			} else if _, err := w.Write(make([]byte, 1<<20)); err == nil {
				t.Error("the whole response was written although the client does not read")
			}
		})
		for _, request := range []string{get, "HEAD" + get[3:]} {
			conn := d.dial()
			go func() { _, _ = io.WriteString(conn, request) }()
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := d.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		d.end()
	})
}

// A handler that waits for something else than its request must not delay the shutdown further.
func TestListener_ShutdownDoesNotWaitForHandlersThatIgnoreTheirContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		d := open(t, func(http.ResponseWriter, *http.Request) { <-release })
		conn := d.dial()
		go func() { _, _ = io.WriteString(conn, get) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		began := time.Now()
		if err := d.Shutdown(ctx); !errors.Is(err, errHandlers) || time.Since(began) != time.Second+cancelTime {
			t.Errorf("error %v after %s, want %v after %s", err, time.Since(began), errHandlers, time.Second+cancelTime)
		}
		close(release)
		d.end()
	})
}

func TestListener_SurvivesAHandlerThatPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := open(t, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/live/panic" {
				panic("a panic in a handler")
			}
			echo(w, r)
		})
		defer d.end()
		conn := d.dial()
		go func() { _, _ = io.WriteString(conn, "GET /live/panic HTTP/1.1\r\n"+host+"\r\n") }()
		if n, err := io.Copy(io.Discard, conn); n > 0 || err != nil {
			t.Errorf("the answer has %d bytes, want none: %v", n, err)
		}
		conn = d.dial()
		defer func() { _ = conn.Close() }()
		ask(t, conn, get, 1)
	})
}

func TestListener_CancelsRequestsOfConnectionsThatBreak(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("other systems report a broken connection when the response is written")
	}
	const clients = 300 // more than a single call of epoll_wait returns
	waiting, left := make(chan struct{}, clients), make(chan struct{}, clients)
	d := openTCP(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/live/wait" {
			waiting <- struct{}{}
			<-r.Context().Done()
			left <- struct{}{}
			return
		}
		echo(w, r)
	})
	defer d.end()
	conns := make([]net.Conn, clients)
	for i := range conns {
		conns[i] = d.dial()
		ask(t, conns[i], get, 1)
	}
	for _, c := range conns {
		if _, err := io.WriteString(c, "GET /live/wait HTTP/1.1\r\n"+host+"\r\n"); err != nil {
			t.Fatal(err)
		}
		<-waiting
	}
	select {
	case <-left:
		t.Error("a request was cancelled although its connection is open")
	default:
	}
	for _, c := range conns {
		if err := c.(*net.TCPConn).SetLinger(0); err != nil { // Close sends a reset
			t.Fatal(err)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	for range conns {
		<-left
	}
}

func TestListener_AcceptsAgainAfterAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pipenet.Listen()
		d := openOn(t, &failing{Listener: p, times: 3}, echo)
		defer d.end()
		near, far := net.Pipe()
		if err := p.Offer(t.Context(), far); err != nil {
			t.Error(err)
		}
		defer func() { _ = near.Close() }()
		ask(t, near, get, 1)
	})
}

// failing is a net.Listener whose Accept fails the first times.
type failing struct {
	*pipenet.Listener
	times int
}

func (f *failing) Accept() (net.Conn, error) {
	if f.times > 0 {
		f.times--
		return nil, errors.New("too many open files")
	}
	return f.Listener.Accept()
}
