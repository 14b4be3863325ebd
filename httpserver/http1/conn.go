package http1

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxHead is the longest head of a request that is read here.
const maxHead = 4 << 10

// conn is a connection.
type conn struct {
	raw          net.Conn             // as it was accepted
	stream       net.Conn             // carries HTTP: raw, or TLS on it
	state        *tls.ConnectionState // of TLS; nil without
	records      *records             // below TLS; nil without
	listener     *Listener
	cancel       context.CancelFunc // ends the request under way
	in           []byte             // bytes that were read and not answered
	readDeadline time.Time          // the read deadline
}

// serve answers requests until the connection closes or is handed over.
func (c *conn) serve(ctx context.Context) {
	kept := false
	defer func() {
		if v := recover(); v != nil && v != http.ErrAbortHandler { //nolint:errorlint // it is what was thrown
			c.listener.log.Error("request failed", "remote", c.raw.RemoteAddr(), "reason", v, "stack", string(debug.Stack()))
		}
		if !kept {
			_ = c.stream.Close()
		}
	}()
	if c.listener.config != nil {
		if n := c.handshake(ctx); n != outcomeServe {
			kept = n == outcomeAccept
			return
		}
	}
	r := newRequest(ctx, c.listener.prefix, c.raw.RemoteAddr().String())
	r.TLS = c.state
	w := &response{conn: c, header: http.Header{}}
	c.in = make([]byte, 0, maxHead)
	for first := true; ; first = false {
		head, err := c.readHead(first)
		if errors.Is(err, errPreface) {
			_, _ = io.WriteString(c.stream, refusePreface) // a broken connection is closed all the same
			return
		}
		if err != nil {
			return
		}
		if head == 0 || !r.read(c.in[:head]) {
			kept = c.handOver()
			return
		}
		if first {
			c.requestRead()
		}
		if !c.answer(w, r) {
			return
		}
		if c.in = c.in[:copy(c.in, c.in[head:])]; len(c.in) > 0 {
			c.readDeadline = time.Time{} // a head has begun, which has its own deadline
			if !c.mayPipeline() {
				return
			}
		}
	}
}

// answer answers a request, and returns false when the connection must end.
func (c *conn) answer(w *response, r *request) bool {
	w.reset(r.Method == http.MethodHead)
	r.Form, r.PostForm = nil, nil // handlers keep them there
	c.listener.handler.ServeHTTP(w, &r.Request)
	if w.status == 0 && r.Context().Err() != nil {
		return false // the client has left; an empty response would look valid
	}
	return w.finish()
}

// requestRead calls the RequestRead method of the connection below, if it has one.
func (c *conn) requestRead() {
	if r, ok := c.raw.(interface{ RequestRead() }); ok {
		r.RequestRead()
	}
}

// mayPipeline reports whether the connection may continue although its client sent a further
// request before it had the answer to the last one.
func (c *conn) mayPipeline() bool {
	limited, ok := c.raw.(interface{ AllowPipelined() bool })
	return !ok || limited.AllowPipelined()
}

// newBuffers returns the pool of the buffers in which responses are gathered.
func newBuffers(size int) *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, 0, size); return &b }}
}

// errPreface reports the connection preface of HTTP/2 after other bytes.
var errPreface = errors.New("preface of HTTP/2 after something else")

const (
	// preface begins a connection of HTTP/2 (RFC 9113 section 3.4), and no request.
	preface       = "PRI "
	refusePreface = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
	// maxEmptyLines is how many empty lines before a request are ignored. RFC 9112
	// section 2.2 asks for one at least.
	maxEmptyLines = 8
)

// readHead waits until the head of a request is there, and returns its length; 0 when
// it is too long for this package, or so unusual that its end might not be found.
func (c *conn) readHead(first bool) (int, error) {
	emptyLines := 0
	for seen := 0; ; {
		for seen == 0 && emptyLines < maxEmptyLines && bytes.HasPrefix(c.in, crlf) {
			c.in = c.in[:copy(c.in, c.in[len(crlf):])]
			emptyLines++
		}
		mayBegin := first && emptyLines == 0 && c.state == nil // a connection of HTTP/2, which TLS would have negotiated
		if !mayBegin && bytes.HasPrefix(c.in, []byte(preface)) {
			return 0, errPreface
		}
		if end := bytes.Index(c.in[seen:], []byte("\r\n\r\n")); end >= 0 {
			return seen + end + 4, nil
		}
		switch undecided := string(c.in); {
		case undecided == "\r" && emptyLines < maxEmptyLines: // half of an empty line
		case !mayBegin && strings.HasPrefix(preface, undecided): // may become POST
		case isUnsupported(c.in, seen) || len(c.in) == cap(c.in):
			return 0, nil
		default:
			seen = max(0, len(c.in)-3)
		}
		c.extendReadDeadline(first, len(c.in) > 0)
		if c.listener.closing.Load() {
			return 0, net.ErrClosed
		}
		n, err := c.stream.Read(c.in[len(c.in):cap(c.in)])
		c.in = c.in[:len(c.in)+n]
		if n == 0 && err != nil {
			return 0, err
		}
	}
}

// isUnsupported reports whether the beginning of a head has a method that is not answered here
// (as HTTP/2's preface has), or a line that ends in LF alone. It looks for such lines at the
// offset from and after it.
func isUnsupported(in []byte, from int) bool {
	if !slices.ContainsFunc(methods, func(m string) bool {
		n := min(len(m), len(in))
		return string(in[:n]) == m[:n]
	}) {
		return true
	}
	for i := from; ; i++ {
		n := bytes.IndexByte(in[i:], '\n')
		if n < 0 {
			return false
		}
		if i += n; in[i-1] != '\r' {
			return true
		}
	}
}

// extendReadDeadline sets the deadline of the next read. That of an idle connection is moved
// once in a while and not for each request, because setting it is expensive.
func (c *conn) extendReadDeadline(first, begun bool) {
	now := time.Now()
	if first || begun {
		if c.readDeadline.IsZero() || c.readDeadline.After(now.Add(headTime)) {
			c.readDeadline = now.Add(headTime)
			_ = c.raw.SetReadDeadline(c.readDeadline) // a broken connection fails at the next read
		}
		return
	}
	if c.readDeadline.Before(now.Add(idleTime - idleTime/4)) {
		c.readDeadline = now.Add(idleTime)
		_ = c.raw.SetReadDeadline(c.readDeadline)
	}
}

const (
	// headTime is how long a head may take.
	headTime = 10 * time.Second
	// idleTime is how long a connection is kept without a request at most; three quarters of
	// it at least. Proxies keep an idle one less long, mostly a minute: a proxy that closes it
	// first never sends a request to a connection that is just being closed.
	idleTime = 2 * time.Minute
)

// writePieces writes all pieces in one call where the connection can.
func (c *conn) writePieces(pieces net.Buffers) (int64, error) {
	if w, ok := c.stream.(interface {
		WritePieces(pieces net.Buffers) (int64, error)
	}); ok {
		return w.WritePieces(pieces)
	}
	if c.records == nil {
		return pieces.WriteTo(c.stream)
	}
	c.records.begin()
	n, err := pieces.WriteTo(c.stream)
	return n, errors.Join(err, c.records.end())
}

// handOver gives the connection to the http.Server that accepts from the Listener.
func (c *conn) handOver() bool {
	_ = c.raw.SetReadDeadline(time.Time{})
	r := unreadConn{Conn: c.stream, unread: c.in}
	if c.state != nil {
		return c.listener.offer(&unreadTLSConn{unreadConn: r, state: *c.state})
	}
	return c.listener.offer(&r)
}
