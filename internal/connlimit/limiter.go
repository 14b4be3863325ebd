package connlimit

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
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

// Limiter gives out a fixed number of places.
//
// While many places are free everybody gets one. But no address may hold more places
// than are free: one that takes all it can gets half, two get a third each, and there
// is always something left for others. A newcomer from an address that has its share
// takes the place of an older connection from there. It may be used by many goroutines.
type Limiter struct {
	most  int
	rate  int // of Spend, per second
	burst int

	mu    sync.Mutex
	taken int
	by    map[netip.Prefix]*holder
	old   [ranks]list.List // of *Place, by rank, oldest first
}

// holder is an address that holds places.
type holder struct {
	taken int
	spent int       // and not refilled at
	at    time.Time //
	old   [ranks]list.List
}

// Place is a connection's.
type Place struct {
	limiter *Limiter
	network netip.Prefix
	holder  *holder
	yield   func()

	// The limiter's mu guards the rest.
	rank  Rank
	gone  bool // it was left, or taken away
	all   *list.Element
	local *list.Element
}

// New makes a Limiter of so many places. An address may Spend burst at once, and rate a
// second.
func New(most, rate, burst int) *Limiter {
	return &Limiter{most: most, rate: rate, burst: burst, by: map[netip.Prefix]*holder{}}
}

// Take gives a place to a peer, or says why not. yield is called when the place is
// taken away again; it must not wait.
func (l *Limiter) Take(remote net.Addr, yield func()) (*Place, Refusal) {
	network := Network(remote)
	l.mu.Lock()
	h := l.by[network]
	if h == nil {
		h = &holder{}
		l.forget()
	}
	var victim *Place
	var refusal Refusal
	switch free := l.most - l.taken; {
	case free <= 0:
		if victim = oldest(&l.old); victim == nil {
			refusal = RefusedFull
		}
	case h.taken >= free:
		if victim = oldest(&h.old); victim == nil {
			refusal = RefusedAddress
		}
	}
	if refusal != "" {
		l.mu.Unlock()
		return nil, refusal
	}
	if victim != nil {
		victim.remove()
	}
	p := &Place{limiter: l, network: network, holder: h, yield: yield}
	l.taken++
	h.taken++
	l.by[network] = h
	p.enlist()
	l.mu.Unlock()
	if victim != nil {
		victim.yield()
	}
	return p, ""
}

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
	if p.holder.taken--; p.holder.taken == 0 && p.holder.spent == 0 {
		delete(p.limiter.by, p.network)
	}
}

// forget lets go of addresses without places when there are many of them; the caller
// holds mu.
func (l *Limiter) forget() {
	if len(l.by) < 2*l.most {
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
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	// Whole units only, so that nothing is lost to rounding however often this is asked.
	if back := int(min(now.Sub(h.at).Seconds()*float64(l.rate), float64(h.spent))); back > 0 || h.spent == 0 {
		h.spent -= back
		h.at = now
	}
	if h.spent+n > l.burst {
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

// Network returns what counts as the peer's one address; see NetworkOf.
func Network(remote net.Addr) netip.Prefix {
	tcp, ok := remote.(*net.TCPAddr)
	if !ok {
		return netip.Prefix{}
	}
	return NetworkOf(tcp.AddrPort().Addr())
}

// NetworkOf returns what counts as one address: an IPv4 address, or the /64 that an IPv6
// subscriber has to itself. What is no address counts as one, too.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 64
	if a.Is4() {
		bits = 32
	}
	network, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return network
}
