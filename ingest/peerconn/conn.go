package peerconn

import (
	"crypto/tls"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"

	"golive/ingest"
)

const (
	// writeTimeout is the timeout of a write.
	writeTimeout = 5 * time.Second
	// lastWriteTimeout is how long a peer has to read the last message.
	lastWriteTimeout = time.Second
)

// Conn manages the deadlines of a connection. Only the session's goroutine uses it, except for
// Interrupt.
//
// Setting a deadline costs a timer, so it is not moved at each message: when it passes,
// checkIdle decides by the time of the last media, and returns the next deadline.
type Conn struct {
	// OnInterrupt is called after an Interrupt, on the session's goroutine. It returns true if it
	// has called Resume. It may be nil.
	OnInterrupt func() bool

	conn      net.Conn
	publishBy time.Time // deadline to publish
	// checkIdle is called if nothing was read until now. It returns when to call it again, or
	// an error that ends the session. It is nil until the peer publishes.
	checkIdle func(now time.Time) (next time.Time, err error)

	arrived      time.Time // when the last bytes were read
	writeStalled bool      // the peer does not read: no more is written

	interruptPending atomic.Bool   // Interrupt was called, and not Resume since
	interruptDone    chan struct{} // closed when Interrupt has set the deadlines
	graceEnd         time.Time     // final deadline after Resume
}

// New returns a Conn without a deadline.
func New(conn net.Conn) *Conn {
	return &Conn{conn: conn, interruptDone: make(chan struct{})}
}

// NetConn returns the connection below.
func (c *Conn) NetConn() net.Conn { return c.conn }

// Arrived returns when the last bytes were read; zero if none were.
func (c *Conn) Arrived() time.Time { return c.arrived }

// pastDeadline returns a deadline that has passed.
func pastDeadline() time.Time { return time.Unix(1, 0) }

// Interrupt makes a blocked read or write, and every later one, fail immediately with
// ingest.ErrInterrupted. It may be called once, by any goroutine.
func (c *Conn) Interrupt() {
	c.interruptPending.Store(true)
	_ = c.conn.SetReadDeadline(pastDeadline())
	_ = c.conn.SetWriteDeadline(pastDeadline())
	close(c.interruptDone)
}

// Interrupted reports whether the session must end because of an Interrupt.
func (c *Conn) Interrupted() bool {
	return c.interruptPending.Load() && (!c.graceEnd.IsZero() || c.OnInterrupt == nil || !c.OnInterrupt())
}

// Resume lets an interrupted connection continue for the grace period.
func (c *Conn) Resume(grace time.Duration) {
	<-c.interruptDone
	c.graceEnd = time.Now().Add(grace)
	c.interruptPending.Store(false)
	c.setRead(c.graceEnd)
}

// AwaitPublish sets the deadline to publish, after which Read fails with ingest.ErrSlow.
func (c *Conn) AwaitPublish(t time.Time) {
	c.checkIdle, c.publishBy = nil, t
	c.setRead(t)
}

// AwaitMedia sets checkIdle, which Read calls if nothing was read until first. It returns when it
// is to be called again, or an error that Read returns.
func (c *Conn) AwaitMedia(first time.Time, checkIdle func(time.Time) (time.Time, error)) {
	c.checkIdle = checkIdle
	c.setRead(first)
}

// setRead sets the read deadline, unless Interrupt has set it: whichever of the two runs
// second sees the other.
func (c *Conn) setRead(t time.Time) {
	if !c.graceEnd.IsZero() {
		t = c.graceEnd
	}
	_ = c.conn.SetReadDeadline(t)
	if c.interruptPending.Load() {
		_ = c.conn.SetReadDeadline(pastDeadline())
	}
}

// Read reads at least one byte, or fails.
func (c *Conn) Read(p []byte) (int, error) {
	for {
		n, err := c.conn.Read(p)
		if n > 0 {
			c.arrived = time.Now()
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if err := c.deadlinePassed(); err != nil {
			return 0, err
		}
	}
}

// deadlinePassed handles a deadline that has passed: nil means to read again.
func (c *Conn) deadlinePassed() error {
	switch {
	case c.Interrupted():
		return ingest.ErrInterrupted
	case c.graceEnd.IsZero():
	case time.Now().Before(c.graceEnd):
		return nil // OnInterrupt has just resumed it
	default:
		return ingest.ErrInterrupted
	}
	if c.checkIdle == nil {
		return ingest.ErrSlow
	}
	next, err := c.checkIdle(time.Now())
	if err == nil {
		c.setRead(next)
	}
	return err
}

// Hold blocks for d or until an Interrupt.
func (c *Conn) Hold(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.interruptDone:
	}
}

// Write writes all of p. A live publisher that does not read is not disconnected: after a
// timeout nothing more is written to it.
func (c *Conn) Write(p []byte) (int, error) {
	if c.writeStalled {
		return len(p), nil
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if c.interruptPending.Load() {
		_ = c.conn.SetWriteDeadline(pastDeadline())
	}
	n, err := c.conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		switch {
		case c.interruptPending.Load():
			return n, ingest.ErrInterrupted
		case c.checkIdle != nil:
			c.writeStalled = true
			return len(p), nil
		default:
			return n, ingest.ErrSlow
		}
	}
	return n, err
}

// CloseAfter writes p, if any, and closes the connection in a way that the peer can read it:
// closing with unread bytes in the receive buffer would reset the connection and discard p.
func (c *Conn) CloseAfter(p []byte) {
	defer func() { _ = c.Close() }()
	if len(p) == 0 || c.writeStalled {
		return
	}
	if c.interruptPending.Load() {
		<-c.interruptDone // or Interrupt would replace this deadline
	}
	_ = c.conn.SetWriteDeadline(time.Now().Add(lastWriteTimeout))
	if _, err := c.conn.Write(p); err != nil {
		return
	}
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = c.conn.SetReadDeadline(time.Now().Add(lastWriteTimeout))
	for scrap := make([]byte, 4096); ; {
		if _, err := c.conn.Read(scrap); err != nil {
			return
		}
	}
}

// Close closes the connection immediately. TLS would send an alert first, and wait for a
// peer that does not read.
func (c *Conn) Close() error {
	if t, ok := c.conn.(*tls.Conn); ok && (c.writeStalled || c.interruptPending.Load()) {
		return t.NetConn().Close()
	}
	return c.conn.Close()
}

// Handshake does the TLS handshake, if the connection uses TLS, within the deadline of
// AwaitPublish. The error is ingest.ErrSlow, ingest.ErrInterrupted, or that of crypto/tls.
func (c *Conn) Handshake() error {
	t, ok := c.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	_ = t.SetWriteDeadline(c.publishBy)
	if c.interruptPending.Load() {
		_ = t.SetWriteDeadline(pastDeadline())
	}
	err := t.Handshake() //nolint:noctx // Interrupt ends it
	switch {
	case err == nil:
		return nil
	case c.interruptPending.Load():
		return ingest.ErrInterrupted
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ingest.ErrSlow
	}
	return err
}
