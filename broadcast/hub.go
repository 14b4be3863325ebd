package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golive/ingest"
	"golive/storage"
)

// Hub has all broadcasts of this node, by id.
type Hub struct {
	cfg            Settings
	bucket         storage.Bucket
	log            *slog.Logger
	metrics        *Metrics
	storageMetrics *storage.Metrics
	quit           chan struct{}
	running        sync.WaitGroup

	mu         sync.Mutex // of those who change broadcasts; readers take none
	broadcasts atomic.Pointer[map[string]*Broadcast]
	sweeping   map[string]<-chan struct{} // by the id of what was just forgotten; closed when the bucket is swept
	closing    bool
	cut        atomic.Bool // there were broadcasts when Run ended
}

// NewHub makes an empty Hub that archives into bucket.
func NewHub(cfg Settings, bucket storage.Bucket, log *slog.Logger, m *Metrics, sm *storage.Metrics) *Hub {
	h := &Hub{
		cfg:            cfg,
		bucket:         bucket,
		log:            log,
		metrics:        m,
		storageMetrics: sm,
		quit:           make(chan struct{}),
		sweeping:       map[string]<-chan struct{}{},
	}
	h.broadcasts.Store(&map[string]*Broadcast{})
	return h
}

// Run blocks until ctx is done, then ends all broadcasts and waits until each is
// archived or the drain timeout has passed.
func (h *Hub) Run(ctx context.Context) error {
	<-ctx.Done()
	h.mu.Lock()
	h.closing = true
	h.cut.Store(len(*h.broadcasts.Load()) > 0)
	h.mu.Unlock()
	close(h.quit)
	h.running.Wait()
	return nil
}

// Publish implements ingest.Stage.
func (h *Hub) Publish(ctx context.Context, id string, p ingest.Publisher) (ingest.Sink, error) {
	for {
		b, err := h.findOrStart(id) //nolint:contextcheck // a broadcast outlives the publisher it was started for
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

func (h *Hub) findOrStart(id string) (*Broadcast, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closing {
		return nil, ingest.ErrClosing
	}
	old := (*h.broadcasts.Load())[id]
	var (
		from   numbering
		before = h.sweeping[id]
	)
	if old != nil {
		select {
		case <-old.ended:
			from, before = old.next, old.shelf.archiver.Drained()
		default:
			return old, nil
		}
	}
	b := newBroadcast(id, h, from)
	h.start(b, before)
	return b, nil
}

// start makes a broadcast known and runs it; the caller holds mu.
func (h *Hub) start(b *Broadcast, before <-chan struct{}) {
	h.change(func(all map[string]*Broadcast) { all[b.id] = b })
	h.running.Go(func() {
		swept := make(chan struct{})
		b.run(h.quit, before, func() bool { return h.forget(b, swept) })
		close(swept)
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.sweeping[b.id] == (<-chan struct{})(swept) {
			delete(h.sweeping, b.id)
		}
	})
}

// forget takes an ended broadcast out; false when a successor has its place. One
// that comes from now on leaves the bucket alone until swept is closed.
func (h *Hub) forget(b *Broadcast, swept <-chan struct{}) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if (*h.broadcasts.Load())[b.id] != b {
		return false
	}
	h.change(func(all map[string]*Broadcast) { delete(all, b.id) })
	h.sweeping[b.id] = swept
	return true
}

// change replaces the map by a changed copy; the caller holds mu.
func (h *Hub) change(f func(map[string]*Broadcast)) {
	next := maps.Clone(*h.broadcasts.Load())
	f(next)
	h.broadcasts.Store(&next)
}

// Find is the broadcast of that id, live or lingering.
func (h *Hub) Find(id string) (*Broadcast, bool) {
	b, ok := (*h.broadcasts.Load())[id]
	return b, ok
}

// List is every broadcast of this node, by id.
func (h *Hub) List() []*Broadcast {
	return slices.SortedFunc(maps.Values(*h.broadcasts.Load()), func(a, b *Broadcast) int {
		return strings.Compare(a.id, b.id)
	})
}

// storageTrouble is how long an archiver may fail before the node is not ready.
const storageTrouble = 10 * time.Second

// Archiving says what is wrong with storage; nil when every broadcast is being
// archived.
func (h *Hub) Archiving(context.Context) error {
	for _, b := range h.List() {
		s := b.shelf.archiver.Status()
		if s.Error != "" && time.Since(s.FailingSince) > storageTrouble {
			return fmt.Errorf("broadcast %s has not been archived since %s: %s", b.id, s.FailingSince.Format(time.TimeOnly), s.Error)
		}
	}
	return nil
}

// Ended says, after Run, whether there were broadcasts whose end players may
// still want to read.
func (h *Hub) Ended() bool { return h.cut.Load() }
