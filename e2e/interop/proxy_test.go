//go:build e2e || interop

package interop

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// cut is a way to lose a connection.
type cut int

const (
	reset  cut = iota // RST to both ends
	finish            // FIN to both ends
	hole              // nothing arrives any more at either end, and nobody is told
	ghost             // RST to the publisher; the server is not told
)

// cutKinds is how many ways there are.
const cutKinds = 4

func (c cut) String() string { return [cutKinds]string{"RST", "FIN", "black hole", "ghost"}[c] }

// proxy is a bad uplink: a TCP proxy whose connections can be cut, delayed and
// throttled.
type proxy struct {
	listener net.Listener
	target   string
	// delay is the one-way delay towards the server, in nanoseconds; rate the
	// bytes per second in that direction, 0 for no limit.
	delay, rate atomic.Int64
	// bytes counts what was handed to the server.
	bytes atomic.Int64

	running sync.WaitGroup
	mu      sync.Mutex
	links   map[*link]bool
	closed  bool
}

// startProxy listens until the test's end and forwards to target.
func startProxy(t *testing.T, target string) *proxy {
	t.Helper()
	var config net.ListenConfig
	l, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, target: target, links: map[*link]bool{}}
	p.running.Go(func() { p.accept(context.WithoutCancel(t.Context())) })
	t.Cleanup(p.close)
	return p
}

func (p *proxy) publishURL(id string) string {
	return "rtmp://" + p.listener.Addr().String() + "/live/" + id
}

func (p *proxy) accept(ctx context.Context) {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		far, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", p.target)
		if err != nil {
			_ = near.Close() // as if nobody listened
			continue
		}
		l := &link{proxy: p, near: near.(*net.TCPConn), far: far.(*net.TCPConn), gone: make(chan struct{}), lost: make(chan struct{})}
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			l.drop()
			return
		}
		p.links[l] = true
		p.mu.Unlock()
		p.running.Go(l.run)
	}
}

// cut cuts what is connected now, and says how many connections that were. New
// ones are not affected.
func (p *proxy) cut(how cut) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for l := range p.links {
		select {
		case <-l.lost:
			continue // in a hole already
		default:
		}
		n++
		switch how {
		case reset:
			_, _ = l.near.SetLinger(0), l.far.SetLinger(0)
			l.drop()
		case finish:
			l.drop()
		case hole:
			close(l.lost)
		case ghost:
			close(l.lost)
			_, _ = l.near.SetLinger(0), l.near.Close()
		}
	}
	return n
}

func (p *proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for l := range p.links {
		l.drop()
	}
	p.mu.Unlock()
	p.running.Wait()
}

// link is one proxied connection.
type link struct {
	proxy     *proxy
	near, far *net.TCPConn
	lost      chan struct{} // closed when nothing is forwarded any more
	gone      chan struct{} // closed when both ends are
	once      sync.Once
}

func (l *link) drop() {
	l.once.Do(func() {
		close(l.gone)
		_, _ = l.near.Close(), l.far.Close() // nothing to save
	})
}

// run forwards until an end closes. In a hole no end hears of the other's.
func (l *link) run() {
	var both sync.WaitGroup
	both.Go(func() { l.forward(l.far, l.near, true) })
	both.Go(func() { l.forward(l.near, l.far, false) })
	both.Wait()
	l.drop()
	l.proxy.mu.Lock()
	delete(l.proxy.links, l)
	l.proxy.mu.Unlock()
}

// packet is bytes on their way.
type packet struct {
	due  time.Time
	data []byte
}

func (l *link) forward(to, from *net.TCPConn, up bool) {
	queue := make(chan packet, 256)
	var writing sync.WaitGroup
	writing.Go(func() { l.deliver(to, queue, up) })
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			p := packet{due: time.Now(), data: bytes.Clone(buf[:n])}
			if up {
				p.due = p.due.Add(time.Duration(l.proxy.delay.Load()))
				if rate := l.proxy.rate.Load(); rate > 0 {
					l.rest(time.Duration(n) * time.Second / time.Duration(rate))
				}
			}
			select {
			case queue <- p:
			case <-l.gone:
			}
		}
		if err != nil {
			break
		}
	}
	close(queue)
	writing.Wait()
	select {
	case <-l.lost:
		<-l.gone // the end's news falls into the hole too
	default:
		l.drop()
	}
}

// deliver writes what is due, until the hole swallows it.
func (l *link) deliver(to *net.TCPConn, queue <-chan packet, up bool) {
	for p := range queue {
		l.rest(time.Until(p.due))
		select {
		case <-l.lost:
			continue
		case <-l.gone:
			continue
		default:
		}
		if _, err := to.Write(p.data); err != nil {
			if !errors.Is(err, io.EOF) {
				l.drop()
			}
			continue
		}
		if up {
			l.proxy.bytes.Add(int64(len(p.data)))
		}
	}
}

// rest waits for d or the link's end.
func (l *link) rest(d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-l.gone:
	}
}
