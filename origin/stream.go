package origin

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"
)

// stream is a response of HTTP/2. A viewer can starve one by flow control, while
// its connection is in good health: so each has its own deadline, by its length.
type stream struct {
	http.ResponseWriter
	slow func() // counts a response that was cut off
}

// WriteHeader implements http.ResponseWriter.
func (s *stream) WriteHeader(status int) {
	length, err := strconv.ParseInt(s.Header().Get("Content-Length"), 10, 64)
	if err == nil && status >= http.StatusOK {
		// The time that a request waited for its media is not the viewer's.
		allowed := min(writeTimeout, patience+time.Duration(min(length, 1<<40))*(time.Second/leastRate))
		_ = http.NewResponseController(s.ResponseWriter).SetWriteDeadline(time.Now().Add(allowed)) // the server's own stays, then
	}
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *stream) Write(p []byte) (int, error) {
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

// withConn lets a request find its connection.
func withConn(ctx context.Context, c net.Conn) context.Context {
	if inside, ok := c.(interface{ NetConn() net.Conn }); ok {
		c = inside.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// bound puts the bounds of HTTP/2's requests before next. Those of HTTP/1 are
// bounded by their connections.
func bound(next http.Handler, m *ServerMetrics) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 {
			next.ServeHTTP(w, r)
			return
		}
		c, ok := r.Context().Value(connKey{}).(*conn)
		if !ok {
			panic("origin: request without its connection")
		}
		defer c.place.end()
		if !c.place.begin() {
			m.refused[refusedStreams].Inc()
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		next.ServeHTTP(&stream{ResponseWriter: w, slow: m.slow.Inc}, r)
	})
}
