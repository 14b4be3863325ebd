package connlimit

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Rank is the priority of a connection. If no slot is free, a new connection gets the slot
// of one with a rank below Established, the lowest rank and the oldest slot first.
type Rank int

// The ranks.
const (
	// Opened: the peer has connected.
	Opened Rank = iota
	// Admitted: the peer is authorised, but has not sent or received media yet.
	Admitted
	// Established: the peer sends or receives media.
	Established
	ranks = iota - 1 // the number of ranks whose slots can be reclaimed
)

// Refusal is the reason why a connection gets no slot.
type Refusal string

// The refusals.
const (
	RefusedFull    Refusal = "connections" // all slots are used by established connections
	RefusedAddress Refusal = "address"     // the peer's address uses its share
)

// Config bounds a Limiter.
type Config struct {
	// Slots is the maximum number of concurrent connections.
	Slots int
	// PerAddress is the maximum per address; 0 means that only the fair share applies.
	PerAddress int
	// Requests is the maximum number of concurrent requests of all connections; see
	// Slot.Begin.
	Requests int64
	// Trusted are the networks of proxies, which forward many clients: limits per address do
	// not apply to them, and their slots are Established from the start.
	Trusted []netip.Prefix
	// Rate is how much an address may Spend per second, Burst how much at once.
	Rate, Burst int
}

// Limiter manages a fixed number of slots.
//
// No address may hold more slots than are free: a single address gets at most half of all
// slots, two get a third each, and there are always some left for others. A new connection
// from an address that uses its share gets the slot of an older connection from there. A
// Limiter may be used by many goroutines.
type Limiter struct {
	cfg      Config
	requests atomic.Int64 // concurrent requests

	mu          sync.Mutex
	taken       int
	holders     map[netip.Prefix]*holder
	reclaimable [ranks]list.List // reclaimable *Slot by rank, oldest first
}

// holder is the state of an address that holds slots.
type holder struct {
	requests atomic.Int64 // concurrent requests

	// The limiter's mu guards the rest.
	taken       int
	spent       int       // amount spent and not refilled
	at          time.Time // when spent was last refilled
	reclaimable [ranks]list.List
}

// Slot is the slot of one connection.
type Slot struct {
	limiter *Limiter
	network netip.Prefix
	holder  *holder // nil if the network is trusted
	yield   func()

	// The limiter's mu guards the rest.
	rank     Rank
	released bool // released or reclaimed
	all      *list.Element
	local    *list.Element
}

// New returns a Limiter.
func New(cfg Config) *Limiter {
	return &Limiter{cfg: cfg, holders: map[netip.Prefix]*holder{}}
}

// Take returns a slot for a peer, or a Refusal if there is none. When the slot is
// reclaimed for another connection, yield is called, possibly before Take returns; it
// must not block.
func (l *Limiter) Take(remote net.Addr, yield func()) (*Slot, Refusal) {
	p := &Slot{limiter: l, network: Network(remote), yield: yield}
	trusted := l.Trusts(remote)
	l.mu.Lock()
	reclaimed, refusal := l.take(p, trusted)
	l.mu.Unlock()
	if reclaimed != nil {
		reclaimed.yield()
	}
	if refusal != "" {
		return nil, refusal
	}
	return p, ""
}

// take adds p, and returns the slot that was reclaimed for it, if any. The caller holds mu.
func (l *Limiter) take(p *Slot, trusted bool) (reclaimed *Slot, refusal Refusal) {
	h := l.holders[p.network]
	if h == nil && !trusted {
		h = &holder{}
		l.removeEmptyHolders()
	}
	switch free := l.cfg.Slots - l.taken; {
	case free <= 0:
		if reclaimed = nextReclaimable(&l.reclaimable); reclaimed == nil {
			return nil, RefusedFull
		}
	case trusted:
	case h.taken >= free, l.cfg.PerAddress > 0 && h.taken >= l.cfg.PerAddress:
		if reclaimed = nextReclaimable(&h.reclaimable); reclaimed == nil {
			return nil, RefusedAddress
		}
	}
	if reclaimed != nil {
		reclaimed.remove()
	}
	l.taken++
	if trusted {
		p.rank = Established
		return reclaimed, ""
	}
	p.holder = h
	h.taken++
	l.holders[p.network] = h
	p.addToLists()
	return reclaimed, ""
}

