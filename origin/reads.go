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

// Reads bounds how many files, or connections to a store, viewers' requests hold at
// once: in all, and a quarter of that for each address. Who comes when all are in use
// waits in line.
type Reads struct {
	most    int64
	proxies []netip.Prefix
	all     *semaphore.Weighted

	mu sync.Mutex
	by map[netip.Prefix]*reader
}

// reader is an address that reads, or waits to.
type reader struct {
	line  *semaphore.Weighted
	users int // Reads.mu guards it
}

// NewReads makes a Reads of so many at once. No limit of one address applies to the
// proxies, which are many viewers.
func NewReads(most int, proxies []netip.Prefix) *Reads {
	n := int64(max(most, 1))
	return &Reads{most: n, proxies: proxies, all: semaphore.NewWeighted(n), by: map[netip.Prefix]*reader{}}
}

// Begin waits until the client may read; end must be called after it. The error wraps
// ErrBusy when it was for too long. remote is the client's address; all that have none
// share what one address may read.
func (r *Reads) Begin(ctx context.Context, remote string) (end func(), err error) {
	own, leave := r.reader(remote)
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

func (r *Reads) ender(own *semaphore.Weighted, leave func()) func() {
	return sync.OnceFunc(func() {
		r.all.Release(1)
		own.Release(1)
		leave()
	})
}

// reader is the line of an address, and what is to be called when it is done with.
func (r *Reads) reader(remote string) (line *semaphore.Weighted, leave func()) {
	peer, _ := netip.ParseAddrPort(remote) // what is no address is one, too
	address := peer.Addr().Unmap().WithZone("")
	if connlimit.Contains(r.proxies, address) {
		return semaphore.NewWeighted(1), func() {}
	}
	network := connlimit.NetworkOf(address)
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.by[network]
	if a == nil {
		a = &reader{line: semaphore.NewWeighted(max(1, r.most/4))}
		r.by[network] = a
	}
	a.users++
	return a.line, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if a.users--; a.users == 0 {
			delete(r.by, network)
		}
	}
}
