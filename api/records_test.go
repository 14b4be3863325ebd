package api

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"golive/registry"
)

var _ Records = (*registry.Registry)(nil)

// records holds records in memory, as a registry does.
type records struct {
	mu       sync.Mutex
	all      map[string]registry.Broadcast
	channels map[string]registry.Channel
	order    []string // ids, newest last
	watchers map[string][]chan struct{}
	away     bool
}

func newRecords() *records {
	return &records{all: map[string]registry.Broadcast{}, channels: map[string]registry.Channel{}, watchers: map[string][]chan struct{}{}}
}

func (r *records) put(b registry.Broadcast) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.set(b)
}

func (r *records) set(b registry.Broadcast) {
	if _, ok := r.all[b.ID]; !ok {
		r.order = append(r.order, b.ID)
	}
	r.all[b.ID] = b
	for _, w := range r.watchers[b.ID] {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (r *records) CreateBroadcast(_ context.Context, b registry.Broadcast) (registry.Broadcast, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return b, fmt.Errorf("create: %w", registry.ErrAway)
	}
	if _, ok := r.all[b.ID]; ok {
		return b, fmt.Errorf("create: %w", registry.ErrExists)
	}
	r.set(b)
	return b, nil
}

func (r *records) UpdateBroadcast(_ context.Context, id string, change func(*registry.Broadcast) error) (registry.Broadcast, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.all[id]
	if r.away {
		return b, fmt.Errorf("update: %w", registry.ErrAway)
	}
	if !ok {
		return b, registry.ErrNoRecord
	}
	if err := change(&b); err != nil {
		return registry.Broadcast{}, fmt.Errorf("update: %w", err)
	}
	r.set(b)
	return b, nil
}

func (r *records) RemoveBroadcast(_ context.Context, id string) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return registry.ErrAway
	}
	if _, ok := r.all[id]; !ok {
		return registry.ErrNoRecord
	}
	delete(r.all, id)
	r.order = slices.DeleteFunc(r.order, func(s string) bool { return s == id })
	return nil
}

func (r *records) FindBroadcast(id string) (registry.Broadcast, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	b, ok := r.all[id]
	return b, ok
}

func (r *records) HasBroadcasts(owner string) bool {
	page, _ := r.ListBroadcasts(registry.Filter{Owner: owner, Limit: 1})
	return len(page) > 0
}

func (r *records) ListBroadcasts(f registry.Filter) (page []registry.Broadcast, next string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	begun := f.After == ""
	for _, id := range slices.Backward(r.order) {
		b := r.all[id]
		if !begun {
			begun = f.After == "0.0."+id
			continue
		}
		if f.State != "" && b.State != f.State || f.Owner != "" && b.Owner != f.Owner || f.Channel != "" && b.Channel != f.Channel ||
			f.Active && b.State == registry.Ended ||
			f.Listed && (b.Visibility != "" && b.Visibility != registry.Public || b.Preview || b.Test) {
			continue
		}
		if len(page) == f.Limit {
			return page, "0.0." + page[len(page)-1].ID
		}
		page = append(page, b)
	}
	return page, ""
}

func (r *records) PutChannel(_ context.Context, c registry.Channel) (registry.Channel, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		return c, registry.ErrAway
	}
	if _, ok := r.channels[c.Name]; ok {
		return c, registry.ErrExists
	}
	r.channels[c.Name] = c
	return c, nil
}

func (r *records) UpdateChannel(_ context.Context, name string, change func(*registry.Channel) error) (registry.Channel, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.channels[name]
	switch {
	case r.away:
		return c, registry.ErrAway
	case !ok:
		return c, registry.ErrNoRecord
	}
	if err := change(&c); err != nil {
		return c, err
	}
	r.channels[name] = c
	return c, nil
}

func (r *records) FindChannel(name string) (registry.Channel, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c, ok := r.channels[name]
	return c, ok
}

func (r *records) WatchBroadcast(id string) (changed <-chan struct{}, stop func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	w := make(chan struct{}, 1)
	r.watchers[id] = append(r.watchers[id], w)
	return w, func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.watchers[id] = slices.DeleteFunc(r.watchers[id], func(o chan struct{}) bool { return o == w })
	}
}
