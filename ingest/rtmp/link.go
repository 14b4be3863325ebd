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
	// writeTimeout is how long a peer may leave a reply unread.
	writeTimeout = 5 * time.Second
	// farewellTimeout is how long a refused peer has to read why.
	farewellTimeout = time.Second
	// graceTimeout is how long a publisher has to follow a request to reconnect: a
	// group of two seconds, and the way to another server.
	graceTimeout = 3 * time.Second
)

// errCut says that interrupt was called; the session knows why.
var errCut = errors.New("session was cut")

// link is a connection with its deadlines. All but interrupt belong to the
// session's goroutine.
//
// A deadline costs a timer, so it is not moved at each message: when it passes,
// quiet looks how long no media came, and the link sets the next one.
type link struct {
	conn net.Conn
	due  time.Time // when the peer has to publish, until it does
	// quiet decides what it means that nothing was read until now, and returns when to
	// call it again; nil until the peer publishes.
	quiet func(now time.Time) (next time.Time, err error)

	arrived      time.Time // when the last bytes were read
	writeStalled bool      // the peer does not read: nothing more is written

	cut     atomic.Bool
	settled chan struct{} // closed when interrupt has done its work
	onCut   func() bool   // whether the session goes on; it has called resume then
	last    time.Time     // when it ends after that
}

func newLink(conn net.Conn) *link { return &link{conn: conn, settled: make(chan struct{})} }

// past is a deadline that has passed.
func past() time.Time { return time.Unix(1, 0) }

// interrupt ends a blocked read or write, and every later one, at once. It may be
// called by any goroutine, once.
func (l *link) interrupt() {
	l.cut.Store(true)
	_ = l.conn.SetReadDeadline(past())
	_ = l.conn.SetWriteDeadline(past())
	close(l.settled)
}

// interrupted reports whether the link was cut for good.
func (l *link) interrupted() bool { return l.cut.Load() && (!l.last.IsZero() || !l.onCut()) }

// resume gives a link that was cut so much longer.
func (l *link) resume(grace time.Duration) {
	<-l.settled
	l.last = time.Now().Add(grace)
	l.cut.Store(false)
	l.setRead(l.last)
}

// expect gives the peer until t to publish.
func (l *link) expect(t time.Time) {
	l.quiet, l.due = nil, t
	l.setRead(t)
}

// live lets quiet decide, from first on, how long the peer may send nothing.
func (l *link) live(first time.Time, quiet func(time.Time) (time.Time, error)) {
	l.quiet = quiet
	l.setRead(first)
}

// setRead sets the read deadline, but never over that of interrupt: whichever of
// the two comes second sees the other.
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

// overdue decides what a passed deadline means.
func (l *link) overdue() error {
	switch {
	case l.interrupted():
		return errCut
	case l.last.IsZero():
	case time.Now().Before(l.last):
		return nil // it was resumed just now
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

// hold reads nothing for so long. An interrupt ends it.
func (l *link) hold(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-l.settled:
	}
}

// Write writes all of p. A publisher that never reads is no reason to end its
// broadcast: when it is live and a write times out, it gets no more.
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

// farewell writes p, if any, and closes the connection so that the peer can read
// it: a close with unread bytes in our buffer would reset the connection and take
// the words back.
func (l *link) farewell(p []byte) {
	defer l.close()
	if len(p) == 0 || l.writeStalled {
		return
	}
	if l.cut.Load() {
		<-l.settled // or its deadline would come over this one
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

// close ends the connection at once. TLS would say goodbye first, and wait for a
// peer that does not read.
func (l *link) close() {
	if t, ok := l.conn.(*tls.Conn); ok && (l.writeStalled || l.cut.Load()) {
		_ = t.NetConn().Close()
		return
	}
	_ = l.conn.Close()
}

// secure makes sure that what is read and written from here on is inside TLS, if
// the connection is of that kind. The peer has the time that expect gave it.
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
