package broadcast

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/registry"
)

// Ownership decides which node has a broadcast. None of its methods waits.
type Ownership interface {
	// Admit returns nil when a new publisher of the broadcast may be accepted, as far as
	// this node knows. The error wraps registry.ErrHeld or registry.ErrAway.
	Admit(id string) error
	// Awaits reports whether another node is known to have the broadcast now.
	Awaits(id string) bool
	// Claim claims the broadcast as soon as that is possible; an open claim, one without
	// a publisher, takes it from no live node.
	Claim(id string, open bool) Lease
	// MaySweep reports whether this node is the one that sweeps the bucket.
	MaySweep() bool
}

// Lease is this node's claim to a broadcast.
type Lease interface {
	// Ready waits until the broadcast is this node's, and the node that had it before has
	// stored its part, or does not answer. The error wraps registry.ErrHeld when another
	// node has the broadcast.
	Ready(ctx context.Context) error
	// Lost is closed when another node has the broadcast; the error of Ready then names it.
	Lost() <-chan struct{}
	// MayWrite reports whether this node may write the playlists now, and whether no other
	// node can have had the broadcast since it was claimed. It does not wait.
	MayWrite() (may, exclusive bool)
	// SetOpen sets whether another node's publisher may take the broadcast over.
	SetOpen(open bool)
	// Release releases the broadcast or, when another node has it, lets that node know that
	// all of this node's part is stored.
	Release()
}

// soleOwner is the Ownership of a node without a registry, which is the only one: all is its own.
type soleOwner struct{}

func (soleOwner) Admit(string) error              { return nil }
func (soleOwner) Awaits(string) bool              { return false }
func (soleOwner) Claim(string, bool) Lease        { return soleOwner{} }
func (soleOwner) MaySweep() bool                  { return true }
func (soleOwner) Ready(context.Context) error     { return nil }
func (soleOwner) Lost() <-chan struct{}           { return nil }
func (soleOwner) MayWrite() (may, exclusive bool) { return true, true }
func (soleOwner) SetOpen(bool)                    {}
func (soleOwner) Release()                        {}

// handOverTimeout is how long the first media of a broadcast waits for the node that had
// it before to store its part.
const handOverTimeout = 2 * time.Second

// refusal returns the error for a publisher that Ownership does not admit.
func refusal(id string, err error) error {
	if errors.Is(err, registry.ErrAway) {
		return fmt.Errorf("%w: %w", ingest.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %q: %w", ingest.ErrTaken, id, err)
}

// lostLease reports whether another node has the broadcast.
func (b *Broadcast) lostLease() bool {
	return isClosed(b.lease.Lost())
}

// permission returns what this node may write of the broadcast in a bucket that nodes share.
func (b *Broadcast) permission() archive.Permission {
	may, exclusive := b.lease.MayWrite()
	switch {
	case b.lostLease():
		return archive.MayStore
	case may && exclusive:
		return archive.MayWriteExclusively
	case may:
		return archive.MayWrite
	}
	return archive.MustWait
}

// openTo reports whether another node may take the broadcast from a publisher, which is
// silent or not. The rule is that of publishers on this node.
func (b *Broadcast) openTo(silent bool) bool {
	switch b.cfg.Takeover {
	case ingest.TakeoverAlways:
		return true
	case ingest.TakeoverNever:
		return false
	case ingest.TakeoverSilent:
	}
	return silent
}

// leaseLost evicts the publishers, because another node has the broadcast.
func (s *supervisor) leaseLost() (reason string) {
	held, _ := errors.AsType[*registry.HeldError](s.lease.Ready(context.Background())) // it is lost: this does not wait
	cause := errTakenOver
	if held != nil && held.Before {
		cause = refusal(s.id, held)
	}
	if s.current != nil {
		s.log.Warn("publisher evicted", "reason", cause)
	}
	s.evictAll(cause)
	return endedMoved
}

// handOver releases the lease, for the node that took the broadcast over, when all of this
// node's part is in the bucket.
func (b *Broadcast) handOver(ctx context.Context, a *archiver) {
	for _, event := range []<-chan struct{}{b.lease.Lost(), a.stored} {
		select {
		case <-event:
		case <-ctx.Done():
			return
		}
	}
	b.lease.Release()
}
