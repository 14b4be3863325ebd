package pipenet

import (
	"context"
	"net"
	"sync"
	"time"
)

// Listener is a net.Listener whose connections are pipes.
type Listener struct {
	accepted chan net.Conn
	closed   chan struct{}
	once     sync.Once
}

// Listen returns an open Listener.
func Listen() *Listener {
	return &Listener{accepted: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial connects to the Listener; it is the DialContext of an http.Transport. The network
// and the address do not matter.
func (l *Listener) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	if err := l.Offer(ctx, far); err != nil {
		return nil, err
	}
	return client{near}, nil
}

// Offer waits until c, a server's end of a pipe, is accepted.
func (l *Listener) Offer(ctx context.Context, c net.Conn) error {
	select {
	case l.accepted <- c:
		return nil
	case <-l.closed:
		return net.ErrClosed
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Accept implements net.Listener.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case c := <-l.accepted:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (l *Listener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// client is the client's end of a pipe. Its writes with a deadline fail at once: crypto/tls
// writes its close_notify with one, which a server that is writing its own would never read.
type client struct{ net.Conn }

// SetWriteDeadline implements net.Conn.
func (c client) SetWriteDeadline(t time.Time) error {
	if !t.IsZero() {
		t = time.Unix(1, 0)
	}
	return c.Conn.SetWriteDeadline(t)
}
