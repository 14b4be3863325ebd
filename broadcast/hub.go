package broadcast

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/registry"
	"golive/storage"
)

// Hub has all broadcasts of this node, by id.
type Hub struct {
	cfg     Settings
	layout  archive.Layout
	stores  Stores
	replays *replays // nil where nothing is kept
	log     *slog.Logger
	metrics *Metrics
	quit    chan struct{}
	running sync.WaitGroup

	mu          sync.Mutex // of the writers of broadcasts; readers take none
	broadcasts  atomic.Pointer[map[string]*Broadcast]
	forgotten   map[string]*Broadcast   // by id: the newest that only its archiver still works on
	supervised  map[*Broadcast]struct{} // all whose run has not returned
	closing     bool
	interrupted atomic.Bool  // there were broadcasts when Run ended
	lost        atomic.Int64 // segments that the end of Run lost
}

// Stores are where a Hub keeps what is published; the zero value keeps nothing beyond the
// memory.
type Stores struct {
	// Local has the segments and logs on this node's disk.
	Local *archive.Store
	// Bucket has the playlists, and what is kept: the folder of Local, or a bucket that
	// other nodes may write to too.
	Bucket storage.Bucket
	// PutInterval is the least time between two puts of one key in Bucket.
	PutInterval time.Duration
}

// shared reports whether other nodes may have put broadcasts into Bucket.
func (s Stores) shared() bool { return s.Local != nil && s.Local.Uploaded() }

// NewHub makes an empty Hub that keeps what is published in the stores.
func NewHub(cfg Settings, stores Stores, log *slog.Logger, m *Metrics) *Hub {
	h := &Hub{
		cfg:        cfg,
		layout:     cfg.layout(),
		stores:     stores,
		log:        log,
		metrics:    m,
		quit:       make(chan struct{}),
		forgotten:  map[string]*Broadcast{},
		supervised: map[*Broadcast]struct{}{},
	}
	if h.cfg.Ownership == nil {
		h.cfg.Ownership = soleOwner{}
	}
	if stores.Local != nil {
		h.replays = newReplays(h.layout, stores)
	}
	h.broadcasts.Store(&map[string]*Broadcast{})
	return h
}

// Run blocks until ctx is done, and deletes what is due in the bucket; then it ends
// all broadcasts and waits until each is archived or the drain timeout has passed. What
// no store has taken by then is lost, which is an error.
func (h *Hub) Run(ctx context.Context) error {
	if h.stores.Local != nil {
		h.running.Go(func() { h.sweep(ctx) })
		// It ends after the archivers, whose files it makes durable.
		syncing, stop := context.WithCancel(context.WithoutCancel(ctx))
		synced := make(chan struct{})
		go func() {
			defer close(synced)
			if err := h.stores.Local.Run(syncing); err != nil {
				h.log.Warn("disk was not synced", "err", err)
			}
		}()
		defer func() { stop(); waitFor(synced, stopTimeout) }()
	}
	<-ctx.Done()
	h.mu.Lock()
	h.closing = true
	h.interrupted.Store(len(*h.broadcasts.Load()) > 0)
	h.mu.Unlock()
	close(h.quit)
	h.running.Wait()
	if n := h.lost.Load(); n > 0 {
		return fmt.Errorf("%d segments are lost: the local disk did not take them", n)
	}
	return nil
}

// sweep runs the Sweeper.
func (h *Hub) sweep(ctx context.Context) {
	sweeper := h.sweeper()
	if h.stores.shared() {
		sweeper.Owned, sweeper.End, sweeper.May = h.hasOwner, h.endAbandoned, h.cfg.Ownership.MaySweep
	}
	sweeper.Run(ctx)
}

func (h *Hub) sweeper() archive.Sweeper {
	return archive.Sweeper{Layout: h.layout, Bucket: h.stores.Bucket, Swept: h.replays.remove, Log: h.log}
}

// Publish implements ingest.PublishHandler.
func (h *Hub) Publish(ctx context.Context, id string, p ingest.Publisher) (ingest.Sink, error) {
	for {
		b, err := h.findOrStart(ctx, id)
		if err != nil {
			return nil, err
		}
		pub, err := b.claim(ctx, p)
		if errors.Is(err, errEnded) {
			continue // it ended meanwhile: start another
		}
		if err != nil {
			return nil, err
		}
		return pub, nil
	}
}

// findOrStart returns the broadcast that a publisher of that id joins. It asks no disk and
// no bucket.
func (h *Hub) findOrStart(ctx context.Context, id string) (*Broadcast, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, ingest.ErrClosing
	}
	o := opening{hold: h.predecessor(id), lookupTimeout: lookupTimeout}
	old := (*h.broadcasts.Load())[id]
	if old != nil && !isClosed(old.ended) {
		return old, nil
	}
	if err := h.cfg.Ownership.Admit(id); err != nil {
		return nil, refusal(id, err)
	}
	awaits := h.cfg.Ownership.Awaits(id)
	switch before := cmp.Or(old, h.forgotten[id]); {
	case before != nil && !before.moved && !awaits:
		o.from = before.next
	case h.stores.shared():
		o.found = make(chan *archive.Recovered, 1)
	}
	if awaits {
		o.lookupTimeout += handOverTimeout
	}
	b := newBroadcast(id, h, o)
	b.lease = h.cfg.Ownership.Claim(id, b.openTo(false))
	b.previous.Store(old)
	if o.found == nil {
		b.open(nil, false)
	} else {
		h.running.Go(func() { h.lookUp(context.WithoutCancel(ctx), b, awaits) })
	}
	h.start(b) //nolint:contextcheck // a broadcast outlives the publisher it was started for
	return b, nil
}

