package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golive/ingest"
	"golive/storage"
	"golive/storage/catalog"
)

// Hub has all broadcasts of this node, by id.
type Hub struct {
	cfg            Settings
	layout         catalog.Layout
	stores         Stores
	replays        *replays
	log            *slog.Logger
	metrics        *Metrics
	storageMetrics *storage.Metrics
	quit           chan struct{}
	running        sync.WaitGroup

	mu         sync.Mutex // of those who change broadcasts; readers take none
	broadcasts atomic.Pointer[map[string]*Broadcast]
	forgotten  map[string]*Broadcast   // by id: the newest that is in the bucket's hands alone
	tended     map[*Broadcast]struct{} // all that work on their objects in the bucket
	closing    bool
	cut        atomic.Bool  // there were broadcasts when Run ended
	lost       atomic.Int64 // segments that the end of Run lost
}

// Stores are where a Hub keeps what is aired.
type Stores struct {
	// Bucket takes segments, playlists and manifests.
	Bucket storage.Bucket
	// Local has the playlists and manifests of this node's broadcasts when it starts
	// again; the Bucket itself where that is this node's own. Nil when nothing
	// outlives the process.
	Local storage.Bucket
	// Shared says that other nodes may have put broadcasts into Bucket.
	Shared bool
	// Spool takes segments while Bucket does not; may be nil.
	Spool Spool
	// KeyPace spaces the puts of one playlist in Bucket; may be nil.
	KeyPace *storage.KeyPace
}

// Spool is a storage.Spool that says what an earlier run left in it.
type Spool interface {
	storage.Spool
	// Broadcasts are the ids of those that have something in it.
	Broadcasts() []string
	// Load is what it holds of a broadcast, in the order of MSN.
	Load(id string) []*storage.Spooled
}

// NewHub makes an empty Hub that archives into the stores.
func NewHub(cfg Settings, stores Stores, log *slog.Logger, m *Metrics, sm *storage.Metrics) *Hub {
	layout := catalog.Layout{Prefix: cfg.Prefix}
	h := &Hub{
		cfg:            cfg,
		layout:         layout,
		stores:         stores,
		replays:        newReplays(layout, stores.Bucket),
		log:            log,
		metrics:        m,
		storageMetrics: sm,
		quit:           make(chan struct{}),
		forgotten:      map[string]*Broadcast{},
		tended:         map[*Broadcast]struct{}{},
	}
	h.broadcasts.Store(&map[string]*Broadcast{})
	return h
}

// Run blocks until ctx is done, and deletes what is due in the bucket; then it ends
// all broadcasts and waits until each is archived or the drain timeout has passed. What
// storage has not taken by then and no disk keeps is lost, which is an error.
func (h *Hub) Run(ctx context.Context) error {
	sweeper := catalog.Sweeper{Layout: h.layout, Bucket: h.stores.Bucket, Abandoned: h.endAbandoned, Log: h.log}
	h.running.Go(func() { sweeper.Run(ctx) })
	<-ctx.Done()
	h.mu.Lock()
	h.closing = true
	h.cut.Store(len(*h.broadcasts.Load()) > 0)
	h.mu.Unlock()
	close(h.quit)
	h.running.Wait()
	if n := h.lost.Load(); n > 0 {
		return fmt.Errorf("%d segments are lost: storage did not take them within broadcast.drain_timeout, and they could not be spooled", n)
	}
	return nil
}

// Publish implements ingest.Stage.
func (h *Hub) Publish(ctx context.Context, id string, p ingest.Publisher) (ingest.Sink, error) {
	for {
		b, err := h.findOrStart(ctx, id)
		if err != nil {
			return nil, err
		}
		pub, err := b.claim(ctx, p)
		if errors.Is(err, errEnded) {
			continue // it ended while it was asked: start anew
		}
		if err != nil {
			return nil, err
		}
		return pub, nil
	}
}

