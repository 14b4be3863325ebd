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

// Ownership tells which node a broadcast belongs to. None of its methods waits.
type Ownership interface {
	// Admit returns nil when a new publisher of the broadcast may be let in, as far as
	// this node knows. The error wraps registry.ErrHeld or registry.ErrAway.
	Admit(id string) error
	// Awaits reports whether another node is known to have the broadcast now.
	Awaits(id string) bool
	// Claim claims the broadcast as soon as that is possible; an open claim, one without
	// a publisher, takes it from no node that lives.
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
	// Lost is closed when another node has the broadcast; Ready then says which.
	Lost() <-chan struct{}
	// MayWrite reports whether this node may write the playlists now, and whether it is
	// sure that no other node has had the broadcast since it was claimed. It does not wait.
	MayWrite() (may, sure bool)
	// SetOpen says whether another node's publisher may take the broadcast over.
	SetOpen(open bool)
	// Release gives the broadcast up, or, when another node has it, says that all of this
	// node's part is stored.
	Release()
}

// alone is the Ownership of a node without a registry: all is its own.
type alone struct{}

func (alone) Admit(string) error          { return nil }
func (alone) Awaits(string) bool          { return false }
func (alone) Claim(string, bool) Lease    { return alone{} }
func (alone) MaySweep() bool              { return true }
func (alone) Ready(context.Context) error { return nil }
func (alone) Lost() <-chan struct{}       { return nil }
func (alone) MayWrite() (may, sure bool)  { return true, false }
func (alone) SetOpen(bool)                {}
func (alone) Release()                    {}

// handOverTimeout is how long the first media of a broadcast waits for the node that had
// it before to store its part.
const handOverTimeout = 2 * time.Second

// refusal returns what a publisher is told that Ownership does not let in.
func refusal(id string, err error) error {
	if errors.Is(err, registry.ErrAway) {
		return fmt.Errorf("%w: %w", ingest.ErrUnavailable, err)
	}
	return fmt.Errorf("%w: %q: %w", ingest.ErrTaken, id, err)
}

// taken reports whether another node has the broadcast.
func (b *Broadcast) taken() bool {
	select {
	case <-b.lease.Lost():
		return true
	default:
		return false
	}
}

// permission returns what this node may write of the broadcast in a bucket that nodes share.
func (b *Broadcast) permission() archive.Permission {
	may, sure := b.lease.MayWrite()
	switch {
	case b.taken():
		return archive.MustLeave
	case may && sure:
		return archive.MayWriteExclusively
	case may:
		return archive.MayWrite
	}
	return archive.MustWait
}

// openTo reports whether another node may take the broadcast from a publisher, which is
// silent or not: as another publisher on this node may.
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

// yield sends everybody away, because another node has the broadcast.
func (s *supervisor) yield() (reason string) {
	held, _ := errors.AsType[*registry.HeldError](s.lease.Ready(context.Background())) // it is lost: this does not wait
	cause := errTakenOver
	if held != nil && held.Before {
		cause = refusal(s.id, held)
	}
	if s.current != nil {
		s.log.Warn("publisher was sent away", "reason", cause)
	}
	s.dismiss(cause)
	return endedMoved
}

// handOver tells the node that took the broadcast over when all of this node's part is in
// the bucket.
func (b *Broadcast) handOver(ctx context.Context, k *keeper) {
	for _, event := range []<-chan struct{}{b.lease.Lost(), k.stored()} {
		select {
		case <-event:
		case <-ctx.Done():
			return
		}
	}
	b.lease.Release()
}
