package httpserver

import (
	"context"
	"errors"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golive/internal/connlimit"
)

// A viewer must read its responses at minRate, in bytes a second, and may fall behind that
// by maxLag. No stream with a picture plays at such a rate; maxLag allows for a phone that
// changes networks.
const (
	minRate = 8 << 10
	maxLag  = 10 * time.Second
)

// conn is a viewer's connection, which it resets when the viewer does not read. It
// measures its writes: net/http's own deadlines begin with the request, which may have
// waited for its media, and HTTP/2 has one for each stream but none for the connection.
type conn struct {
	net.Conn
	slot      *connlimit.Slot
	requested atomic.Bool        // the client has sent a request
	hijacked  atomic.Bool        // a handler has taken the connection over
	slow      func()             // counts a viewer that was too slow
	excess    func()             // counts a client that sent too much
	release   func()             // releases slot, once
	open      context.Context    //nolint:containedctx // of net/http: ends with the connection; may be nil
	cancel    context.CancelFunc // ends open

	mu            sync.Mutex
	limit         time.Time     // the deadline that the user of the conn has set; zero is none
	writeDeadline time.Time     // the deadline that the Conn has; zero is none
	lag           time.Duration // how far the viewer is behind minRate
	ended         bool          // the connection was reset

	input inputBudget
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (total int, err error) {
	if c.hijacked.Load() {
		return c.Conn.Write(p)
	}
	for {
		began := time.Now()
		if err := c.extendWriteDeadline(began); err != nil {
			return total, err
		}
		n, err := c.Conn.Write(p[total:])
		total += n
		if !c.account(began, int64(n), err) {
			return total, err
		}
	}
}

// WritePieces writes all pieces, in one call of the system where it can be done.
func (c *conn) WritePieces(pieces net.Buffers) (total int64, err error) {
	for {
		began := time.Now()
		if err := c.extendWriteDeadline(began); err != nil {
			return total, err
		}
		n, err := pieces.WriteTo(c.Conn) // which leaves in pieces what was not written
		total += n
		if !c.account(began, n, err) {
			return total, err
		}
	}
}

// extendWriteDeadline sets the deadline of the next write, or fails when the viewer is too far
// behind. A deadline that passes early only interrupts the write, so it is moved once in a
// while and not for each write, which would be expensive.
func (c *conn) extendWriteDeadline(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.lag >= maxLag {
		c.resetSlow()
		return os.ErrDeadlineExceeded
	}
	until := now.Add(maxLag)
	if !c.limit.IsZero() && c.limit.Before(until) {
		until = c.limit
	}
	if !c.writeDeadline.Before(now.Add(maxLag/2)) && !c.writeDeadline.After(until) {
		return nil
	}
	c.writeDeadline = until
	return c.Conn.SetWriteDeadline(until)
}

// account accounts for n bytes that were written, and reports whether the write was only
// interrupted and is to go on.
func (c *conn) account(began time.Time, n int64, err error) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lag = max(0, c.lag+now.Sub(began)-time.Duration(n)*(time.Second/minRate))
	if c.input.metered {
		c.input.bytes.spent -= float64(n) / 4
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if c.lag < maxLag && (c.limit.IsZero() || now.Before(c.limit)) {
		c.writeDeadline = time.Time{}
		return true
	}
	c.resetSlow()
	return false
}

// resetSlow resets the connection of a slow viewer. The caller holds mu.
func (c *conn) resetSlow() {
	if c.ended {
		return
	}
	c.slow()
	c.end()
}

// end resets the connection. The caller holds mu.
func (c *conn) end() {
	c.ended = true
	c.release()
	reset(c.Conn)
}

// SetWriteDeadline implements net.Conn. A deadline later than the Conn's own has no effect
// yet.
func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.hijacked.Load() {
		return c.Conn.SetWriteDeadline(t)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = t
	if t.IsZero() || !c.writeDeadline.IsZero() && !t.Before(c.writeDeadline) {
		return nil
	}
	c.writeDeadline = t
	return c.Conn.SetWriteDeadline(t)
}

// hijack leaves the connection to a handler, which sets deadlines of its own and bounds what it
// reads. Only the slot is still counted.
func (c *conn) hijack() { c.hijacked.Store(true) }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite closes the sending half, so that net/http can let a last refusal arrive.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return errors.ErrUnsupported
}

// SyscallConn implements syscall.Conn.
func (c *conn) SyscallConn() (syscall.RawConn, error) {
	if described, ok := c.Conn.(syscall.Conn); ok {
		return described.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.release()
	if c.cancel != nil {
		c.cancel()
	}
	return c.Conn.Close()
}
