package registry

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/nats-io/nats.go/jetstream"
	"golang.org/x/sync/errgroup"
)

// catalog has the records of broadcasts and channels in memory, as the registry has them. No
// other lock is taken while mu is held.
type catalog struct {
	log      *slog.Logger
	metrics  *Metrics
	onChange func(Broadcast) // nil for none
	// protections is the table's; nil before there is one.
	protections atomic.Pointer[sync.Map]
	records     atomic.Pointer[store] // nil while the registry is away

	mu       sync.RWMutex
	table    recordTable
	watchers map[string]map[*watcher]struct{} // by the broadcast's id
}

// watcher is told of the changes of a broadcast.
type watcher struct{ changed chan struct{} }

func newCatalog(log *slog.Logger, m *Metrics) *catalog {
	return &catalog{log: log, metrics: m, table: newRecordTable(), watchers: map[string]map[*watcher]struct{}{}}
}

// watch keeps the table up to date until ctx is done or the watch ends. Records can be written
// from when the table is complete.
func (c *catalog) watch(ctx context.Context, records *store) error {
	defer c.records.Store(nil)
	fresh := newRecordTable()
	return records.watch(ctx,
		func(e jetstream.KeyValueEntry) {
			w, err := decodeEntry(e)
			if err == nil {
				fresh.set(w)
			}
			c.reportDamage(e, err)
		},
		func() { c.replace(fresh, records) },
		c.handleUpdate)
}

func decodeEntry(e jetstream.KeyValueEntry) (written, error) {
	return decode(e.Key(), e.Value(), e.Revision(), e.Operation() != jetstream.KeyValuePut)
}

func (c *catalog) reportDamage(e jetstream.KeyValueEntry, err error) {
	if err != nil {
		c.metrics.damaged.Inc()
		c.log.Warn("record skipped", "key", e.Key(), "revision", e.Revision(), "err", err)
	}
}

// replace sets a new table, and tells of what is different in it.
func (c *catalog) replace(t recordTable, records *store) {
	c.mu.Lock()
	old := c.table
	c.table = t
	c.protections.Store(t.protections)
	var changed []*Broadcast
	for id, b := range t.broadcasts {
		if before := old.broadcasts[id]; before == nil || before.revision != b.revision {
			changed = append(changed, b)
			c.wake(id)
		}
	}
	for id := range c.watchers {
		if t.broadcasts[id] == nil {
			c.wake(id)
		}
	}
	all := len(t.broadcasts)
	c.metrics.broadcasts.Set(float64(all))
	c.mu.Unlock()
	c.records.Store(records)
	c.log.Info("records loaded", "broadcasts", all)
	if c.onChange != nil {
		for _, b := range changed {
			c.onChange(*b)
		}
	}
}

// handleUpdate applies an update of the watch.
func (c *catalog) handleUpdate(entry jetstream.KeyValueEntry) {
	c.reportDamage(entry, c.update(entry.Key(), entry.Value(), entry.Revision(), entry.Operation() != jetstream.KeyValuePut))
	kind, id := splitKey(entry.Key())
	if kind != broadcastKeys || c.onChange == nil {
		return
	}
	c.mu.RLock()
	b := c.table.broadcasts[id]
	c.mu.RUnlock()
	if b != nil && b.revision == entry.Revision() {
		c.onChange(*b)
	}
}

// update sets the value that a key has from a revision on, unless a newer one is known. A write of
// this node is delivered by the watch too: what comes second is not decoded. It is decoded without
// the lock, for which all requests wait.
func (c *catalog) update(key string, value []byte, revision uint64, gone bool) error {
	c.mu.RLock()
	known := c.table.revision(key)
	c.mu.RUnlock()
	if revision <= known {
		return nil
	}
	w, err := decode(key, value, revision, gone)
	if err == nil {
		c.changeTable(key, func(t *recordTable) { t.set(w) })
	}
	return err
}

// changeTable changes what the table has of a key, and wakes those who watch it.
func (c *catalog) changeTable(key string, change func(*recordTable)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	before := c.table.revision(key)
	change(&c.table)
	if kind, id := splitKey(key); kind == broadcastKeys && (c.table.revision(key) != before || c.table.broadcasts[id] == nil) {
		c.wake(id)
	}
	c.metrics.broadcasts.Set(float64(len(c.table.broadcasts)))
}

// has reports whether a key is known to have a record.
func (c *catalog) has(key string) bool {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.table.revision(key) > c.table.removed[key]
}

// wake gives a token to each who watches a broadcast; the caller holds mu.
func (c *catalog) wake(id string) {
	for w := range c.watchers[id] {
		signal(w.changed)
	}
}

// keepRecords starts what keeps the records, until ctx is done.
func (r *Registry) keepRecords(ctx context.Context, g *errgroup.Group, l *link) {
	g.Go(func() error { return r.catalog.watch(ctx, l.records) })
	g.Go(func() error { r.reports.work.run(ctx, r.withRecords(r.applyReports)); return nil })
	if r.cfg.Events {
		g.Go(func() error { r.outbox.run(ctx, r.withRecords(r.sendNotes)); return nil })
		g.Go(func() error { r.resendNotes(ctx); return nil })
	}
}

// withRecords returns do with the bucket to write to.
func (r *Registry) withRecords(do func(context.Context, *store, string) error) func(context.Context, string) error {
	return func(ctx context.Context, id string) error {
		records, err := r.connected()
		if err != nil {
			return err
		}
		return do(ctx, records, id)
	}
}

// writeRest writes what waits, when this node stops.
func (r *Registry) writeRest(ctx context.Context, l *link) {
	for _, w := range []struct {
		list *worklist
		do   func(context.Context, *store, string) error
	}{{r.reports.work, r.applyReports}, {r.outbox, r.sendNotes}} {
		w.list.runOnce(ctx, func(ctx context.Context, id string) error { return w.do(ctx, l.records, id) })
	}
}

// connected returns the bucket to write to.
func (r *Registry) connected() (*store, error) {
	s := r.catalog.records.Load()
	if s == nil {
		if err := r.awayError(); err != nil {
			return nil, err
		}
		return nil, fmt.Errorf("%w: the records are being read", ErrAway)
	}
	if !r.sessionValid() {
		return nil, fmt.Errorf("%w: it does not answer", ErrAway)
	}
	return s, nil
}

// notWritten is the error of a write that the registry has not acknowledged: it may have been
// done.
func notWritten(err error) error { return fmt.Errorf("%w: write record: %w", ErrAway, withHint(err)) }

// WatchBroadcast returns a channel that holds a token when the record of a broadcast has changed
// since it was last received from. The caller must call stop.
func (r *Registry) WatchBroadcast(id string) (changed <-chan struct{}, stop func()) {
	c := r.catalog
	w := &watcher{changed: make(chan struct{}, 1)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.watchers[id] == nil {
		c.watchers[id] = map[*watcher]struct{}{}
	}
	c.watchers[id][w] = struct{}{}
	return w.changed, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if delete(c.watchers[id], w); len(c.watchers[id]) == 0 {
			delete(c.watchers, id)
		}
	}
}

// OnChange has f called with each record of a broadcast that was made or changed, by any node; after
// a connection, with those that changed meanwhile. It is called before Run. f must not block.
func (r *Registry) OnChange(f func(Broadcast)) { r.catalog.onChange = f }
