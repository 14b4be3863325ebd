package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// ErrHeld is wrapped by a *HeldError.
var ErrHeld = errors.New("lease is held by another node")

// ErrLost says that a lease ended before its owner released it.
var ErrLost = errors.New("lease was lost")

// HeldError says who holds a lease.
type HeldError struct {
	Lease  string
	Holder Holder
}

// Error names the lease and the node.
func (e *HeldError) Error() string { return fmt.Sprintf("%s: %v: %s", e.Lease, ErrHeld, e.Holder.Name) }

// Unwrap returns ErrHeld.
func (e *HeldError) Unwrap() error { return ErrHeld }

// value is what a lease's key holds.
type value struct {
	Node
	// Epoch is the revision at which the lease was acquired; 0 in that revision itself.
	Epoch uint64 `json:"epoch,omitempty"`
}

func (v *value) read(text []byte) error { return json.Unmarshal(text, v) }

func (v *value) epochOr(revision uint64) uint64 {
	if v.Epoch == 0 {
		return revision
	}
	return v.Epoch
}

func (v *value) text() []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic("registry: lease cannot be written: " + err.Error())
	}
	return text
}

// Lease is the right to do something alone, for a short time that Run extends.
type Lease struct {
	registry *Registry
	name     string
	epoch    uint64
	revision uint64       // of the last write; Run's
	until    atomic.Int64 // when it may expire, on this process's monotonic clock
	began    time.Time    // what until is relative to
}

// Acquire takes the lease, which consists of letters, digits and "-", "_", ".", "/". A
// *HeldError says that another node holds it; an error that wraps ErrAway that nobody
// could be asked. A lease that an earlier run of this node left is taken over at once.
func (r *Registry) Acquire(ctx context.Context, name string) (*Lease, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	asked := time.Now()
	v := value{Node: r.self}
	revision, err := r.leases.Create(ctx, name, v.text())
	if errors.Is(err, jetstream.ErrKeyExists) {
		revision, err = r.retake(ctx, name, &v)
	}
	if err != nil {
		return nil, away(err)
	}
	l := &Lease{registry: r, name: name, epoch: revision, revision: revision, began: asked}
	l.extend(asked)
	return l, nil
}

// retake takes a lease over that this very node holds: an earlier run of it was killed.
func (r *Registry) retake(ctx context.Context, name string, v *value) (revision uint64, err error) {
	entry, err := r.leases.Get(ctx, name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return r.leases.Create(ctx, name, v.text()) // it has just expired
	}
	if err != nil {
		return 0, err
	}
	var old value
	if err := old.read(entry.Value()); err != nil {
		return 0, fmt.Errorf("lease %s: %w", name, err)
	}
	if old.Name != r.self.Name {
		return 0, &HeldError{Lease: name, Holder: Holder{Node: old.Node, Epoch: old.epochOr(entry.Revision())}}
	}
	return r.leases.Update(ctx, name, v.text(), entry.Revision())
}

// away marks an error that is no answer of the registry.
func away(err error) error {
	var held *HeldError
	var answer *jetstream.APIError
	if errors.As(err, &held) || errors.As(err, &answer) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrAway, err)
}

// Epoch grows each time the lease changes hands.
func (l *Lease) Epoch() uint64 { return l.epoch }

// Valid reports whether the owner may still rely on the lease. It looks at a clock only.
func (l *Lease) Valid() bool { return int64(time.Since(l.began)) < l.until.Load() }

// extend notes that the lease was written not before that time.
func (l *Lease) extend(asked time.Time) { l.until.Store(int64(asked.Sub(l.began) + TTL - margin)) }

// Run renews the lease until ctx is done, and then releases it and returns nil. It
// returns an error that wraps ErrLost when another node has the lease, or may have had it.
// While the registry is away Run tries on, since nobody else can take the lease either;
// Valid says no meanwhile.
func (l *Lease) Run(ctx context.Context) error {
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if err := l.renew(ctx); err != nil && ctx.Err() == nil {
				return err
			}
		case <-ctx.Done():
			return l.release()
		}
	}
}

// renew writes the lease once more. Only an answer that it is not ours any more is an
// error.
func (l *Lease) renew(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	asked := time.Now()
	v := value{Node: l.registry.self, Epoch: l.epoch}
	revision, err := l.registry.leases.Update(ctx, l.name, v.text(), l.revision)
	switch {
	case err == nil:
		l.revision = revision
		l.extend(asked)
		return nil
	case !isConflict(err):
		return nil // the registry is away
	}
	// The key has another revision, or has expired: another node may have had it since. A
	// write of ours whose answer was lost is no loss.
	entry, err := l.registry.leases.Get(ctx, l.name)
	switch {
	case errors.Is(err, jetstream.ErrKeyNotFound):
		return fmt.Errorf("%s: %w: it had expired", l.name, ErrLost)
	case err != nil:
		return nil
	}
	var now value
	if now.read(entry.Value()) == nil && now.Name == l.registry.self.Name && now.epochOr(entry.Revision()) == l.epoch {
		l.revision = entry.Revision()
		return nil
	}
	return fmt.Errorf("%s: %w to %s", l.name, ErrLost, now.Name)
}

// isConflict reports whether the registry answered that the key has another revision.
func isConflict(err error) bool {
	var answer *jetstream.APIError
	return errors.As(err, &answer) && answer.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || errors.Is(err, jetstream.ErrKeyExists)
}

// release lets the next node have the lease at once.
func (l *Lease) release() error {
	l.until.Store(0)
	ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
	defer cancel()
	err := l.registry.leases.Delete(ctx, l.name, jetstream.LastRevision(l.revision))
	if err != nil && !isConflict(err) {
		return fmt.Errorf("release %s: %w", l.name, away(err))
	}
	return nil
}
