package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// renewer keeps this node's session.
type renewer struct {
	registry *Registry
	link     *link
	// first is true while an earlier run of the node may have left a session, which is taken
	// over. Later, another run with the same name is another golive.
	first    bool
	revision uint64 // of the session's key
}

// run renews the session each second until ctx is done, or the registry has not answered
// for TTL. It checks that the renewals arrive through the watch, too.
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
		case err != nil && ctx.Err() == nil && r.lostContact():
			return err
		}
		if !isClosed(synced) {
			continue
		}
		r.mu.Lock()
		watchLag := time.Since(r.state.table.nodes[r.self.Name].updated)
		r.reconsiderAll()
		r.refresh()
		r.mu.Unlock()
		if watchLag > TTL && r.sessionValid() {
			return errors.New("its watch delivers nothing")
		}
		signal(r.wake)
	}
}

// renew writes the session's key once more.
func (s *renewer) renew(ctx context.Context) error {
	r := s.registry
	asked := r.now()
	revision, err := s.link.leases.put(ctx, keyOf(nodeKeys, r.self.Name), encode(session{ID: r.session, URL: r.self.URL}), s.revision, TTL)
	if isConflict(err) {
		return s.resolveConflict(ctx)
	}
	if err != nil {
		return fmt.Errorf("renew session: %w", withHint(err))
	}
	s.first, s.revision = false, revision
	r.contact.Store(int64(r.now()))
	r.valid.Store(int64(asked + TTL - margin))
	r.metrics.renewals.Observe((r.now() - asked).Seconds())
	return nil
}

// resolveConflict finds out why the session's key has another revision than expected.
func (s *renewer) resolveConflict(ctx context.Context) error {
	r := s.registry
	entry, err := s.link.leases.get(ctx, keyOf(nodeKeys, r.self.Name))
	if err != nil {
		return err
	}
	if entry == nil { // it has expired
		s.revision = 0
		return s.renew(ctx)
	}
	var found session
	valid := json.Unmarshal(entry.Value(), &found) == nil
	if found.ID != r.session {
		if valid && !s.first {
			r.contact.Store(int64(r.now())) // the registry is not away: this run must write nothing
			return errNameTaken             // tried again until the other run has ended
		}
		r.fenced.Store(int64(r.now() + TTL)) // the earlier run may not know yet
	}
	if s.revision == entry.Revision() {
		return errors.New("registry refuses a renewal that it has")
	}
	s.revision = entry.Revision()
	return s.renew(ctx)
}

// releaseAll removes the session and all leases that were released, when this node stops.
func (r *Registry) releaseAll(ctx context.Context, l *link, revision uint64) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	r.writeRest(ctx, l)
	err := r.reconcileMarked(ctx, l)
	if revision > 0 {
		err = errors.Join(err, l.leases.remove(ctx, keyOf(nodeKeys, r.self.Name), revision, TTL))
	}
	if err != nil {
		r.log.Warn("leases were not released, they expire", "err", err)
	}
}

// watch keeps the table up to date until ctx is done or the watch ends. It closes synced when
// the table is complete.
func (r *Registry) watch(ctx context.Context, l *link, synced chan<- struct{}) error {
	fresh := newTable()
	return l.leases.watch(ctx,
		func(e jetstream.KeyValueEntry) { fresh.updateEntry(e, time.Now()) },
		func() {
			r.replace(fresh)
			r.setConnected()
			close(synced)
		},
		r.handleUpdate)
}

// replace sets a new table, and marks all keys of this node.
func (r *Registry) replace(t table) {
	r.mu.Lock()
	r.state.table = t
	for key := range r.state.owned {
		r.state.marked[key] = struct{}{}
	}
	r.reconsiderAll()
	r.mu.Unlock()
	signal(r.wake)
}

// handleUpdate applies an update of the watch.
func (r *Registry) handleUpdate(entry jetstream.KeyValueEntry) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := &r.state
	if !s.table.updateEntry(entry, time.Now()) {
		return
	}
	key := entry.Key()
	if o := s.owned[key]; o != nil && !r.isCurrent(o) {
		s.marked[key] = struct{}{}
	}
	if strings.HasPrefix(key, nodeKeys) {
		r.reconsiderAll()
	} else if o := s.owned[key]; o != nil {
		r.reconsider(o)
	}
	signal(r.wake)
}

// signal puts a token into c, unless it has one.
func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