func (h *Hub) findOrStart(ctx context.Context, id string) (*Broadcast, error) {
	var elsewhere *leftover
	if h.stores.Shared && !h.knows(id) {
		elsewhere = h.lookUp(ctx, id)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, ingest.ErrClosing
	}
	var from numbering
	var first *storage.Object
	old := (*h.broadcasts.Load())[id]
	switch {
	case old != nil && !old.over():
		return old, nil
	case old != nil:
		from = old.next
	case h.forgotten[id] != nil:
		from = h.forgotten[id].next
	case elsewhere == nil:
	case h.resumable(elsewhere):
		return h.resume(elsewhere), nil //nolint:contextcheck // a broadcast outlives the publisher it was started for
	default:
		from, first = elsewhere.afterwards(), h.lastWords(elsewhere)
	}
	b := newBroadcast(h.newManifest(id), h, from, preparation{before: h.predecessor(id), first: first})
	b.previous.Store(old)
	h.start(b) //nolint:contextcheck // see above
	return b, nil
}

// knows says whether the broadcast's numbers are known here.
func (h *Hub) knows(id string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return (*h.broadcasts.Load())[id] != nil || h.forgotten[id] != nil
}

func (h *Hub) newManifest(id string) catalog.Manifest {
	return catalog.Manifest{ID: id, Token: sessionToken(), Renditions: []string{SourceRendition}, Began: time.Now().UTC()}
}

// predecessor is closed when the broadcast that had the id before leaves the bucket
// alone; nil when there is none. The caller holds mu.
func (h *Hub) predecessor(id string) <-chan struct{} {
	if old := (*h.broadcasts.Load())[id]; old != nil {
		return old.shelf.archiver.Drained()
	}
	if old := h.forgotten[id]; old != nil {
		return old.swept
	}
	return nil
}

// start makes a broadcast known and runs it; the caller holds mu.
func (h *Hub) start(b *Broadcast) {
	h.change(func(all map[string]*Broadcast) { all[b.id] = b })
	h.tended[b] = struct{}{}
	h.running.Go(func() {
		b.run(h.quit, place{
			leave:   func() bool { return h.forget(b) },
			current: func() bool { return (*h.broadcasts.Load())[b.id] == b },
			discard: func() { h.discard(b) },
		})
		h.lost.Add(int64(b.lost))
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.tended, b)
		if h.forgotten[b.id] == b {
			delete(h.forgotten, b.id)
		}
	})
}

// forget takes an ended broadcast out; false when a successor has its place. One
// that comes from now on leaves the bucket alone until this one has swept it.
func (h *Hub) forget(b *Broadcast) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch now := (*h.broadcasts.Load())[b.id]; {
	case now == nil || now != b && now.aired():
		return false
	case now != b: // which may yet be discarded
		now.previous.Store(nil)
	default:
		h.change(func(all map[string]*Broadcast) { delete(all, b.id) })
	}
	h.forgotten[b.id] = b
	if h.cfg.Retention.Replay > 0 {
		h.replays.index.add(catalog.Named{ID: b.id, Token: b.shelf.token(), Ended: true})
	}
	return true
}

// discard takes a broadcast out that never had media, and puts back the one that it
// took the place of, if that can still be read.
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

// storageTrouble is how long a broadcast must fail to be stored before it counts.
const storageTrouble = 10 * time.Second

// Archiving returns what is wrong with the store: broadcasts have failed for
// storageTrouble, and none that is live goes through. The trouble of some of them is in
// their Status.
func (h *Hub) Archiving(context.Context) error {
	var failing error
	for _, b := range h.tends() {
		s := b.shelf.archiver.Status()
		switch {
		case s.Error != "" && time.Since(s.FailingSince) > storageTrouble:
			failing = fmt.Errorf("broadcast %s has not been archived since %s: %s", b.id, s.FailingSince.Format(time.TimeOnly), s.Trouble())
		case s.Error == "" && s.Lag <= storageTrouble && b.State() == Live && time.Since(b.began) > 2*storageTrouble:
			return nil // it is old enough to have stored something, and little waits
		}
	}
	return failing
}

// Ended says, after Run, whether there were broadcasts whose end players may
// still want to read.
func (h *Hub) Ended() bool { return h.cut.Load() }
