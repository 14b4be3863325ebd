package peerconn

import (
	"errors"
	"net"
	"os"
	"sync"
	"time"
)

const (
	// maxTimerDelay is the longest delay of a deadline on a busy machine. A longer one means that
	// the process was not running when it passed: it was stopped, or the machine slept.
	maxTimerDelay = 250 * time.Millisecond
	// maxExtension bounds the time that a peer has after a pause: what it sent meanwhile
	// waits in the socket, or is retransmitted by TCP.
	maxExtension = 10 * time.Second
)

// pausableConn is a connection whose deadlines do not expire while the process is stopped.
// After a pause, what waits in the socket is read first, and the peer has as long as the
// pause was, at most maxExtension, to continue.
type pausableConn struct {
	net.Conn
	read, write deadline
}

// deadline is one of a connection's two deadlines.
type deadline struct {
	mu  sync.Mutex
	at  time.Time // zero is none
	set func(time.Time) error
}

// Pausable returns conn as a connection whose deadlines do not expire while the process is
// stopped.
func Pausable(conn net.Conn) net.Conn {
	return &pausableConn{Conn: conn, read: deadline{set: conn.SetReadDeadline}, write: deadline{set: conn.SetWriteDeadline}}
}

// NetConn returns the connection below.
func (c *pausableConn) NetConn() net.Conn { return c.Conn }

// Read implements net.Conn.
func (c *pausableConn) Read(p []byte) (int, error) {
	for {
		n, err := c.Conn.Read(p)
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || !c.read.extend() {
			return n, err
		}
	}
}

// Write implements net.Conn.
func (c *pausableConn) Write(p []byte) (n int, err error) {
	for {
		var wrote int
		wrote, err = c.Conn.Write(p[n:])
		n += wrote
		if !errors.Is(err, os.ErrDeadlineExceeded) || !c.write.extend() {
			return n, err
		}
	}
}

// SetReadDeadline implements net.Conn.
func (c *pausableConn) SetReadDeadline(t time.Time) error { return c.read.move(t) }

// SetWriteDeadline implements net.Conn.
func (c *pausableConn) SetWriteDeadline(t time.Time) error { return c.write.move(t) }

// SetDeadline implements net.Conn.
func (c *pausableConn) SetDeadline(t time.Time) error {
	return errors.Join(c.read.move(t), c.write.move(t))
}

// CloseWrite closes the writing side, if the connection supports it.
func (c *pausableConn) CloseWrite() error {
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if !ok {
		return errors.ErrUnsupported
	}
	return half.CloseWrite()
}

func (d *deadline) move(t time.Time) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = t
	return d.set(t)
}

// extend moves a deadline that passed during a pause, and reports whether it did. It keeps
// a deadline that was set in the past to end a call.
func (d *deadline) extend() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	late := time.Since(d.at)
	if late < maxTimerDelay || d.at.Before(pastDeadline().Add(time.Second)) {
		return false
	}
	d.at = time.Now().Add(min(late, maxExtension))
	return d.set(d.at) == nil
}
