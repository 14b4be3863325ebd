package httpserver

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// stream is a response of HTTP/2. A viewer can stop one by flow control while it reads
// others, so each has a deadline of its own, by its length.
type stream struct {
	http.ResponseWriter
	slow  func() // counts a viewer that was too slow
	begun bool   // the header was written
}

// WriteHeader implements http.ResponseWriter.
func (s *stream) WriteHeader(status int) {
	s.begun = s.begun || status >= http.StatusOK
	length, err := strconv.ParseInt(s.Header().Get("Content-Length"), 10, 64)
	if err == nil && status >= http.StatusOK {
		// The time that a request waited for its media is not the viewer's.
		allowed := min(writeTimeout, maxLag+time.Duration(min(length, 1<<40))*(time.Second/minRate))
		_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(allowed)) // the server's own stays, then
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *stream) Write(p []byte) (int, error) {
	if !s.begun {
		s.WriteHeader(http.StatusOK)
	}
	n, err := s.ResponseWriter.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		s.slow()
		s.slow = func() {} // once
	}
	return n, err
}

// Unwrap is for http.ResponseController.
func (s *stream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// connKey is the key of the conn in a request's context.
type connKey struct{}

// withConn puts the connection, from which net/http is about to read, into the context of
// its requests.
func withConn(ctx context.Context, nc net.Conn) context.Context {
	for {
		inside, ok := nc.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		nc = inside.NetConn()
	}
	c, ok := nc.(*conn)
	if !ok {
		panic("httpserver: connection of another listener")
	}
	c.meter()
	c.open, c.cancel = context.WithCancel(ctx)
	return context.WithValue(ctx, connKey{}, c)
}

// connOf returns the connection of a request that net/http has read.
func connOf(r *http.Request) *conn {
	c, ok := r.Context().Value(connKey{}).(*conn)
	if !ok {
		panic("httpserver: request without its connection")
	}
	return c
}

// withLimits returns next with the limits of the requests that net/http reads. readsBody reports
// whether next reads the body of a request.
func withLimits(next http.Handler, readsBody func(*http.Request) bool, m *Metrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "PRI" { // HTTP/2's preface after a request of HTTP/1
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if r.ProtoMajor < 2 {
			serveHTTP1(w, r, readsBody(r), next)
			return
		}
		c := connOf(r)
		c.RequestRead()
		defer c.slot.End()
		if !c.slot.Begin() {
			m.refused[refusedStreams].Inc()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		defer func() { c.countHTTP2(r.Context().Err() != nil) }()
		next.ServeHTTP(&stream{ResponseWriter: w, slow: m.slow.Inc}, r)
	})
}

// serveHTTP1 serves a request of HTTP/1, whose limits are those of its connection.
func serveHTTP1(w http.ResponseWriter, r *http.Request, readsBody bool, next http.Handler) {
	c := connOf(r)
	c.countHTTP1()
	rc := http.NewResponseController(w)
	switch {
	case r.ContentLength == 0:
	case readsBody: // or the rest is discarded before the answer
		_ = rc.SetReadDeadline(time.Now().Add(sendTimeout))
	default:
		_ = rc.EnableFullDuplex() // answer without waiting for it; HTTP/1 always can
		w.Header().Set("Connection", "close")
		defer func() { _ = rc.SetReadDeadline(time.Now().Add(bodyTimeout)) }() // a broken connection has none
	}
	if r.Header.Get("Upgrade") != "" {
		w = &upgradable{ResponseWriter: w, conn: c}
	}
	next.ServeHTTP(w, r.WithContext(halfOpen{r.Context(), c.open})) //nolint:contextcheck // it has the request's values and the connection's end
}

// upgradable is a response of HTTP/1 whose connection a handler may take over, for another
// protocol.
type upgradable struct {
	http.ResponseWriter
	conn *conn
}

// Hijack implements http.Hijacker. The connection has no deadline.
func (u *upgradable) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	u.conn.hijack() // first: net/http clears the deadlines
	return http.NewResponseController(u.ResponseWriter).Hijack()
}

// Unwrap is for http.ResponseController.
func (u *upgradable) Unwrap() http.ResponseWriter { return u.ResponseWriter }

// halfOpen is a request's context that ends with the connection. net/http's own ends
// when the client sends nothing more, and it may still read the answer.
//
//nolint:containedctx // it is itself a context
type halfOpen struct {
	context.Context // the request's

	open context.Context // the connection's
}

// Done implements context.Context.
func (h halfOpen) Done() <-chan struct{} { return h.open.Done() }

// Err implements context.Context.
func (h halfOpen) Err() error { return h.open.Err() }

// Value implements context.Context. The connection comes first, which has no other values than the
// request: so package context finds what ends it, and need not start a goroutine for each context that
// is made from this one.
func (h halfOpen) Value(key any) any {
	if v := h.open.Value(key); v != nil {
		return v
	}
	return h.Context.Value(key)
}
