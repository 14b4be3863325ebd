package harness

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Cut is a way to lose a connection.
type Cut int

// The ways.
const (
	Reset  Cut = iota // RST to both ends
	Finish            // FIN to both ends
	Hole              // nothing arrives any more at either end, and nobody is told
	Ghost             // RST to the client; the server is not told
)

// Cuts are all ways to lose a connection.
func Cuts() []Cut { return []Cut{Reset, Finish, Hole, Ghost} }

func (c Cut) String() string { return [...]string{"RST", "FIN", "black hole", "ghost"}[c] }

// Proxy is a bad network: a TCP proxy whose connections can be cut, delayed and
// throttled, and whose server can be out of reach. It has the same address all along.
type Proxy struct {
	// Address is HOST:PORT, for a client.
	Address string

	listener    net.Listener
	target      string
	delay, rate atomic.Int64 // as Throttle says
	bytes       atomic.Int64 // as Bytes says
	running     sync.WaitGroup

	mu     sync.Mutex
	links  map[*link]bool
	outage *Cut // what happens to new connections
	closed bool
}

// StartProxy listens until the test's end and forwards to the address target.
func StartProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l := listen(tb)
	p := &Proxy{Address: l.Addr().String(), listener: l, target: target, links: map[*link]bool{}}
	p.running.Go(func() { p.accept(context.WithoutCancel(tb.Context())) })
	tb.Cleanup(p.close)
	return p
}

// PublishURL is where an encoder sends the broadcast id to a golive behind the proxy.
func (p *Proxy) PublishURL(id string) string { return publishURL(p.Address, id) }

func (p *Proxy) accept(ctx context.Context) {
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
		if p.outage != nil {
			l.cut(*p.outage)
		}
		p.links[l] = true
		p.mu.Unlock()
		p.running.Go(l.run)
	}
}

// Cut cuts what is connected now, and says how many connections that were. New ones
// are not affected.
func (p *Proxy) Cut(how Cut) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cutAll(how)
}

// CutOff cuts what is connected now, and whatever connects until Resume.
func (p *Proxy) CutOff(how Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outage = &how
	p.cutAll(how)
}

// Throttle lets so many bytes a second through to the server, 0 for no limit, and
// delays each by so much.
func (p *Proxy) Throttle(bytesPerSecond int64, delay time.Duration) {
	p.delay.Store(int64(delay))
	p.rate.Store(bytesPerSecond)
}

// Resume ends a CutOff and a Throttle. A connection that is in a hole stays there.
func (p *Proxy) Resume() {
	p.Throttle(0, 0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outage = nil
}

// Bytes counts what was handed to the server.
func (p *Proxy) Bytes() int64 { return p.bytes.Load() }

func (p *Proxy) cutAll(how Cut) (n int) {
	for l := range p.links {
		if l.cut(how) {
			n++
		}
	}
	return n
}

func (p *Proxy) close() {
	_ = p.listener.Close()
	p.mu.Lock()
	p.closed = true
	for l := range p.links {
		l.drop()
	}
	p.mu.Unlock()
	p.running.Wait()
}
