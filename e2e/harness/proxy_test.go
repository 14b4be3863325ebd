package harness

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
	"testing"
	"time"
)

// echo returns the address of a server that sends back what it receives.
func echo(t *testing.T) string {
	t.Helper()
	l := listen(t)
	var running sync.WaitGroup
	running.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed
			}
			running.Go(func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
	return l.Addr().String()
}

// dial connects to the proxy until the test's end.
func dial(t *testing.T, p *Proxy) (net.Conn, error) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close() })
	}
	return conn, err
}

// mustDial returns a connection through p that works.
func mustDial(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := dial(t, p)
	if err == nil {
		err = ask(conn, soon)
	}
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// ask sends a word and waits for it to be sent back, at most for limit.
func ask(conn net.Conn, limit time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "word"); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, 4))
	return err
}

// How long to wait for an answer that is expected, and for one that is not.
const (
	soon  = 5 * time.Second
	never = 200 * time.Millisecond
)

func TestProxy_CutsOnlyCurrentConnections(t *testing.T) {
	for _, how := range Cuts() {
		t.Run(how.String(), func(t *testing.T) {
			p := StartProxy(t, echo(t))
			old := mustDial(t, p)
			if n := p.Cut(how); n != 1 {
				t.Errorf("%d connections were cut, want 1", n)
			}
			err := ask(old, never)
			if silent := errors.Is(err, os.ErrDeadlineExceeded); err == nil || silent != (how == BlackHole) {
				t.Errorf("after a %v: %v", how, err)
			}
			mustDial(t, p)
			// Bytes are counted after they were written: the answer may arrive earlier.
			ctx, cancel := context.WithTimeout(t.Context(), soon)
			defer cancel()
			if err := Eventually(ctx, time.Millisecond, func() error {
				if n := p.Bytes(); n != 8 {
					return fmt.Errorf("%d bytes got through, want 8", n)
				}
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestProxy_IsCutOffUntilItResumes(t *testing.T) {
	for _, how := range Cuts() {
		t.Run(how.String(), func(t *testing.T) {
			p := StartProxy(t, echo(t))
			old := mustDial(t, p)
			p.CutOff(how)
			for range 2 {
				if ask(old, never) == nil {
					t.Error("an answer came on an old connection")
				}
				if conn, err := dial(t, p); err == nil && ask(conn, never) == nil {
					t.Error("an answer came on a new connection")
				}
			}
			p.Resume()
			mustDial(t, p)
		})
	}
}

func TestProxy_IsSlowUntilItResumes(t *testing.T) {
	p := StartProxy(t, echo(t))
	conn := mustDial(t, p)
	timed := func() time.Duration {
		begin := time.Now()
		if err := ask(conn, soon); err != nil {
			t.Fatal(err)
		}
		return time.Since(begin)
	}
	p.Throttle(0, 150*time.Millisecond)
	if took := timed(); took < 150*time.Millisecond {
		t.Errorf("an answer came after %v, although every byte is 150 ms late", took)
	}
	p.Throttle(20, 0)
	if took := timed(); took < 200*time.Millisecond {
		t.Errorf("4 bytes took %v at 20 a second", took)
	}
	p.Resume()
	// On a busy machine, one of three attempts should be fast enough.
	if took := min(timed(), timed(), timed()); took >= 150*time.Millisecond {
		t.Errorf("after Resume an answer took %v", took)
	}
}
