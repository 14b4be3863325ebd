package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// renewer keeps this node's session.
type renewer struct {
	registry *Registry
	link     *link
	// first says that an earlier run of the node may have left a session, which is taken
	// over. Later, another run with the same name is another golive.
	first    bool
	revision uint64 // of the session's key
}

// run renews the session each second until ctx is done, or the registry has not answered
// for too long. It watches the watch, too: that must tell of the renewals.
func (s *renewer) run(ctx context.Context, synced <-chan struct{}) error {
	r := s.registry
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		switch err := s.renew(ctx); {
		case errors.Is(err, errNameTaken):
			return err
		case err != nil && ctx.Err() == nil && r.forlorn():
			return fmt.Errorf("it does not answer: %w", err)
		}
		if !isClosed(synced) {
			continue
		}
		r.mu.Lock()
		behind := time.Since(r.state.table.nodes[r.self.Name].seen)
		r.lookAgain()
		r.refresh()
		r.mu.Unlock()
		if behind > TTL && r.sure() {
			return errors.New("its watch tells nothing")
		}
		notify(r.wake)
	}
}

// renew writes the session's key once more.
func (s *renewer) renew(ctx context.Context) error {
	r := s.registry
	asked := r.now()
	revision, err := s.link.put(ctx, keyOf(nodeKeys, r.self.Name), text(session{ID: r.session, URL: r.self.URL}), s.revision, TTL)
	if isConflict(err) {
		return s.resolve(ctx)
	}
	if err != nil {
		return err
	}
	s.first, s.revision = false, revision
	r.contact.Store(int64(r.now()))
	r.valid.Store(int64(asked + TTL - margin))
	r.metrics.renewals.Observe((r.now() - asked).Seconds())
	return nil
}

// resolve finds out why the session's key is not as it was left.
func (s *renewer) resolve(ctx context.Context) error {
	r := s.registry
	entry, err := s.link.get(ctx, keyOf(nodeKeys, r.self.Name))
	if err != nil {
		return err
	}
	r.contact.Store(int64(r.now()))
	if entry == nil { // it has expired
		s.revision = 0
		return s.renew(ctx)
	}
	var found session
	if json.Unmarshal(entry.Value(), &found) == nil && found.ID != r.session && !s.first {
		return errNameTaken // it is tried again until that has gone
	}
	if found.ID != r.session {
		r.fenced.Store(int64(r.now() + TTL)) // it may not know yet
	}
	if s.revision == entry.Revision() {
		return errors.New("registry refuses a renewal that it has")
	}
	s.revision = entry.Revision()
	return s.renew(ctx)
}

// leave gives up the session and all leases that were released, when this node stops.
func (r *Registry) leave(ctx context.Context, l *link, revision uint64) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err := r.settleOnce(ctx, l)
	if revision > 0 {
		err = errors.Join(err, l.remove(ctx, keyOf(nodeKeys, r.self.Name), revision))
	}
	if err != nil {
		r.log.Warn("leases were not released, they expire", "err", err)
	}
}

// watch keeps the table until ctx is done, or nothing comes any more. It closes synced when
// the table is whole.
func (r *Registry) watch(ctx context.Context, l *link, synced chan<- struct{}) error {
	watch, err := l.leases.WatchAll(ctx)
	if err != nil {
		return fmt.Errorf("watch leases: %w", err)
	}
	defer func() { _ = watch.Stop() }() // the connection forgets it with ctx
	fresh := newTable()
	whole := false
	for {
		select {
		case entry, ok := <-watch.Updates():
			switch {
			case !ok:
				return errors.New("watch leases: it ended")
			case entry == nil && !whole:
				whole = true
				r.replace(fresh)
				r.noteConnected()
				close(synced)
			case whole:
				r.saw(entry)
			default:
				fresh.seeEntry(entry, time.Now())
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// replace takes a whole new table, and settles all anew.
func (r *Registry) replace(t table) {
	r.mu.Lock()
	r.state.table = t
	for key := range r.state.owned {
		r.state.unsent[key] = struct{}{}
	}
	r.lookAgain()
	r.mu.Unlock()
	notify(r.wake)
}

// saw takes in what the watch tells.
func (r *Registry) saw(entry jetstream.KeyValueEntry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.state
	if !s.table.seeEntry(entry, time.Now()) {
		return
	}
	key := entry.Key()
	if o := s.owned[key]; o != nil && !r.isAsWanted(o) {
		s.unsent[key] = struct{}{}
	}
	if len(s.unsure) > 0 {
		r.lookAgain()
	}
	notify(r.wake)
}

// notify leaves a token where somebody waits for news.
func notify(news chan struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}
