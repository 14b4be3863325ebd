package ingesttest

import (
	"bufio"
	"io"
	"net"
	"net/http/httptest"
	"time"
)

// ReadConn is a connection whose peer has already sent what the Reader returns. It discards what is
// written.
type ReadConn struct{ io.Reader }

// Write implements net.Conn.
func (ReadConn) Write(p []byte) (int, error) { return len(p), nil }

// Close implements net.Conn.
func (ReadConn) Close() error { return nil }

// LocalAddr implements net.Conn.
func (ReadConn) LocalAddr() net.Addr { return &net.TCPAddr{} }

// RemoteAddr implements net.Conn.
func (ReadConn) RemoteAddr() net.Addr { return &net.TCPAddr{} }

// SetDeadline implements net.Conn.
func (ReadConn) SetDeadline(time.Time) error { return nil }

// SetReadDeadline implements net.Conn.
func (ReadConn) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline implements net.Conn.
func (ReadConn) SetWriteDeadline(time.Time) error { return nil }

// HijackRecorder is a response whose connection a handler can take over.
type HijackRecorder struct {
	httptest.ResponseRecorder
	Conn net.Conn
}

// Hijack implements http.Hijacker.
func (r *HijackRecorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return r.Conn, bufio.NewReadWriter(bufio.NewReader(r.Conn), bufio.NewWriter(r.Conn)), nil
}