// Trusts reports whether the peer is in one of the trusted networks.
func (l *Limiter) Trusts(remote net.Addr) bool { return Contains(l.cfg.Trusted, addressOf(remote)) }

// Reclaim reclaims a slot, if possible, and reports whether it did. It is called when
// another resource, such as file descriptors, is exhausted first.
func (l *Limiter) Reclaim() bool {
	l.mu.Lock()
	reclaimed := nextReclaimable(&l.reclaimable)
	if reclaimed != nil {
		reclaimed.remove()
	}
	l.mu.Unlock()
	if reclaimed != nil {
		reclaimed.yield()
	}
	return reclaimed != nil
}

// Taken returns the number of slots in use.
func (l *Limiter) Taken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.taken
}

// nextReclaimable returns the slot to reclaim next, or nil if there is none.
func nextReclaimable(lists *[ranks]list.List) *Slot {
	for rank := range lists {
		if e := lists[rank].Front(); e != nil {
			return e.Value.(*Slot)
		}
	}
	return nil
}

// SetRank changes the rank of the slot. Its age within the new rank begins now. The slots of
// trusted networks stay Established.
func (p *Slot) SetRank(r Rank) {
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	if p.released || p.holder == nil || p.rank == r {
		return
	}
	p.removeFromLists()
	p.rank = r
	p.addToLists()
}

// Release releases the slot.
func (p *Slot) Release() {
	p.limiter.mu.Lock()
	defer p.limiter.mu.Unlock()
	if !p.released {
		p.remove()
	}
}

// remove removes the slot; the caller holds mu.
func (p *Slot) remove() {
	p.released = true
	p.removeFromLists()
	p.limiter.taken--
	if p.holder == nil {
		return
	}
	if p.holder.taken--; p.holder.taken == 0 && p.holder.spent == 0 {
		delete(p.limiter.holders, p.network)
	}
}

// removeEmptyHolders removes addresses without slots if there are many of them; the caller holds mu.
func (l *Limiter) removeEmptyHolders() {
	if len(l.holders)/2 < l.cfg.Slots {
		return
	}
	for network, h := range l.holders {
		if h.taken == 0 {
			delete(l.holders, network)
		}
	}
}

// Spend deducts n from the budget of the slot's address, and reports whether it sufficed.
func (p *Slot) Spend(n int) bool {
	l, h := p.limiter, p.holder
	if h == nil {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	// Refill whole units only, so that frequent calls lose nothing to rounding.
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

func (p *Slot) addToLists() {
	if p.rank < Established {
		p.all = p.limiter.reclaimable[p.rank].PushBack(p)
		p.local = p.holder.reclaimable[p.rank].PushBack(p)
	}
}

func (p *Slot) removeFromLists() {
	if p.rank < Established {
		p.limiter.reclaimable[p.rank].Remove(p.all)
		p.holder.reclaimable[p.rank].Remove(p.local)
	}
}

// Trusted reports whether the connection is from a trusted proxy, which forwards many
// clients.
func (p *Slot) Trusted() bool { return p.holder == nil }

// Network returns the network that counts as the peer's address.
func (p *Slot) Network() netip.Prefix { return p.network }

// Begin reports whether a request is admitted; a connection can have many concurrent ones.
// No address may have more than are still free. End must be called whatever Begin returns.
// Begin takes no lock.
func (p *Slot) Begin() bool {
	free := p.limiter.cfg.Requests - p.limiter.requests.Add(1)
	held := int64(0)
	if p.holder != nil {
		held = p.holder.requests.Add(1) - 1
	}
	return free >= 0 && held <= free
}

// End ends a request that Begin counted.
func (p *Slot) End() {
	p.limiter.requests.Add(-1)
	if p.holder != nil {
		p.holder.requests.Add(-1)
	}
}
