package http1

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"slices"
	"time"
)

// The protocols that TLS can negotiate (ALPN).
const (
	protocolHTTP1 = "http/1.1"
	protocolHTTP2 = "h2"
)

// withProtocols returns the configuration with HTTP/2 and HTTP/1.1 among the protocols
// to negotiate.
func withProtocols(config *tls.Config) *tls.Config {
	config = config.Clone()
	config.NextProtos = slices.Clone(config.NextProtos) // Clone shares it
	for _, p := range []string{protocolHTTP2, protocolHTTP1} {
		if !slices.Contains(config.NextProtos, p) {
			config.NextProtos = append(config.NextProtos, p)
		}
	}
	return config
}

// refusePlain answers a client that does not speak TLS.
const refusePlain = "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"

// outcome is what to do with a connection after its handshake.
type outcome int

const (
	outcomeClose  outcome = iota
	outcomeServe          // by this package
	outcomeAccept         // by the caller of Accept
)

// handshake begins TLS. A connection of HTTP/2 is offered at once.
func (c *conn) handshake(ctx context.Context) outcome {
	c.records = &records{Conn: c.raw, buffers: &c.listener.records}
	inside := tls.Server(c.records, c.listener.config)
	c.stream = inside
	_ = c.raw.SetDeadline(time.Now().Add(headTime)) // a broken connection fails in the handshake
	if c.listener.closing.Load() {
		return outcomeClose
	}
	if err := inside.HandshakeContext(ctx); err != nil {
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			_, _ = io.WriteString(plain.Conn, refusePlain) // it is closed in any case
		}
		c.listener.log.Debug("TLS handshake failed", "remote", c.raw.RemoteAddr(), "err", err)
		c.stream = c.raw // Close must not send a close_notify
		return outcomeClose
	}
	_ = c.raw.SetDeadline(time.Time{})
	state := inside.ConnectionState()
	switch state.NegotiatedProtocol {
	case protocolHTTP1, "":
		c.state = &state
		return outcomeServe
	case protocolHTTP2:
		if c.listener.offer(inside) {
			return outcomeAccept
		}
	}
	return outcomeClose // such as acme-tls/1, which needs only the handshake
}

// looksLikeHTTP reports whether the bytes in place of the header of a TLS record begin a
// request.
func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO":
		return true
	}
	return false
}

// unreadConn is a connection of which some bytes were read already.
type unreadConn struct {
	net.Conn
	unread []byte
}

// Read implements net.Conn.
func (r *unreadConn) Read(p []byte) (int, error) {
	if len(r.unread) > 0 {
		n := copy(p, r.unread)
		if r.unread = r.unread[n:]; len(r.unread) == 0 {
			r.unread = nil
		}
		return n, nil
	}
	return r.Conn.Read(p)
}

// NetConn returns the connection itself.
func (r *unreadConn) NetConn() net.Conn { return r.Conn }

// CloseWrite closes the sending half.
func (r *unreadConn) CloseWrite() error {
	if half, ok := r.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// unreadTLSConn is an unreadConn inside TLS.
type unreadTLSConn struct {
	unreadConn

	state tls.ConnectionState
}

// ConnectionState implements the interface by which net/http sets Request.TLS.
func (r *unreadTLSConn) ConnectionState() tls.ConnectionState { return r.state }
