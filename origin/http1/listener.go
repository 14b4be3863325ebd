package http1

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// Listener answers what it understands, and accepts the other connections for an
// http.Server. It is a net.Listener.
type Listener struct {
	net.Listener
	prefix  string
	handler http.Handler
	log     *slog.Logger

	date    date
	buffers *sync.Pool
	others  chan net.Conn // on their way to Accept
	closing atomic.Bool
	closed  chan struct{}
	ran     chan struct{} // closed when Run has ended
	running sync.WaitGroup

	mu    sync.Mutex
	conns map[*conn]struct{}
}

// NewListener makes a Listener that has handler answer what is below prefix, which
// begins and ends with a slash.
func NewListener(ln net.Listener, prefix string, handler http.Handler, log *slog.Logger) *Listener {
	return &Listener{
		Listener: ln, prefix: prefix, handler: handler, log: log,
		buffers: newBuffers(), others: make(chan net.Conn), closed: make(chan struct{}), ran: make(chan struct{}),
		conns: map[*conn]struct{}{},
	}
}

// Run accepts connections until the Listener is closed. The requests' contexts come
// from ctx.
func (l *Listener) Run(ctx context.Context) {
	defer close(l.ran)
	for {
		accepted, err := l.accept()
		if err != nil {
			_ = l.Close() // if it is not closed already
			return
		}
		own, cancel := context.WithCancel(ctx)
		c := &conn{Conn: accepted, listener: l, abandon: cancel}
		l.mu.Lock()
		l.conns[c] = struct{}{}
		l.mu.Unlock()
		l.running.Go(func() {
			defer func() {
				cancel()
				l.mu.Lock()
				defer l.mu.Unlock()
				delete(l.conns, c)
			}()
			c.serve(own)
		})
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

// Accept implements net.Listener: it waits for a connection that says what is not
// understood here.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.others:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// offer is false when nobody accepts any more.
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
// closes the others.
func (l *Listener) Shutdown(ctx context.Context) error {
	err := l.Close()
	l.each(func(c *conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) })
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
			c.abandon()
			_ = c.Close()
		})
		<-done
		return errors.Join(err, ctx.Err())
	}
}

func (l *Listener) each(do func(*conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.conns {
		do(c)
	}
}
