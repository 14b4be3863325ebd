package registry

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// writers is how many keys are written at once.
	writers = 16
	// maxConflicts is how many writes of a key in a row may fail because another node wrote
	// first.
	maxConflicts = 8
)

// reconcileLoop reconciles the marked keys until ctx is done. A key that fails is tried
// again at the next wake-up, at the latest at the next renewal of the session.
func (r *Registry) reconcileLoop(ctx context.Context, l *link, synced <-chan struct{}) error {
	select {
	case <-synced:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		if err := r.reconcileMarked(ctx, l); err != nil && ctx.Err() == nil {
			r.log.Debug("lease was not written, it is tried again", "err", err)
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// reconcileMarked reconciles the keys that are marked now. Only a node with a valid session
// may write.
func (r *Registry) reconcileMarked(ctx context.Context, l *link) error {
	if !r.sessionValid() {
		return nil
	}
	r.mu.Lock()
	marked := r.state.marked
	r.state.marked = map[string]struct{}{}
	r.mu.Unlock()
	var g errgroup.Group
	g.SetLimit(writers)
	for key := range marked {
		g.Go(func() error {
			err := r.reconcile(ctx, l, key)
			if err != nil {
				r.mu.Lock()
				r.state.marked[key] = struct{}{}
				r.mu.Unlock()
			}
			return err
		})
	}
	return g.Wait()
}

// reconcile makes the registry's record of a key what this node wants it to be.
func (r *Registry) reconcile(ctx context.Context, l *link, key string) (err error) {
	for range maxConflicts {
		r.mu.Lock()
		next, remove := r.plan(key)
		r.mu.Unlock()
		var revision uint64
		switch {
		case next == nil:
			return nil
		case remove:
			err = l.leases.remove(ctx, key, next.revision, TTL)
		default:
			revision, err = l.leases.put(ctx, key, encode(next), next.revision, recordTTL)
		}
		switch {
		case err == nil:
			r.recordWritten(key, next, revision, remove)
			return nil
		case !isConflict(err):
			return err
		}
		entry, err := l.leases.get(ctx, key)
		if err != nil {
			return err
		}
		r.mu.Lock()
		if entry == nil {
			delete(r.state.table.records, key)
		} else {
			r.state.table.updateEntry(entry, time.Now())
		}
		r.mu.Unlock()
	}
	return err
}

// plan returns the record that this node wants a key to have, with the revision that it
// replaces, or which is to be removed; nil when nothing is to be written. The caller holds
// mu.
func (r *Registry) plan(key string) (next *record, remove bool) {
	s := &r.state
	o, self := s.owned[key], r.identity()
	rec, have := s.table.records[key]
	own := have && rec.identity == self
	_, handedOver := s.handedOver[key]
	switch {
	case o == nil && handedOver && have && !own && rec.From != nil && *rec.From == self:
		rec.From = nil
		return &rec, false
	case o == nil:
		delete(s.handedOver, key)
		return nil, false
	case o.holders == 0 && own:
		return &rec, true
	case o.holders == 0:
		delete(s.owned, key)
		return nil, false
	case r.isCurrent(o):
		o.acquired, o.epoch = true, rec.Epoch
		return nil, false
	}
	next = &record{identity: self, URL: r.self.URL, Open: o.open, Epoch: o.epoch, revision: rec.revision}
	switch {
	case !have && o.epoch == 0:
		next.Epoch = s.table.newest + 1
	case !have:
	case own:
		next.Epoch = rec.Epoch
		if rec.From != nil && s.table.alive(*rec.From) {
			next.From = rec.From
		}
	case r.mayTake(rec, o.open):
		next.Epoch = max(rec.Epoch, s.table.newest) + 1
		if s.table.alive(rec.identity) {
			next.From = &rec.identity
		}
	case o.waits:
		return nil, false
	default:
		r.loseClaim(o, rec)
		return nil, false
	}
	return next, false
}

// isCurrent reports whether the record of a claim is this node's and needs no write; the
// caller holds mu.
func (r *Registry) isCurrent(o *ownership) bool {
	rec, ok := r.state.table.records[o.key]
	return ok && o.holders > 0 && rec.identity == r.identity() && rec.Open == o.open && time.Since(o.written) < recordTTL/2
}

// mayTake reports whether a claim of this node, open or with a publisher, may take a lease
// from its owner; the caller holds mu.
func (r *Registry) mayTake(rec record, open bool) bool {
	t := &r.state.table
	switch {
	case rec.identity == r.identity(), !t.alive(rec.identity):
		return true
	case open:
		return false
	}
	return rec.Open || t.silent(rec.Node, r.self.Name)
}

// loseClaim ends a claim because another node has the lease; the caller holds mu.
func (r *Registry) loseClaim(o *ownership, to record) {
	o.err = &HeldError{Node: to.node(), Before: !o.acquired}
	close(o.lost)
	delete(r.state.owned, o.key)
	delete(r.state.pending, o)
	r.metrics.lost.Inc()
}

// recordWritten updates the state after the registry has acknowledged a write or removal.
func (r *Registry) recordWritten(key string, next *record, revision uint64, removed bool) {
	r.contact.Store(int64(r.now()))
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.state
	o := s.owned[key]
	if removed {
		// The table may still have the record: it is not this node's any more.
		if rec := s.table.records[key]; rec.revision == next.revision {
			rec.identity = identity{}
			s.table.records[key] = rec
		}
		if o != nil && o.holders == 0 {
			delete(s.owned, key)
		} else if o != nil { // it was claimed again meanwhile
			r.mark(key)
		}
		return
	}
	s.table.update(key, encode(next), revision, false, time.Now())
	if o == nil {
		delete(s.handedOver, key)
		return
	}
	o.recreated = o.recreated || o.acquired && next.revision == 0
	o.written, o.acquired, o.epoch = time.Now(), true, next.Epoch
	if !r.isCurrent(o) {
		r.mark(key)
	}
	r.reconsider(o)
}

// reconsiderAll reconsiders the pending claims, after a node's session has changed. The caller
// holds mu.
func (r *Registry) reconsiderAll() {
	for o := range r.state.pending {
		r.reconsider(o)
	}
}

// reconsider makes a pending claim ready to which no other node's session is an obstacle any
// more, and marks its key if it waits for an owner that is gone. The caller holds mu.
func (r *Registry) reconsider(o *ownership) {
	s := &r.state
	if _, pending := s.pending[o]; !pending {
		return
	}
	rec, have := s.table.records[o.key]
	switch {
	case have && rec.identity == r.identity():
		if rec.From == nil || !s.table.alive(*rec.From) || s.table.silent(rec.From.Node, r.self.Name) {
			close(o.ready)
			delete(s.pending, o)
		}
	case o.waits && (!have || !s.table.alive(rec.identity)):
		s.marked[o.key] = struct{}{}
	}
}

// refresh marks the records that are to be written again before they expire, and counts
// this node's. The caller holds mu.
func (r *Registry) refresh() {
	s, held := &r.state, 0
	for key, o := range s.owned {
		if s.table.records[key].identity == r.identity() {
			held++
		}
		if o.acquired && !r.isCurrent(o) {
			s.marked[key] = struct{}{}
		}
	}
	r.metrics.leases.Set(float64(held))
}
