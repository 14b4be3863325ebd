package origin

import (
	"context"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sync/semaphore"

	"golive/internal/connlimit"
)

// readWait is how long a response waits until it may read from storage.
const readWait = 5 * time.Second

// ReadLimiter bounds how many files, and connections to a store, viewers' requests hold
// open at once: in all, and for each address a quarter of that. A request that finds all in
// use waits.
type ReadLimiter struct {
	most    int64
	proxies []netip.Prefix
	all     *semaphore.Weighted

	mu        sync.Mutex
	addresses map[netip.Prefix]*address
}

// address is a client's address that reads, or waits to.
type address struct {
	reads *semaphore.Weighted
	users int // ReadLimiter.mu guards it
}

// NewReadLimiter returns a ReadLimiter of so many reads at once. No limit of one address
// applies to the proxies, which are many viewers.
func NewReadLimiter(most int, proxies []netip.Prefix) *ReadLimiter {
	n := int64(max(most, 1))
	return &ReadLimiter{most: n, proxies: proxies, all: semaphore.NewWeighted(n), addresses: map[netip.Prefix]*address{}}
}

// Begin waits until the client may read; end must be called after it. The error wraps
// ErrBusy when that took too long. remote is the client's address; clients without one
// share what one address may read.
func (r *ReadLimiter) Begin(ctx context.Context, remote string) (end func(), err error) {
	own, leave := r.address(remote)
	if own.TryAcquire(1) {
		if r.all.TryAcquire(1) {
			return r.ender(own, leave), nil
		}
		own.Release(1)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, readWait, ErrBusy)
	defer cancel()
	if own.Acquire(ctx, 1) != nil {
		leave()
		return nil, context.Cause(ctx)
	}
	if r.all.Acquire(ctx, 1) != nil {
		own.Release(1)
		leave()
		return nil, context.Cause(ctx)
	}
	return r.ender(own, leave), nil
}

func (r *ReadLimiter) ender(own *semaphore.Weighted, leave func()) func() {
	return sync.OnceFunc(func() {
		r.all.Release(1)
		own.Release(1)
		leave()
	})
}

// address returns the limit of a client's address, and a function to call when the client has
// finished.
func (r *ReadLimiter) address(remote string) (reads *semaphore.Weighted, leave func()) {
	peer, _ := netip.ParseAddrPort(remote) // what is no address counts as one
	client := peer.Addr().Unmap().WithZone("")
	if connlimit.Contains(r.proxies, client) {
		return semaphore.NewWeighted(1), func() {}
	}
	network := connlimit.NetworkOf(client)
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.addresses[network]
	if a == nil {
		a = &address{reads: semaphore.NewWeighted(max(1, r.most/4))}
		r.addresses[network] = a
	}
	a.users++
	return a.reads, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if a.users--; a.users == 0 {
			delete(r.addresses, network)
		}
	}
}
