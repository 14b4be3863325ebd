package origin

import (
	"log/slog"
	"net"
	"sync"
	"time"
)

// tellEvery is how often the log says that viewers are refused, at most: one that
// leaves makes room for one more, again and again.
const tellEvery = 10 * time.Second

// listener lets in those for whom there is a place. Who gets none is reset at
// once: an answer would have to wait for a peer that may never read it, or for a
// TLS handshake, which is what costs most.
type listener struct {
	net.Listener
	places  *places
	metrics *ServerMetrics
	log     *slog.Logger
	told    time.Time // of a refusal; only Accept's caller looks at it
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
		return &conn{Conn: c, place: place, slow: l.metrics.slow.Inc, leave: sync.OnceFunc(func() {
			place.leave()
			l.metrics.connections.Dec()
		})}, nil
	}
}

func (l *listener) refuse(c net.Conn, why refusal) {
	from := c.RemoteAddr()
	l.metrics.refused[why].Inc()
	reset(c)
	if now := time.Now(); now.Sub(l.told) > tellEvery {
		l.log.Warn("viewers were refused: a limit of origin.limits is reached", "reason", why, "remote", from)
		l.told = now
	}
}

// reset closes a connection without a farewell, so that the system, too, lets go
// of what the peer did not read.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails the connection is closed all the same
	}
	_ = c.Close()
}
