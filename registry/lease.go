package registry

import (
	"context"
	"fmt"
	"time"
)

// ownership is this node's claim to a key, which several Leases share: a broadcast that
// has ended is still written while another one begins under its id.
type ownership struct {
	key       string
	waits     bool // until another owner releases the lease, instead of losing the claim to it
	holders   int
	open      bool // others may take it
	acquired  bool // the registry has had it as this node's
	recreated bool // and had lost it since
	epoch     uint64
	written   time.Time
	ready     chan struct{} // closed when the lease is this node's
	lost      chan struct{} // closed when another node has the lease
	err       error         // valid when lost is closed
}

func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// Lease is this node's claim to a broadcast, or to a task.
type Lease struct {
	registry *Registry
	o        *ownership
	released bool // guarded by Registry.mu
}

// Admit returns nil when this node may accept a new publisher of the broadcast: no
// other node is known to have it with a publisher that sends. The error wraps ErrHeld,
// or ErrAway where the registry is required.
func (r *Registry) Admit(id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch away := r.state.away; {
	case r.cfg.Required && away != nil:
		return fmt.Errorf("%w: %w", ErrAway, away)
	case r.cfg.Required && !r.sessionValid():
		return fmt.Errorf("%w: it does not answer", ErrAway)
	case !r.sessionValid():
		return nil
	}
	if rec, ok := r.state.table.records[keyOf(broadcastKeys, id)]; ok && !r.mayTake(rec, false) {
		return &HeldError{Node: rec.node(), Before: true}
	}
	return nil
}

// Awaits reports whether another node is known to own the broadcast: claiming it takes
// longer, since that node has to store what it has.
func (r *Registry) Awaits(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, ok := r.state.table.records[keyOf(broadcastKeys, id)]
	return ok && rec.identity != r.identity() && r.state.table.alive(rec.identity)
}

// IsOwned reports whether a node that is alive has the broadcast.
func (r *Registry) IsOwned(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, ok := r.state.table.records[keyOf(broadcastKeys, id)]
	return ok && r.state.table.alive(rec.identity)
}

// Claim claims a broadcast as soon as the registry can be asked, and does not wait. An open
// claim is one without a publisher: it takes nothing from a live node.
func (r *Registry) Claim(id string, open bool) *Lease {
	return r.claim(keyOf(broadcastKeys, id), open, false)
}

// Task claims what one node does for all. It waits for its turn, as long as it takes.
func (r *Registry) Task(name string) *Lease { return r.claim(keyOf(taskKeys, name), true, true) }

func (r *Registry) claim(key string, open, waits bool) *Lease {
	r.mu.Lock()
	defer r.mu.Unlock()
	o := r.state.owned[key]
	if o == nil {
		o = &ownership{key: key, waits: waits, ready: make(chan struct{}), lost: make(chan struct{})}
		r.state.owned[key] = o
		r.state.pending[o] = struct{}{}
	}
	o.holders++
	o.open = open
	r.mark(key)
	return &Lease{registry: r, o: o}
}

// mark has a key reconciled; the caller holds mu.
func (r *Registry) mark(key string) {
	r.state.marked[key] = struct{}{}
	signal(r.wake)
}

// Ready waits until the lease is this node's, and the node that had it before has stored
// what it has, or does not answer. The error wraps ErrHeld
// when another node has the lease, or is that of ctx.
func (l *Lease) Ready(ctx context.Context) error {
	select {
	case <-l.o.lost:
	case <-l.o.ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if isClosed(l.o.lost) { // it may have been ready before
		return l.o.err
	}
	return nil
}

// Lost is closed when another node has the lease; the error of Ready names it.
func (l *Lease) Lost() <-chan struct{} { return l.o.lost }

// Held reports whether the lease is this node's for certain.
func (l *Lease) Held() bool {
	r := l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessionValid() && !isClosed(l.o.lost) && r.owns(r.state.table.records[l.o.key])
}

// MayWrite reports whether this node may write what only the owner may: the lease is its
// own, and no earlier owner may still write. While the registry is away, a node may write
// where the registry is not required, and no other node is known to have the lease. It reads
// a clock and memory only.
//
// exclusive is true only if the record has existed since the lease became this node's: no
// other node can have had the lease meanwhile.
func (l *Lease) MayWrite() (may, exclusive bool) {
	r := l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	rec, ok := r.state.table.records[l.o.key]
	switch {
	case isClosed(l.o.lost):
		return false, false
	case r.sessionValid():
		may = r.owns(rec) && (rec.From == nil || !r.state.table.alive(*rec.From))
		return may, may && !l.o.recreated
	default:
		return !r.cfg.Required && r.lostContact() && (!ok || rec.identity == r.identity() || !r.state.table.alive(rec.identity)), false
	}
}

// SetOpen sets whether another node may take the lease, as it may when the publisher is
// gone or silent.
func (l *Lease) SetOpen(open bool) {
	r := l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.o.open != open && r.state.owned[l.o.key] == l.o {
		l.o.open = open
		r.mark(l.o.key)
	}
}

// Release releases the lease. When another node has taken it, Release lets that node know
// that this one has stored everything.
func (l *Lease) Release() {
	r := l.registry
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.released {
		return
	}
	l.released = true
	if l.o.holders--; l.o.holders > 0 {
		return
	}
	delete(r.state.pending, l.o)
	if isClosed(l.o.lost) {
		r.state.handedOver[l.o.key] = struct{}{}
	}
	r.mark(l.o.key)
}
