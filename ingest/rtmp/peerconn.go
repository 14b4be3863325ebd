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
	// lastWriteTimeout is how long a peer has to read the last message.
	lastWriteTimeout = time.Second
	// graceTimeout is how long a publisher has after a reconnect request: a group of
	// pictures of two seconds, and the time to connect to another server.
	graceTimeout = 3 * time.Second
)

// errInterrupted is returned after interrupt was called. The cause is that of the session's context.
var errInterrupted = errors.New("session was cut")

// peerConn manages the deadlines of a connection. Only the session's goroutine uses it, except
// for interrupt.
//
// Setting a deadline costs a timer, so it is not moved at each message: when it passes,
// checkIdle decides by the time of the last media, and returns the next deadline.
type peerConn struct {
	conn      net.Conn
	publishBy time.Time // deadline to publish
	// checkIdle is called if nothing was read until now. It returns when to call it again, or
	// an error that ends the session. It is nil until the peer publishes.
	checkIdle func(now time.Time) (next time.Time, err error)

	arrived      time.Time // when the last bytes were read
	writeStalled bool      // the peer does not read: no more is written

	interruptPending atomic.Bool   // interrupt was called, and not resume since
	interruptDone    chan struct{} // closed when interrupt has set the deadlines
	onInterrupt      func() bool   // called after an interrupt; true if it has called resume
	graceEnd         time.Time     // final deadline after resume
}

func newPeerConn(conn net.Conn) *peerConn {
	return &peerConn{conn: conn, interruptDone: make(chan struct{})}
}

// pastDeadline returns a deadline that has passed.
func pastDeadline() time.Time { return time.Unix(1, 0) }

// interrupt makes a blocked read or write, and every later one, fail immediately. It may be
// called once, by any goroutine.
func (l *peerConn) interrupt() {
	l.interruptPending.Store(true)
	_ = l.conn.SetReadDeadline(pastDeadline())
	_ = l.conn.SetWriteDeadline(pastDeadline())
	close(l.interruptDone)
}

// interrupted reports whether the session must end because of an interrupt.
func (l *peerConn) interrupted() bool {
	return l.interruptPending.Load() && (!l.graceEnd.IsZero() || !l.onInterrupt())
}

// resume lets an interrupted connection continue for the grace period.
func (l *peerConn) resume(grace time.Duration) {
	<-l.interruptDone
	l.graceEnd = time.Now().Add(grace)
	l.interruptPending.Store(false)
	l.setRead(l.graceEnd)
}

// awaitPublish sets the deadline to publish.
func (l *peerConn) awaitPublish(t time.Time) {
	l.checkIdle, l.publishBy = nil, t
	l.setRead(t)
}

// awaitMedia sets checkIdle, which is called if nothing was read until first.
func (l *peerConn) awaitMedia(first time.Time, checkIdle func(time.Time) (time.Time, error)) {
	l.checkIdle = checkIdle
	l.setRead(first)
}

// setRead sets the read deadline, unless interrupt has set it: whichever of the two runs
// second sees the other.
func (l *peerConn) setRead(t time.Time) {
	if !l.graceEnd.IsZero() {
		t = l.graceEnd
	}
	_ = l.conn.SetReadDeadline(t)
	if l.interruptPending.Load() {
		_ = l.conn.SetReadDeadline(pastDeadline())
	}
}

// Read reads at least one byte, or fails.
func (l *peerConn) Read(p []byte) (int, error) {
	for {
		n, err := l.conn.Read(p)
		if n > 0 {
			l.arrived = time.Now()
			return n, nil
		}
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			return 0, err
		}
		if err := l.deadlinePassed(); err != nil {
			return 0, err
		}
	}
}

// deadlinePassed handles a deadline that has passed: nil means to read again.
func (l *peerConn) deadlinePassed() error {
	switch {
	case l.interrupted():
		return errInterrupted
	case l.graceEnd.IsZero():
	case time.Now().Before(l.graceEnd):
		return nil // onInterrupt has just resumed it
	default:
		return errInterrupted
	}
	if l.checkIdle == nil {
		return ingest.ErrSlow
	}
	next, err := l.checkIdle(time.Now())
	if err == nil {
		l.setRead(next)
	}
	return err
}

// hold blocks for d or until an interrupt.
func (l *peerConn) hold(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.interruptDone:
	}
}

// Write writes all of p. A live publisher that does not read is not disconnected: after a
// timeout nothing more is written to it.
func (l *peerConn) Write(p []byte) (int, error) {
	if l.writeStalled {
		return len(p), nil
	}
	_ = l.conn.SetWriteDeadline(time.Now().Add(writeTimeout))
	if l.interruptPending.Load() {
		_ = l.conn.SetWriteDeadline(pastDeadline())
	}
	n, err := l.conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		switch {
		case l.interruptPending.Load():
			return n, errInterrupted
		case l.checkIdle != nil:
			l.writeStalled = true
			return len(p), nil
		default:
			return n, ingest.ErrSlow
		}
	}
	return n, err
}

// closeAfter writes p, if any, and closes the connection in a way that the peer can read it:
// closing with unread bytes in the receive buffer would reset the connection and discard p.
func (l *peerConn) closeAfter(p []byte) {
	defer l.close()
	if len(p) == 0 || l.writeStalled {
		return
	}
	if l.interruptPending.Load() {
		<-l.interruptDone // or interrupt would replace this deadline
	}
	_ = l.conn.SetWriteDeadline(time.Now().Add(lastWriteTimeout))
	if _, err := l.conn.Write(p); err != nil {
		return
	}
	half, ok := l.conn.(interface{ CloseWrite() error })
	if !ok || half.CloseWrite() != nil {
		return
	}
	_ = l.conn.SetReadDeadline(time.Now().Add(lastWriteTimeout))
	for scrap := make([]byte, 4096); ; {
		if _, err := l.conn.Read(scrap); err != nil {
			return
		}
	}
}

// close closes the connection immediately. TLS would send an alert first, and wait for a
// peer that does not read.
func (l *peerConn) close() {
	if t, ok := l.conn.(*tls.Conn); ok && (l.writeStalled || l.interruptPending.Load()) {
		_ = t.NetConn().Close()
		return
	}
	_ = l.conn.Close()
}

// handshakeTLS does the TLS handshake if the connection uses TLS, within the deadline of awaitPublish.
func (l *peerConn) handshakeTLS() error {
	t, ok := l.conn.(*tls.Conn)
	if !ok {
		return nil
	}
	_ = t.SetWriteDeadline(l.publishBy)
	if l.interruptPending.Load() {
		_ = t.SetWriteDeadline(pastDeadline())
	}
	err := t.Handshake() //nolint:noctx // interrupt ends it
	foreign, isForeign := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case err == nil:
		return nil
	case l.interruptPending.Load():
		return errInterrupted
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ingest.ErrSlow
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return err
	case isForeign:
		return &WrongProtocolError{Protocol: handshake.Sniff(foreign.RecordHeader[:]), TLS: true}
	}
	return fmt.Errorf("%w: %w", errTLS, err)
}
