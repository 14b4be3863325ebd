package httpserver

import (
	"bytes"
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// viewer is the client's end of a conn. slow counts how often the conn was closed for reading too
// slowly, and left how often its slot was released.
type viewer struct {
	net.Conn
	slow, left atomic.Int32
}

// dial returns a conn over inner, and a viewer over its other end.
func dial(inner, far net.Conn) (*conn, *viewer) {
	v := &viewer{Conn: far}
	return &conn{Conn: inner, slow: func() { v.slow.Add(1) }, release: func() { v.left.Add(1) }}, v
}

// read takes size bytes every interval, n times or until the end.
func (v *viewer) read(size int, interval time.Duration, n int) (total int) {
	piece := make([]byte, size)
	for range n {
		<-time.After(interval)
		got, err := io.ReadFull(v, piece)
		total += got
		if err != nil {
			break
		}
	}
	return total
}

func TestConn_DisconnectsViewersThatReadTooSlowly(t *testing.T) {
	for name, c := range map[string]struct {
		size     int
		interval time.Duration
		within   time.Duration
	}{
		"nothing":                {1, time.Hour, 2 * maxLag},
		"a byte a second":        {1, time.Second, 2 * maxLag},
		"a kilobyte a second":    {1 << 10, time.Second, 3 * maxLag},
		"a big piece every 25 s": {minRate * 9, 25 * time.Second, 3 * maxLag},
		"90% of the minimum":     {minRate * 9 / 10, time.Second, 15 * maxLag},
		"pieces that just fit":   {16, maxLag / 2 * 9 / 10, 3 * maxLag},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				conn, v := dial(near, far)
				read := make(chan int)
				go func() { read <- v.read(c.size, c.interval, 1_000_000) }()
				began := time.Now()
				var err error
				for err == nil && time.Since(began) < time.Hour { // as TLS does, in records
					_, err = conn.Write(make([]byte, 16<<10))
				}
				if took := time.Since(began); took > c.within || !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("error %v after %s, want a timeout within %s", err, took, c.within)
				}
				if _, err := conn.Write([]byte("x")); err == nil {
					t.Error("the connection can still be written to")
				}
				_ = conn.Close()
				if v.slow.Load() != 1 || v.left.Load() == 0 {
					t.Errorf("counted as slow %d times, released %d times; want 1 and some", v.slow.Load(), v.left.Load())
				}
				_ = far.Close()
				<-read
			})
		})
	}
}

func TestConn_KeepsViewersThatReadFastEnough(t *testing.T) {
	const size = 2 << 20
	for name, c := range map[string]struct {
		piece    int
		interval time.Duration
	}{
		"at the minimum":             {minRate, time.Second},
		"with breaks":                {minRate * 30, maxLag * 9 / 10},
		"a little faster, in pieces": {minRate / 50, 19 * time.Millisecond},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				conn, v := dial(near, far)
				got := make(chan int)
				go func() { got <- v.read(c.piece, c.interval, (size+c.piece-1)/c.piece) }()
				n, err := conn.Write(make([]byte, size))
				_ = conn.Close()
				if read := <-got; n != size || err != nil || read != size || v.slow.Load() != 0 {
					t.Errorf("wrote %d (%v), read %d of %d, counted as slow %d times", n, err, read, size, v.slow.Load())
				}
			})
		})
	}
}

func TestConn_KeepsIdleViewers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		conn, v := dial(near, far)
		go func() { _, _ = io.Copy(io.Discard, far) }()
		for range 100 {
			if err := conn.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(idleTimeout / 2)
			if _, err := conn.Write(make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
			if err := conn.SetWriteDeadline(time.Time{}); err != nil {
				t.Fatal(err)
			}
		}
		_ = conn.Close()
		if v.slow.Load() != 0 {
			t.Error("the viewer was counted as slow")
		}
	})
}

func TestConn_KeepsDeadlinesOfOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer func() { _ = far.Close() }()
		conn, _ := dial(near, far)
		began := time.Now()
		if err := conn.SetDeadline(began.Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("error %v after %s, want a timeout after 1s", err, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) { // a deadline that is set during a write
		near, far := net.Pipe()
		defer func() { _ = far.Close() }()
		conn, _ := dial(near, far)
		began := time.Now()
		go func() {
			time.Sleep(time.Second)
			_ = conn.SetWriteDeadline(time.Now())
		}()
		if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(began) != time.Second {
			t.Errorf("error %v after %s, want a timeout after 1s", err, time.Since(began))
		}
	})
}

// loopback returns the two ends of a TCP connection.
func loopback(tb testing.TB) (near, far net.Conn) {
	tb.Helper()
	ln, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = ln.Close() }()
	if far, err = (&net.Dialer{}).DialContext(tb.Context(), "tcp", ln.Addr().String()); err != nil {
		tb.Fatal(err)
	}
	if near, err = ln.Accept(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _, _ = near.Close(), far.Close() })
	return near, far
}

// A write that a deadline interrupts early continues without losing or repeating a byte, both from
// memory and from a file that the system sends.
func TestConn_ContinuesInterruptedWrites(t *testing.T) {
	content := make([]byte, 32<<20) // more than sockets hold
	for i := range content {
		content[i] = byte(i >> 12)
	}
	name := filepath.Join(t.TempDir(), "segment")
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	for source, write := range map[string]func(*conn) (int64, error){
		"memory": func(c *conn) (int64, error) {
			n, err := c.Write(content)
			return int64(n), err
		},
		"file": func(c *conn) (int64, error) {
			f, err := os.Open(name)
			if err != nil {
				return 0, err
			}
			defer func() { _ = f.Close() }()
			return io.Copy(c, &io.LimitedReader{R: f, N: int64(len(content))})
		},
	} {
		t.Run(source, func(t *testing.T) {
			near, far := loopback(t)
			conn, v := dial(near, far)
			var got bytes.Buffer
			read := make(chan error)
			go func() {
				var err error
				for err == nil {
					if _, err = io.CopyN(&got, far, 1<<20); err == nil {
						err = near.SetWriteDeadline(time.Now().Add(-time.Second))
					}
				}
				read <- err
			}()
			n, err := write(conn)
			if n != int64(len(content)) || err != nil {
				t.Errorf("wrote %d bytes, want %d: %v", n, len(content), err)
			}
			_ = conn.Close()
			if err := <-read; !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
			if _, err := io.Copy(&got, far); err != nil {
				t.Error(err)
			}
			if !bytes.Equal(got.Bytes(), content) || v.slow.Load() != 0 {
				t.Errorf("%d bytes arrived, want %d; the same: %t; counted as slow %d times", got.Len(), len(content), bytes.Equal(got.Bytes(), content), v.slow.Load())
			}
		})
	}
}

// The system must not keep data for a viewer that was disconnected.
func TestConn_CutOffIsReset(t *testing.T) {
	near, far := loopback(t)
	conn, v := dial(near, far)
	conn.lag = maxLag
	if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) || v.slow.Load() != 1 {
		t.Errorf("error %v, counted as slow %d times; want a timeout, once", err, v.slow.Load())
	}
	if _, err := far.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the viewer saw %v, want a reset", err)
	}
}

// BenchmarkConn measures what net/http does with a connection for each response, on a bare one and
// on a conn.
func BenchmarkConn(b *testing.B) {
	for _, way := range []string{"bare", "conn"} {
		b.Run(way, func(b *testing.B) {
			near, far := loopback(b)
			go func() { _, _ = io.Copy(io.Discard, far) }()
			if way == "conn" {
				near, _ = dial(near, far)
			}
			body := make([]byte, 600)
			b.ReportAllocs()
			for b.Loop() {
				if err := near.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
					b.Fatal(err)
				}
				if _, err := near.Write(body); err != nil {
					b.Fatal(err)
				}
				if err := near.SetWriteDeadline(time.Time{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
