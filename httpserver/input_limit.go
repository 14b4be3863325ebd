package httpserver

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"golive/internal/connlimit"
)

// A client of HTTP/2 may send inputRate bytes a second, plus a quarter of the bytes that it
// is sent, plus requestCredit for each request that it lets be answered; inputBurst at once.
// A player needs a tenth of that. This bounds floods of PING, SETTINGS, PRIORITY,
// WINDOW_UPDATE and empty frames; a request that is canceled (RST_STREAM) costs cancelCost.
const (
	inputRate     = 1 << 10
	inputBurst    = 64 << 10
	requestCredit = 1 << 10
	cancelCost    = 4 << 10
)

// Over HTTP/1.1 no browser, player or proxy sends a request before it has the answer to
// the last one. A client may still do so pipelinedBurst times at once, and pipelinedRate
// times a second.
const (
	pipelinedRate  = 16
	pipelinedBurst = 128
)

// errTooMuchInput ends the connection of a client that sends more than its requests need.
var errTooMuchInput = errors.New("client sends too much that is no request")

// tokens is a token bucket. Its zero value is full.
type tokens struct {
	spent float64
	at    time.Time
}

// spend takes n tokens, which may be negative, and reports whether there were enough.
func (b *tokens) spend(now time.Time, n, rate, burst float64) bool {
	b.spent = max(0, b.spent-now.Sub(b.at).Seconds()*rate)
	b.at = now
	b.spent = max(0, b.spent+n)
	return b.spent <= burst
}

// inputBudget accounts for the input of a connection. conn.mu guards it.
type inputBudget struct {
	metered   bool // net/http serves the connection
	http1     bool // it has sent a request of HTTP/1
	bytes     tokens
	reads     int // calls of Read that returned bytes
	requests  int // requests of HTTP/1
	pipelined tokens
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.input.metered && !c.hijacked.Load() && !c.takeInput(n) {
		c.closeForInput()
		return 0, errTooMuchInput
	}
	return n, err
}

// takeInput accounts for n bytes that were received, and reports whether they are allowed.
func (c *conn) takeInput(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.input
	a.reads++
	return a.http1 || a.bytes.spend(time.Now(), float64(n), inputRate, inputBurst)
}

// countHTTP2 accounts for a request of HTTP/2 that has been handled.
func (c *conn) countHTTP2(canceled bool) {
	if !c.input.metered {
		return
	}
	n := -float64(requestCredit)
	if canceled {
		n = cancelCost
	}
	c.mu.Lock()
	ok := c.input.bytes.spend(time.Now(), n, inputRate, inputBurst)
	c.mu.Unlock()
	if !ok {
		c.closeForInput()
	}
}

// countHTTP1 accounts for a request of HTTP/1 that net/http reads. net/http does not report
// that requests are pipelined: they are if there are more requests than reads.
func (c *conn) countHTTP1() {
	c.RequestRead()
	c.mu.Lock()
	a := &c.input
	a.http1 = true
	ok := true
	if a.requests++; a.metered && a.requests > a.reads {
		a.requests = a.reads
		ok = a.pipelined.spend(time.Now(), 1, pipelinedRate, pipelinedBurst)
	}
	c.mu.Unlock()
	if !ok {
		c.closeForInput()
	}
}

// RequestRead notes that the client has sent a request: the connection is not closed for a
// newer one any more. Package http1 calls it.
func (c *conn) RequestRead() {
	if !c.requested.Load() {
		c.requested.Store(true)
		c.slot.SetRank(connlimit.Established)
	}
}

// AllowPipelined accounts for a request that came before the answer to the last one, and
// reports whether the connection may go on. Package http1 calls it.
func (c *conn) AllowPipelined() bool {
	if c.slot.Trusted() {
		return true
	}
	c.mu.Lock()
	ok := c.input.pipelined.spend(time.Now(), 1, pipelinedRate, pipelinedBurst)
	c.mu.Unlock()
	if !ok {
		c.closeForInput()
	}
	return ok
}

// meter begins to account for the input of the client, unless that is a trusted proxy.
// net/http must not read yet.
func (c *conn) meter() { c.input.metered = !c.slot.Trusted() }

// closeForInput ends the connection of a client that sends too much.
func (c *conn) closeForInput() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended {
		return
	}
	c.excess()
	c.end()
}

// penalties counts connections that were closed for too much input, by address. An address
// may have penaltyBurst of them at once and penaltyRate a second; then it gets no new
// connection until enough time has passed.
type penalties struct {
	mu    sync.Mutex
	by    map[netip.Prefix]*tokens
	swept time.Time
}

const (
	penaltyRate  = 1
	penaltyBurst = 8
	// maxPenalties bounds the addresses that are remembered.
	maxPenalties = 4096
)

// add counts a closed connection of an address.
func (p *penalties) add(network netip.Prefix, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.by[network]
	if b == nil {
		p.forget(now)
		if len(p.by) >= maxPenalties {
			return
		}
		b = &tokens{}
		p.by[network] = b
	}
	b.spend(now, 1, penaltyRate, penaltyBurst)
}

// forget drops the addresses whose penalties have expired, once a second.
func (p *penalties) forget(now time.Time) {
	if now.Sub(p.swept) < time.Second {
		return
	}
	p.swept = now
	for network, b := range p.by {
		if b.spend(now, 0, penaltyRate, penaltyBurst); b.spent == 0 {
			delete(p.by, network)
		}
	}
}

// blocked reports whether an address gets no new connection now.
func (p *penalties) blocked(network netip.Prefix, now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.by[network]
	return b != nil && !b.spend(now, 0, penaltyRate, penaltyBurst)
}