// lookUp reads from the bucket what another node stored of the broadcast. A node that still
// has it gets time to store its part.
func (h *Hub) lookUp(ctx context.Context, b *Broadcast, awaits bool) {
	ctx, cancel := context.WithTimeout(ctx, b.opening.lookupTimeout)
	defer cancel()
	if awaits {
		waiting, stop := context.WithTimeout(ctx, handOverTimeout)
		err := b.lease.Ready(waiting)
		stop()
		if errors.Is(err, registry.ErrHeld) {
			return // the supervisor evicts the publisher
		}
	}
	f, err := archive.Find(ctx, h.stores.Bucket, h.layout, h.cfg.Playlist.Window, b.id, "")
	switch {
	case err == nil:
		b.opening.found <- f
	case errors.Is(err, storage.ErrNotExist):
		b.opening.found <- nil
	default: // the publication continues without it
		b.log.Warn("bucket was not asked for the broadcast", "err", err)
	}
}

// predecessor returns a channel that is closed when the broadcast that had the id before does
// not write to the bucket any more; nil when there is none. The caller holds mu.
func (h *Hub) predecessor(id string) <-chan struct{} {
	if old := (*h.broadcasts.Load())[id]; old != nil {
		return old.archiver.Load().drained
	}
	if old := h.forgotten[id]; old != nil {
		return old.swept
	}
	return nil
}

// start adds a broadcast and runs it; the caller holds mu.
func (h *Hub) start(b *Broadcast) {
	h.change(func(all map[string]*Broadcast) { all[b.id] = b })
	h.supervised[b] = struct{}{}
	h.running.Go(func() {
		b.run(h)
		h.lost.Add(int64(b.lost))
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.supervised, b)
		if h.forgotten[b.id] == b {
			delete(h.forgotten, b.id)
		}
	})
}

// forget removes an ended broadcast; false when a successor has replaced it. One that begins
// from now on does not write to the bucket until this one has swept it.
func (h *Hub) forget(b *Broadcast) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch now := (*h.broadcasts.Load())[b.id]; {
	case now == nil || now != b && now.published():
		return false
	case now != b: // which may yet be discarded
		now.previous.Store(nil)
	default:
		h.change(func(all map[string]*Broadcast) { delete(all, b.id) })
	}
	h.forgotten[b.id] = b
	return true
}

// discard removes a broadcast that never had media, and puts back the one that it replaced,
// if that can still be read.
func (h *Hub) discard(b *Broadcast) {
	h.mu.Lock()
	defer h.mu.Unlock()
	old := b.previous.Swap(nil)
	h.change(func(all map[string]*Broadcast) {
		if delete(all, b.id); old != nil {
			all[b.id] = old
		}
	})
}

// change replaces the map by a changed copy; the caller holds mu.
func (h *Hub) change(f func(map[string]*Broadcast)) {
	next := maps.Clone(*h.broadcasts.Load())
	f(next)
	h.broadcasts.Store(&next)
}

// Find returns the broadcast of that id, live or lingering. Until a new one can be
// watched it returns the one before, while that lingers.
func (h *Hub) Find(id string) (*Broadcast, bool) {
	b := (*h.broadcasts.Load())[id]
	if b != nil && !b.Watchable() {
		if old := b.previous.Load(); old != nil {
			b = old
		}
	}
	return b, b != nil
}

// List returns every broadcast of this node that can be watched, by id.
func (h *Hub) List() []*Broadcast {
	var all []*Broadcast
	for _, id := range slices.Sorted(maps.Keys(*h.broadcasts.Load())) {
		if b, ok := h.Find(id); ok && b.Watchable() {
			all = append(all, b)
		}
	}
	return all
}

// storageTrouble is how long storing a broadcast must fail before Archiving reports it.
const storageTrouble = 10 * time.Second

// Archiving returns why storage fails: storing broadcasts has failed for storageTrouble, and
// no live one is stored. If only some fail, their Status has the error.
func (h *Hub) Archiving(context.Context) error {
	var failing error
	for _, b := range h.allSupervised() {
		a := b.archiver.Load()
		since, err := a.failing()
		switch {
		case err != nil && time.Since(since) > storageTrouble:
			failing = fmt.Errorf("broadcast %s has not been archived since %s: %w", b.id, since.Format(time.TimeOnly), err)
		case err == nil && a.lag() <= storageTrouble && b.State() == Live && time.Since(b.began()) > 2*storageTrouble:
			return nil // it is old enough to have stored something, and little waits
		}
	}
	return failing
}

// allSupervised returns all broadcasts whose objects in the bucket this Hub works on.
func (h *Hub) allSupervised() []*Broadcast {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Collect(maps.Keys(h.supervised))
}

// Live reports whether a broadcast of this node has not ended.
func (h *Hub) Live() bool {
	for _, b := range *h.broadcasts.Load() {
		if b.State() != Ended {
			return true
		}
	}
	return false
}

// Ended reports, after Run, whether there were broadcasts whose end players may still want to
// read.
func (h *Hub) Ended() bool { return h.interrupted.Load() }
