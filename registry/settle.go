package registry

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// writers is how many keys are settled at once.
	writers = 16
	// maxConflicts is how often in a row another node may come before.
	maxConflicts = 8
)

// settleAll settles what is marked until ctx is done. What fails is tried again with the
// next news: the session's renewal is some, each second.
func (r *Registry) settleAll(ctx context.Context, l *link, synced <-chan struct{}) error {
	select {
	case <-synced:
	case <-ctx.Done():
		return ctx.Err()
	}
	for {
		if err := r.settleOnce(ctx, l); err != nil && ctx.Err() == nil {
			r.log.Debug("lease was not written, it is tried again", "err", err)
		}
		select {
		case <-r.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// settleOnce settles what is marked now. Only a node with a session may write.
func (r *Registry) settleOnce(ctx context.Context, l *link) error {
	if !r.sure() {
		return nil
	}
	r.mu.Lock()
	unsent := r.state.unsent
	r.state.unsent = map[string]struct{}{}
	r.mu.Unlock()
	var g errgroup.Group
	g.SetLimit(writers)
	for key := range unsent {
		g.Go(func() error {
			err := r.settle(ctx, l, key)
			if err != nil {
				r.mu.Lock()
				r.state.unsent[key] = struct{}{}
				r.mu.Unlock()
			}
			return err
		})
	}
	return g.Wait()
}

// settle makes the registry's record of a key what this node wants it to be.
func (r *Registry) settle(ctx context.Context, l *link, key string) (err error) {
	for range maxConflicts {
		r.mu.Lock()
		next, remove := r.plan(key)
		r.mu.Unlock()
		var revision uint64
		switch {
		case next == nil:
			return nil
		case remove:
			err = l.remove(ctx, key, next.revision)
		default:
			revision, err = l.put(ctx, key, text(next), next.revision, recordTTL)
		}
		switch {
		case err == nil:
			r.wrote(key, next, revision, remove)
			return nil
		case !isConflict(err):
			return err
		}
		entry, err := l.get(ctx, key)
		if err != nil {
			return err
		}
		r.mu.Lock()
		if entry == nil {
			delete(r.state.table.records, key)
		} else {
			r.state.table.seeEntry(entry, time.Now())
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
	_, handed := s.handed[key]
	switch {
	case o == nil && handed && have && !own && rec.From != nil && *rec.From == self:
		rec.From = nil
		return &rec, false
	case o == nil:
		delete(s.handed, key)
		return nil, false
	case o.holders == 0 && own:
		return &rec, true
	case o.holders == 0:
		delete(s.owned, key)
		return nil, false
	case r.isAsWanted(o):
		o.had, o.epoch = true, rec.Epoch
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
		r.lose(o, rec)
		return nil, false
	}
	return next, false
}

// isAsWanted reports whether the record of a claim is this node's and needs no write; the
// caller holds mu.
func (r *Registry) isAsWanted(o *ownership) bool {
	rec, ok := r.state.table.records[o.key]
	return ok && o.holders > 0 && rec.identity == r.identity() && rec.Open == o.open && time.Since(o.written) < recordTTL/2
}

// mayTake reports whether a claim of this node, open or with a publisher, may take a lease
// from the one who has it; the caller holds mu.
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

// lose ends a claim in favour of the one who has the lease; the caller holds mu.
func (r *Registry) lose(o *ownership, to record) {
	o.err = &HeldError{Node: to.node(), Before: !o.had}
	close(o.lost)
	delete(r.state.owned, o.key)
	delete(r.state.unsure, o)
	r.metrics.lost.Inc()
}

// wrote takes in what the registry has acknowledged.
func (r *Registry) wrote(key string, next *record, revision uint64, removed bool) {
	r.contact.Store(int64(r.now()))
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.state
	o := s.owned[key]
	if removed {
		// The watch may be behind: what it still has is not this node's any more.
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
	s.table.see(key, text(next), revision, false, time.Now())
	if o == nil {
		delete(s.handed, key)
		return
	}
	o.remade = o.remade || o.had && next.revision == 0
	o.written, o.had, o.epoch = time.Now(), true, next.Epoch
	if !r.isAsWanted(o) {
		r.mark(key)
	}
	r.lookAgain()
}

// lookAgain settles the claims that nothing stands against any more, and has tried again
// those that wait for another node to go. The caller holds mu.
func (r *Registry) lookAgain() {
	s := &r.state
	for o := range s.unsure {
		rec, have := s.table.records[o.key]
		switch {
		case have && rec.identity == r.identity():
			if rec.From == nil || !s.table.alive(*rec.From) || s.table.silent(rec.From.Node, r.self.Name) {
				close(o.ready)
				delete(s.unsure, o)
			}
		case o.waits && (!have || !s.table.alive(rec.identity)):
			s.unsent[o.key] = struct{}{}
		}
	}
}

// refresh has records written again before they expire, and counts this node's. The caller
// holds mu.
func (r *Registry) refresh() {
	s, held := &r.state, 0
	for key, o := range s.owned {
		if s.table.records[key].identity == r.identity() {
			held++
		}
		if o.had && !r.isAsWanted(o) {
			s.unsent[key] = struct{}{}
		}
	}
	r.metrics.leases.Set(float64(held))
}
