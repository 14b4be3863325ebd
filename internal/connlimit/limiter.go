package connlimit

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Rank is how much a connection has proved. A place of a rank below Established goes to
// a newcomer when no other is free, the lowest rank and the oldest place first.
type Rank int

// The ranks.
const (
	// Opened: connected, and nothing else.
	Opened Rank = iota
	// Admitted: the peer may do what it came for, and has not done it yet.
	Admitted
	// Established: the peer does it.
	Established
	ranks = iota - 1 // that give places up
)

// Refusal is why a connection gets no place.
type Refusal string

// The refusals.
const (
	RefusedFull    Refusal = "connections" // all places are taken by established connections
	RefusedAddress Refusal = "address"     // the peer's address has its share
)

// Config bounds a Limiter.
type Config struct {
	// Places is how many connections there may be at once.
	Places int
	// PerAddress is how many of them may be of one address; 0 is no limit but that of
	// fairness.
	PerAddress int
	// Requests is how many requests may be under way at once, of all connections; see
	// Place.Begin.
	Requests int64
	// Trusted are the networks of proxies, each of which has the connections of many
	// clients: nothing that bounds one address applies to them, and their places are
	// established from the start.
	Trusted []netip.Prefix
	// An address may Spend Burst at once, and Rate a second.
	Rate, Burst int
}

// Limiter gives out a fixed number of places.
//
// While many places are free everybody gets one. But no address may hold more places
// than are free: one that takes all it can gets half, two get a third each, and there
// is always something left for others. A newcomer from an address that has its share
// takes the place of an older connection from there. It may be used by many goroutines.
type Limiter struct {
	cfg      Config
	requests atomic.Int64 // under way

	mu    sync.Mutex
	taken int
	by    map[netip.Prefix]*holder
	old   [ranks]list.List // of *Place, by rank, oldest first
}

// holder is an address that holds places.
type holder struct {
	requests atomic.Int64 // under way

	// The limiter's mu guards the rest.
	taken int
	spent int       // and not refilled at
	at    time.Time //
	old   [ranks]list.List
}

// Place is a connection's.
type Place struct {
	limiter *Limiter
	network netip.Prefix
	holder  *holder // nil if it is trusted
	yield   func()

	// The limiter's mu guards the rest.
	rank  Rank
	gone  bool // it was left, or taken away
	all   *list.Element
	local *list.Element
}

// New returns a Limiter of which no place is taken.
func New(cfg Config) *Limiter {
	return &Limiter{cfg: cfg, by: map[netip.Prefix]*holder{}}
}

// Take gives a place to a peer; the Refusal is empty if there is one. yield is called
// when the place is taken away again; it must not wait, and Take may not have returned
// yet.
func (l *Limiter) Take(remote net.Addr, yield func()) (*Place, Refusal) {
	p := &Place{limiter: l, network: Network(remote), yield: yield}
	trusted := l.Trusts(remote)
	l.mu.Lock()
	victim, refusal := l.take(p, trusted)
	l.mu.Unlock()
	if victim != nil {
		victim.yield()
	}
	if refusal != "" {
		return nil, refusal
	}
	return p, ""
}

// take enters p, and returns the place that was taken away for it, if there is one. The
// caller holds mu.
func (l *Limiter) take(p *Place, trusted bool) (victim *Place, refusal Refusal) {
	h := l.by[p.network]
	if h == nil && !trusted {
		h = &holder{}
		l.forget()
	}
	switch free := l.cfg.Places - l.taken; {
	case free <= 0:
		if victim = oldest(&l.old); victim == nil {
			return nil, RefusedFull
		}
	case trusted:
	case h.taken >= free, l.cfg.PerAddress > 0 && h.taken >= l.cfg.PerAddress:
		if victim = oldest(&h.old); victim == nil {
			return nil, RefusedAddress
		}
	}
	if victim != nil {
		victim.remove()
	}
	l.taken++
	if trusted {
		p.rank = Established
		return victim, ""
	}
	p.holder = h
	h.taken++
	l.by[p.network] = h
	p.enlist()
	return victim, ""
}

// Trusts reports whether the peer is in one of the trusted networks.
func (l *Limiter) Trusts(remote net.Addr) bool { return Contains(l.cfg.Trusted, addressOf(remote)) }

// Reclaim takes the place away that is next, if there is one: what a place stands for,
// such as a file descriptor, has run out first.
func (l *Limiter) Reclaim() bool {
	l.mu.Lock()
	victim := oldest(&l.old)
	if victim != nil {
		victim.remove()
	}
	l.mu.Unlock()
	if victim != nil {
		victim.yield()
	}
	return victim != nil
}

// Taken returns how many places are taken.
func (l *Limiter) Taken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// oldest is the place that is given up next.
func oldest(lists *[ranks]list.List) *Place {
	for rank := range lists {
		if e := lists[rank].Front(); e != nil {
			return e.Value.(*Place)
		}
	}
	return nil
}

// Set changes the rank of the place, whose age begins again in the new one.
func (p *Place) Set(r Rank) {
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	if p.gone || p.rank == r {
		return
	}
	p.delist()
	p.rank = r
	p.enlist()
}

// Leave gives the place back.
func (p *Place) Leave() {
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	if !p.gone {
		p.remove()
	}
}

// remove takes the place out; the caller holds mu.
func (p *Place) remove() {
	p.gone = true
	p.delist()
	p.limiter.taken--
	if p.holder == nil {
		return
	}
	if p.holder.taken--; p.holder.taken == 0 && p.holder.spent == 0 {
		delete(p.limiter.by, p.network)
	}
}

// forget lets go of addresses without places when there are many of them; the caller
// holds mu.
func (l *Limiter) forget() {
	if len(l.by)/2 < l.cfg.Places {
		return
	}
	for network, h := range l.by {
		if h.taken == 0 {
			delete(l.by, network)
		}
	}
}

// Spend takes n from what the place's address may spend, and reports whether it had so
// much left.
func (p *Place) Spend(n int) bool {
	l, h := p.limiter, p.holder
	if h == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	// Whole units only, so that nothing is lost to rounding however often this is asked.
	if back := int(min(now.Sub(h.at).Seconds()*float64(l.cfg.Rate), float64(h.spent))); back > 0 || h.spent == 0 {
		h.spent -= back
		h.at = now
	}
	if h.spent+n > l.cfg.Burst {
		return false
	}
	h.spent += n
	return true
}

func (p *Place) enlist() {
	if p.rank < Established {
		p.all = p.limiter.old[p.rank].PushBack(p)
		p.local = p.holder.old[p.rank].PushBack(p)
	}
}

func (p *Place) delist() {
	if p.rank < Established {
		p.limiter.old[p.rank].Remove(p.all)
		p.holder.old[p.rank].Remove(p.local)
	}
}

// Trusted reports whether the place is that of a proxy, which is many clients.
func (p *Place) Trusted() bool { return p.holder == nil }

// Network returns what counts as the peer's one address.
func (p *Place) Network() netip.Prefix { return p.network }

// Begin admits a request, of which a connection can have many under way: no address may
// have more than could still begin. End must follow, whatever Begin returns. It takes no
// lock.
func (p *Place) Begin() bool {
	free := p.limiter.cfg.Requests - p.limiter.requests.Add(1)
	held := int64(0)
	if p.holder != nil {
		held = p.holder.requests.Add(1) - 1
	}
	return free >= 0 && held <= free
}

// End is the end of a request that Begin counted.
func (p *Place) End() {
	p.limiter.requests.Add(-1)
	if p.holder != nil {
		p.holder.requests.Add(-1)
	}
}
