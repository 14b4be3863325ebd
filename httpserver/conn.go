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

// A viewer must take what it asked for at leastRate, in bytes a second, and may
// fall behind that by patience. No stream with a picture plays at such a rate; the
// patience bears a phone that changes networks.
const (
	leastRate = 8 << 10
	patience  = 10 * time.Second
)

// conn is a viewer's connection, and cuts off who does not read. Its writes are
// measured: net/http's own deadlines begin with the request, which may have waited
// for its media, and HTTP/2 has one for each stream but none that a full socket
// would meet.
type conn struct {
	net.Conn
	place   *connlimit.Place
	proved  atomic.Bool        // the client has sent a request
	slow    func()             // counts a viewer that was cut off
	flooded func()             // counts a client that sent too much
	leave   func()             // gives the place back, once
	open    context.Context    //nolint:containedctx // of net/http: ends with the connection; may be nil
	cancel  context.CancelFunc // ends open

	mu     sync.Mutex
	limit  time.Time     // the deadline of who uses the conn; zero is none
	armed  time.Time     // the deadline that the Conn has; zero is none
	behind time.Duration // leastRate
	gone   bool          // cut off

	allowed allowance
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (total int, err error) {
	for {
		began := time.Now()
		if err := c.arm(began); err != nil {
			return total, err
		}
		n, err := c.Conn.Write(p[total:])
		total += n
		if !c.goesOn(began, int64(n), err) {
			return total, err
		}
	}
}

// WritePieces writes all pieces, in one call of the system where it can be done.
func (c *conn) WritePieces(pieces net.Buffers) (total int64, err error) {
	for {
		began := time.Now()
		if err := c.arm(began); err != nil {
			return total, err
		}
		n, err := pieces.WriteTo(c.Conn) // which leaves in pieces what was not written
		total += n
		if !c.goesOn(began, n, err) {
			return total, err
		}
	}
}

// arm gives the next write a deadline, or refuses one to a viewer that is too far
// behind. A deadline that comes early only interrupts the write, so it is moved
// once in a while and not for each: that is what costs.
func (c *conn) arm(now time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.behind >= patience {
		c.cutOff()
		return os.ErrDeadlineExceeded
	}
	until := now.Add(patience)
	if !c.limit.IsZero() && c.limit.Before(until) {
		until = c.limit
	}
	if !c.armed.Before(now.Add(patience/2)) && !c.armed.After(until) {
		return nil
	}
	c.armed = until
	return c.Conn.SetWriteDeadline(until)
}

// goesOn accounts for n bytes that were written, and says whether the write was
// only interrupted.
func (c *conn) goesOn(began time.Time, n int64, err error) bool {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.behind = max(0, c.behind+now.Sub(began)-time.Duration(n)*(time.Second/leastRate))
	if c.allowed.metered {
		c.allowed.bytes.spent -= float64(n) / 4
	}
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return false
	}
	if c.behind < patience && (c.limit.IsZero() || now.Before(c.limit)) {
		c.armed = time.Time{}
		return true
	}
	c.cutOff()
	return false
}

// cutOff ends the connection; the caller holds mu.
func (c *conn) cutOff() {
	if c.gone {
		return
	}
	c.slow()
	c.end()
}

// end resets the connection; the caller holds mu.
func (c *conn) end() {
	c.gone = true
	c.leave()
	reset(c.Conn)
}

// SetWriteDeadline implements net.Conn. One that is later than ours changes
// nothing now.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limit = t
	if t.IsZero() || !c.armed.IsZero() && !t.Before(c.armed) {
		return nil
	}
	c.armed = t
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite ends what is sent, so that net/http can let a last refusal arrive.
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
	c.leave()
	if c.cancel != nil {
		c.cancel()
	}
	return c.Conn.Close()
}
