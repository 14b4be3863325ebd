package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Listener answers the requests that this package understands, and accepts the other
// connections for an http.Server. It is a net.Listener.
type Listener struct {
	net.Listener
	prefix  string
	handler http.Handler
	log     *slog.Logger
	config  *tls.Config // nil without TLS

	date    date
	buffers *sync.Pool
	records recordBuffers
	others  chan net.Conn // for Accept
	closing atomic.Bool
	closed  chan struct{}
	ran     chan struct{} // closed when Run has ended
	running sync.WaitGroup

	hangups  *hangups       // of Run; nil until there is something to watch
	watching sync.WaitGroup // its goroutine

	mu    sync.Mutex
	conns map[uint64]*conn // by the order in which they came
}

// NewListener returns a Listener that passes requests for paths below prefix to handler. A
// prefix begins and ends with a slash; with an empty one no request is answered.
func NewListener(ln net.Listener, prefix string, handler http.Handler, log *slog.Logger) *Listener {
	return &Listener{
		Listener: ln, prefix: prefix, handler: handler, log: log,
		buffers: newBuffers(gatherBytes), records: recordBuffers{pool: newBuffers(gatherRecords)}, others: make(chan net.Conn), closed: make(chan struct{}), ran: make(chan struct{}),
		conns: map[uint64]*conn{},
	}
}

// NewTLSListener returns a Listener inside TLS, which negotiates HTTP/2 or HTTP/1.1.
// Connections of HTTP/2 are accepted as *tls.Conn, for an http.Server that serves HTTP/2.
func NewTLSListener(ln net.Listener, config *tls.Config, prefix string, handler http.Handler, log *slog.Logger) *Listener {
	l := NewListener(ln, prefix, handler, log)
	l.config = withProtocols(config)
	return l
}

// Run accepts connections until the Listener is closed. The requests' contexts come
// from ctx.
func (l *Listener) Run(ctx context.Context) {
	defer close(l.ran)
	defer l.watching.Wait()
	defer func() {
		if l.hangups != nil {
			l.hangups.close()
		}
	}()
	for id := uint64(0); ; id++ {
		accepted, err := l.accept()
		if err != nil {
			_ = l.Close() // if it is not closed already
			return
		}
		own, cancel := context.WithCancel(ctx)
		c := &conn{raw: accepted, stream: accepted, listener: l, cancel: cancel}
		l.mu.Lock()
		l.conns[id] = c
		l.mu.Unlock()
		if err := l.watch(accepted, id); err != nil {
			l.log.Warn("connection is not watched: a viewer that leaves will be noticed late", "remote", accepted.RemoteAddr(), "err", err)
		}
		l.running.Go(func() {
			defer func() {
				cancel()
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.conns, id)
			}()
			c.serve(own)
		})
	}
}

// watch makes Run cancel the request under way when the connection breaks.
func (l *Listener) watch(c net.Conn, id uint64) error {
	described, ok := c.(syscall.Conn)
	if !ok {
		return nil // a test's
	}
	raw, err := described.SyscallConn()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil
	} else if err != nil {
		return err
	}
	if l.hangups == nil {
		made, err := newHangups()
		if err != nil {
			return err
		}
		l.hangups = made
		l.watching.Go(func() { made.run(l.hungUp) })
	}
	return l.hangups.watch(raw, id)
}

func (l *Listener) hungUp(id uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c := l.conns[id]; c != nil {
		c.cancel()
	}
}

// accept takes the next connection. Errors, such as having no file descriptor left,
// pass; it tries again, more and more slowly.
func (l *Listener) accept() (net.Conn, error) {
	const first, last = 5 * time.Millisecond, time.Second
	for delay := first; ; delay = min(2*delay, last) {
		c, err := l.Listener.Accept()
		if err == nil || errors.Is(err, net.ErrClosed) {
			return c, err
		}
		l.log.Warn("connection could not be accepted", "err", err)
		select {
		case <-time.After(delay):
		case <-l.closed:
			return nil, net.ErrClosed
		}
	}
}

// Accept implements net.Listener: it waits for a connection with a request that this package
// does not understand.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.others:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// offer passes a connection to Accept. It returns false after Close.
func (l *Listener) offer(c net.Conn) bool {
	select {
	case l.others <- c:
		return true
	case <-l.closed:
		return false
	}
}

// Close implements net.Listener: no more connections are accepted.
func (l *Listener) Close() error {
	if l.closing.Swap(true) {
		return nil
	}
	close(l.closed)
	return l.Listener.Close()
}

// Shutdown closes the Listener, which must be running, and the idle connections, lets
// the requests under way be answered, and waits for that until ctx is done. Then it
// closes the others and cancels their requests; a handler that does not return soon is left
// behind, which is an error.
func (l *Listener) Shutdown(ctx context.Context) error {
	err := l.Close()
	l.each(func(c *conn) { _ = c.raw.SetReadDeadline(time.Unix(1, 0)) })
	done := make(chan struct{})
	go func() {
		defer close(done)
		<-l.ran
		l.running.Wait()
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		l.each(func(c *conn) {
			_ = c.raw.Close() // first: what an abandoned handler writes must not be taken for a response
			c.cancel()
		})
	}
	select {
	case <-done:
		return errors.Join(err, ctx.Err())
	case <-time.After(cancelTime):
		return errors.Join(err, ctx.Err(), errHandlers)
	}
}

// cancelTime is how long a handler may take to return when its request was canceled.
const cancelTime = time.Second

var errHandlers = errors.New("handlers did not return when their requests were canceled")

func (l *Listener) each(do func(*conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		do(c)
	}
}
