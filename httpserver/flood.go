package httpserver

import (
	"errors"
	"net/netip"
	"sync"
	"time"

	"golive/internal/connlimit"
)

// What a client sends must be for something. Over HTTP/2 it may send floodRate bytes a
// second, a quarter of what it is sent, and answerCredit for each request that it lets
// be answered; floodBurst at once. A player needs a tenth of that. Floods of PING,
// SETTINGS, PRIORITY, WINDOW_UPDATE or empty frames are bytes for nothing, and each
// request that is taken back (RST_STREAM) costs cancelCost.
const (
	floodRate    = 1 << 10
	floodBurst   = 64 << 10
	answerCredit = 1 << 10
	cancelCost   = 4 << 10
)

// Over HTTP/1.1 no browser, player or proxy sends a request before it has the answer to
// the last one. Who does may do it pipelinedBurst times, and pipelinedRate times a
// second.
const (
	pipelinedRate  = 16
	pipelinedBurst = 128
)

// errFlood ends a connection of a client that sends too much for nothing.
var errFlood = errors.New("client floods the connection")

// bucket is a balance that grows with time. The zero bucket is full.
type bucket struct {
	spent float64
	at    time.Time
}

// spend takes n, which may be negative, and reports whether there was enough.
func (b *bucket) spend(now time.Time, n, rate, burst float64) bool {
	b.spent = max(0, b.spent-now.Sub(b.at).Seconds()*rate)
	b.at = now
	b.spent = max(0, b.spent+n)
	return b.spent <= burst
}

// allowance is what a connection may still send. conn.mu guards it.
type allowance struct {
	metered bool // net/http serves the connection
	http1   bool // it has sent a request of HTTP/1
	bytes   bucket
	reads   int // calls of Read that gave something
	heads   int // requests of HTTP/1
	ahead   bucket
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 && c.allowed.metered && !c.mayRead(n) {
		c.flood()
		return 0, errFlood
	}
	return n, err
}

// mayRead accounts for n bytes that came.
func (c *conn) mayRead(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &c.allowed
	a.reads++
	return a.http1 || a.bytes.spend(time.Now(), float64(n), floodRate, floodBurst)
}

// answered accounts for a request of HTTP/2 that has been handled.
func (c *conn) answered(canceled bool) {
	if !c.allowed.metered {
		return
	}
	n := -float64(answerCredit)
	if canceled {
		n = cancelCost
	}
	c.mu.Lock()
	ok := c.allowed.bytes.spend(time.Now(), n, floodRate, floodBurst)
	c.mu.Unlock()
	if !ok {
		c.flood()
	}
}

// asked accounts for a request of HTTP/1 that net/http reads. It does not tell when
// requests come at once, but then there are more of them than reads.
func (c *conn) asked() {
	c.Asked()
	c.mu.Lock()
	a := &c.allowed
	a.http1 = true
	ok := true
	if a.heads++; a.metered && a.heads > a.reads {
		a.heads = a.reads
		ok = a.ahead.spend(time.Now(), 1, pipelinedRate, pipelinedBurst)
	}
	c.mu.Unlock()
	if !ok {
		c.flood()
	}
}

// Asked notes that the client has sent a request. Only connections that have not give
// their places up to others. Package http1 tells.
func (c *conn) Asked() {
	if !c.proved.Load() {
		c.proved.Store(true)
		c.place.SetRank(connlimit.Established)
	}
}

// Pipelined accounts for a request that came before the answer to the last one, and
// reports whether the connection may go on. Package http1 asks.
func (c *conn) Pipelined() bool {
	if c.place.Trusted() {
		return true
	}
	c.mu.Lock()
	ok := c.allowed.ahead.spend(time.Now(), 1, pipelinedRate, pipelinedBurst)
	c.mu.Unlock()
	if !ok {
		c.flood()
	}
	return ok
}

// meter begins to account for what the client sends, unless that is a trusted proxy.
// net/http must not read yet.
func (c *conn) meter() { c.allowed.metered = !c.place.Trusted() }

// flood ends the connection.
func (c *conn) flood() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.gone {
		return
	}
	c.flooded()
	c.end()
}

// offenders are the addresses of which connections were ended as floods. Each may
// have offenceBurst of them at once and offenceRate a second; then it gets no new
// connection until that is made up for.
type offenders struct {
	mu    sync.Mutex
	by    map[netip.Prefix]*bucket
	swept time.Time
}

const (
	offenceRate  = 1
	offenceBurst = 8
	// mostOffenders bounds the addresses that are remembered.
	mostOffenders = 4096
)

// add remembers an offence.
func (o *offenders) add(network netip.Prefix, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.by[network]
	if b == nil {
		o.forget(now)
		if len(o.by) >= mostOffenders {
			return
		}
		b = &bucket{}
		o.by[network] = b
	}
	b.spend(now, 1, offenceRate, offenceBurst)
}

// forget drops the addresses that have made up for what they did, once a second.
func (o *offenders) forget(now time.Time) {
	if now.Sub(o.swept) < time.Second {
		return
	}
	o.swept = now
	for network, b := range o.by {
		if b.spend(now, 0, offenceRate, offenceBurst); b.spent == 0 {
			delete(o.by, network)
		}
	}
}

// barred reports whether an address gets no new connection now.
func (o *offenders) barred(network netip.Prefix, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	b := o.by[network]
	return b != nil && !b.spend(now, 0, offenceRate, offenceBurst)
}
