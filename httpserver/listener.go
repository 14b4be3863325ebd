package httpserver

import (
	"errors"
	"log/slog"
	"net"
	"sync"
	"syscall"
	"time"

	"golive/internal/connlimit"
)

// Why connections and requests are refused, beside connlimit's reasons; the metric's
// label has them.
const (
	refusedStreams connlimit.Refusal = "streams" // too many requests of HTTP/2 are under way
	refusedFlood   connlimit.Refusal = "flood"   // the peer's address has just flooded others
	// A connection without a request was closed for a newer one.
	refusedSilent connlimit.Refusal = "silent"
)

// listener accepts the connections that the limits allow. The others are reset at once: a
// response would have to wait for a peer that may never read it, or for a TLS handshake,
// which costs most.
type listener struct {
	net.Listener
	server *Server
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
				l.server.slots.Reclaim()
			}
			return nil, err
		}
		if admitted := l.server.admit(c); admitted != nil {
			return admitted, nil
		}
	}
}

// admit returns the connection within its limits, or nil when it was refused and reset.
func (s *Server) admit(c net.Conn) *conn {
	from := c.RemoteAddr()
	if !s.slots.Trusts(from) && s.penalties.blocked(connlimit.Network(from), time.Now()) {
		s.refuse(c, refusedFlood)
		return nil
	}
	uncount := sync.OnceFunc(s.metrics.connections.Dec)
	slot, refusal := s.slots.Take(from, func() {
		s.refuse(c, refusedSilent) // its reader gets an error, and closes it
		uncount()
	})
	if refusal != "" {
		s.refuse(c, refusal)
		return nil
	}
	limitUnsent(c)
	s.metrics.connections.Inc()
	return &conn{
		Conn: c, slot: slot, slow: s.metrics.slow.Inc,
		excess: func() {
			s.metrics.floods.Inc()
			if !slot.Trusted() {
				s.penalties.add(slot.Network(), time.Now())
			}
			s.lines.Log(s.log, slog.LevelWarn, "connection closed: the client sends too much that is no request", string(refusedFlood), "remote", from)
		},
		release: func() {
			slot.Release()
			uncount()
		},
	}
}

// refuse resets a connection.
func (s *Server) refuse(c net.Conn, why connlimit.Refusal) {
	from := c.RemoteAddr()
	s.metrics.refused[why].Inc()
	reset(c)
	s.lines.Log(s.log, slog.LevelWarn, "connection refused: a limit is reached", string(why), "remote", from)
}

// reset closes a connection with RST, so that the system drops what the peer did not
// read.
func reset(c net.Conn) {
	if tcp, ok := c.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // if it fails the connection is closed all the same
	}
	_ = c.Close()
}
