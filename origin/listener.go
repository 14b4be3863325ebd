package origin

import (
	"net"
	"sync"
)

// listener lets in those for whom there is a place. Who gets none is reset at
// once: an answer would have to wait for a peer that may never read it, or for a
// TLS handshake, which is what costs most.
type listener struct {
	net.Listener
	places   *places
	metrics  *ServerMetrics
	refusals *notice
	floods   *notice
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		place, refused := l.places.take(c.RemoteAddr())
		if refused != "" {
			l.refuse(c, refused)
			continue
		}
		boundUnsent(c)
		l.metrics.connections.Inc()
		return &conn{
			Conn: c, place: place, slow: l.metrics.slow.Inc,
			flooded: func() {
				l.metrics.floods.Inc()
				l.floods.note(c.RemoteAddr())
			},
			leave: sync.OnceFunc(func() {
				place.leave()
				l.metrics.connections.Dec()
			}),
		}, nil
	}
}

func (l *listener) refuse(c net.Conn, why refusal) {
	from := c.RemoteAddr()
	l.metrics.refused[why].Inc()
	reset(c)
	l.refusals.note(from, "reason", why)
}

// reset closes a connection without a farewell, so that the system, too, lets go
// of what the peer did not read.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails the connection is closed all the same
	}
	_ = c.Close()
}
