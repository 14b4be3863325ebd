package rtmp

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golive/ingest"
	"golive/ingest/rtmp/handshake"
)

const (
	// writeTimeout is the timeout of a write.
	writeTimeout = 5 * time.Second
	// farewellTimeout is how long a peer has to read the last message.
	farewellTimeout = time.Second
	// graceTimeout is how long a publisher has after a reconnect request: a group of
	// pictures of two seconds, and the time to connect to another server.
	graceTimeout = 3 * time.Second
)

// errCut is returned after interrupt was called. The cause is that of the session's context.
var errCut = errors.New("session was cut")

// link manages the deadlines of a connection. Only the session's goroutine uses it, except
// for interrupt.
//
// Setting a deadline costs a timer, so it is not moved at each message: when it passes,
// quiet decides by the time of the last media, and returns the next deadline.
type link struct {
	conn net.Conn
	due  time.Time // deadline to publish
	// quiet is called if nothing was read until now. It returns when to call it again, or
	// an error that ends the session. It is nil until the peer publishes.
	quiet func(now time.Time) (next time.Time, err error)

	arrived      time.Time // when the last bytes were read
	writeStalled bool      // the peer does not read: no more is written

	cut     atomic.Bool   // interrupt was called, and not resume since
	settled chan struct{} // closed when interrupt has set the deadlines
	onCut   func() bool   // called after an interrupt; true if it has called resume
	last    time.Time     // final deadline after resume
}

func newLink(conn net.Conn) *link { return &link{conn: conn, settled: make(chan struct{})} }

// past returns a deadline that has passed.
func past() time.Time { return time.Unix(1, 0) }

// interrupt makes a blocked read or write, and every later one, fail immediately. It may be
// called once, by any goroutine.
func (l *link) interrupt() {
	l.cut.Store(true)
	_ = l.conn.SetReadDeadline(past())
	_ = l.conn.SetWriteDeadline(past())
	close(l.settled)
}

// interrupted reports whether the session must end because of an interrupt.
func (l *link) interrupted() bool { return l.cut.Load() && (!l.last.IsZero() || !l.onCut()) }

// resume lets an interrupted link continue for the grace period.
func (l *link) resume(grace time.Duration) {
	<-l.settled
	l.last = time.Now().Add(grace)
	l.cut.Store(false)
	l.setRead(l.last)
}

// expect sets the deadline to publish.
func (l *link) expect(t time.Time) {
	l.quiet, l.due = nil, t
	l.setRead(t)
}

// live sets quiet, which is called if nothing was read until first.
func (l *link) live(first time.Time, quiet func(time.Time) (time.Time, error)) {
	l.quiet = quiet
	l.setRead(first)
}

// setRead sets the read deadline, unless interrupt has set it: whichever of the two runs
// second sees the other.
func (l *link) setRead(t time.Time) {
	if !l.last.IsZero() {
		t = l.last
	}
	_ = l.conn.SetReadDeadline(t)
	if l.cut.Load() {
		_ = l.conn.SetReadDeadline(past())
	}
}

// Read reads at least one byte, or fails.
func (l *link) Read(p []byte) (int, error) {
	for {
		n, err := l.conn.Read(p)
		if n > 0 {
			l.arrived = time.Now()
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if err := l.overdue(); err != nil {
			return 0, err
		}
	}
}

// overdue handles a deadline that has passed: nil means to read again.
func (l *link) overdue() error {
	switch {
	case l.interrupted():
		return errCut
	case l.last.IsZero():
	case time.Now().Before(l.last):
		return nil // onCut has just resumed it
	default:
		return errCut
	}
	if l.quiet == nil {
		return ingest.ErrSlow
	}
	next, err := l.quiet(time.Now())
	if err == nil {
		l.setRead(next)
	}
	return err
}

// hold blocks for d or until an interrupt.
func (l *link) hold(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.settled:
	}
}

// Write writes all of p. A live publisher that does not read is not disconnected: after a
// timeout nothing more is written to it.
func (l *link) Write(p []byte) (int, error) {
	if l.writeStalled {
		return len(p), nil
	}
	_ = l.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if l.cut.Load() {
		_ = l.conn.SetWriteDeadline(past())
	}
	n, err := l.conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		switch {
		case l.cut.Load():
			return n, errCut
		case l.quiet != nil:
			l.writeStalled = true
			return len(p), nil
		default:
			return n, ingest.ErrSlow
		}
	}
	return n, err
}

// farewell writes p, if any, and closes the connection in a way that the peer can read it:
// closing with unread bytes in the receive buffer would reset the connection and discard p.
func (l *link) farewell(p []byte) {
	defer l.close()
	if len(p) == 0 || l.writeStalled {
		return
	}
	if l.cut.Load() {
		<-l.settled // or interrupt would replace this deadline
	}
	_ = l.conn.SetWriteDeadline(time.Now().Add(farewellTimeout))
	if _, err := l.conn.Write(p); err != nil {
		return
	}
	half, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(farewellTimeout))
	for scrap := make([]byte, 4096); ; {
		if _, err := l.conn.Read(scrap); err != nil {
			return
		}
	}
}

// close closes the connection immediately. TLS would send an alert first, and wait for a
// peer that does not read.
func (l *link) close() {
	if t, ok := l.conn.(*tls.Conn); ok && (l.writeStalled || l.cut.Load()) {
		_ = t.NetConn().Close()
		return
	}
	_ = l.conn.Close()
}

// secure does the TLS handshake if the connection uses TLS, within the deadline of expect.
func (l *link) secure() error {
	t, ok := l.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	_ = t.SetWriteDeadline(l.due)
	if l.cut.Load() {
		_ = t.SetWriteDeadline(past())
	}
	err := t.Handshake() //nolint:noctx // interrupt ends it
	foreign, isForeign := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case err == nil:
		return nil
	case l.cut.Load():
		return errCut
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ingest.ErrSlow
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return err
	case isForeign:
		return &ForeignError{Protocol: handshake.Sniff(foreign.RecordHeader[:]), TLS: true}
	}
	return fmt.Errorf("%w: %w", errTLS, err)
}
