package harness

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Cut is a way in which a connection is lost.
type Cut int

// The ways in which a connection is lost.
const (
	Reset     Cut = iota // RST to both ends
	Finish               // FIN to both ends
	BlackHole            // no data arrives at either end, and neither is closed
	HalfReset            // RST to the client; nothing to the server
)

// Cuts returns every Cut.
func Cuts() []Cut { return []Cut{Reset, Finish, BlackHole, HalfReset} }

func (c Cut) String() string { return [...]string{"RST", "FIN", "black hole", "RST to one end"}[c] }

// Proxy is a TCP proxy that simulates a bad network: connections can be cut, delayed and
// throttled, and the server can be unreachable. Its address does not change.
type Proxy struct {
	// Address is HOST:PORT, for a client.
	Address string

	listener    net.Listener
	target      string
	delay, rate atomic.Int64 // see Throttle
	bytes       atomic.Int64 // see Bytes
	running     sync.WaitGroup

	mu     sync.Mutex
	links  map[*link]bool
	outage *Cut // what happens to new connections
	closed bool
	stall  chan struct{} // closed when Stall ends; nil if bytes flow
}

// StartProxy starts a Proxy that forwards to the address target until the end of the test.
func StartProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l := listen(tb)
	p := &Proxy{Address: l.Addr().String(), listener: l, target: target, links: map[*link]bool{}}
	p.running.Go(func() { p.accept(context.WithoutCancel(tb.Context())) })
	tb.Cleanup(p.close)
	return p
}

// PublishURL returns the URL for publishing the broadcast id through the proxy.
func (p *Proxy) PublishURL(id string) string { return publishURL(p.Address, id) }

func (p *Proxy) accept(ctx context.Context) {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return // closed
		}
		far, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "tcp", p.target)
		if err != nil {
			_ = near.Close() // as if the port were closed
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

// Cut cuts all current connections, and returns their number. New ones are not affected.
func (p *Proxy) Cut(how Cut) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cutAll(how)
}

// CutOff cuts all current connections, and all new ones until Resume.
func (p *Proxy) CutOff(how Cut) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outage = &how
	p.cutAll(how)
}

// Throttle limits the rate to the server, 0 for no limit, and delays each byte by delay.
func (p *Proxy) Throttle(bytesPerSecond int64, delay time.Duration) {
	p.delay.Store(int64(delay))
	p.rate.Store(bytesPerSecond)
}

// Stall holds all bytes in both directions until Resume, as a radio network without coverage does. No
// connection is lost, and nothing that was sent.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stall == nil {
		p.stall = make(chan struct{})
	}
}

// stalled returns a channel that is closed when Stall ends; nil if bytes flow.
func (p *Proxy) stalled() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.stall
}

// Resume ends CutOff, Stall and Throttle. A connection that is a black hole stays one.
func (p *Proxy) Resume() {
	p.Throttle(0, 0)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.outage = nil
	if p.stall != nil {
		close(p.stall)
		p.stall = nil
	}
}

// Bytes returns the number of bytes that were forwarded to the server.
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
