package registry

import (
	"bytes"
	"context"
	"fmt"
	"time"
)

// CreateBroadcast makes the record of a broadcast, which is durable when CreateBroadcast returns
// nil. It sets what the record needs: that it was made now, and State Created. The error wraps
// ErrExists when there is one with its id, or ErrAway: the record may have been made all the same
// if the registry was lost meanwhile.
func (r *Registry) CreateBroadcast(ctx context.Context, b Broadcast) (Broadcast, error) {
	now := time.Now()
	if b.Created.IsZero() {
		b.Created = now
	}
	if b.State == "" {
		b.State = Created
	}
	records, err := r.connected()
	if err == nil {
		err = r.make(ctx, records, &b, cause{at: now})
	}
	if err != nil {
		return Broadcast{}, fmt.Errorf("create broadcast %s: %w", b.ID, err)
	}
	return b, nil
}

// make writes a record that does not exist.
func (r *Registry) make(ctx context.Context, records *store, b *Broadcast, why cause) error {
	if err := normalize(b); err != nil {
		return err
	}
	b.record(nil, why, r.cfg.Events)
	err := r.create(ctx, records, broadcastKeys, b.ID, write{encodeBroadcast(*b), 0, r.keep(*b)})
	if err == nil && len(b.notes) > 0 {
		r.outbox.add(b.ID)
	}
	return err
}

// normalize makes b what it is when it is read back: its times have no zone, and no reading of this
// machine's clock.
func normalize(b *Broadcast) error {
	for _, t := range []*time.Time{&b.Created, &b.Started, &b.Ended, &b.ScheduledStart} {
		if *t = t.Round(0).UTC(); t.Year() < 0 || t.Year() > 9999 {
			return errBadTime
		}
	}
	return nil
}

// keep returns for how long a record is kept; 0 is forever.
func (r *Registry) keep(b Broadcast) time.Duration {
	var from time.Time
	switch {
	case r.cfg.KeepEnded == 0:
		return 0
	case b.State == Ended:
		from = b.Ended
	case b.State == Created:
		if from = b.Created; b.ScheduledStart.After(from) {
			from = b.ScheduledStart
		}
	default:
		return 0
	}
	// Another node's clock may be wrong; the registry expires nothing sooner than in a second.
	return max(time.Until(from.Add(r.cfg.KeepEnded)).Truncate(time.Second), time.Second)
}

// UpdateBroadcast changes a record. It calls change with the newest record that is known, and
// again when another node wrote meanwhile. A change that changes nothing writes nothing. The error
// is change's, or wraps ErrNoRecord or ErrAway.
func (r *Registry) UpdateBroadcast(ctx context.Context, id string, change func(*Broadcast) error) (Broadcast, error) {
	var b Broadcast
	records, err := r.connected()
	if err == nil {
		b, err = r.change(ctx, records, id, cause{at: time.Now()}, change)
	}
	if err != nil {
		return Broadcast{}, fmt.Errorf("update broadcast %s: %w", id, err)
	}
	return b, nil
}

// change changes a record, and notes the events that come with that.
func (r *Registry) change(ctx context.Context, records *store, id string, why cause, change func(*Broadcast) error) (b Broadcast, err error) {
	err = r.update(ctx, records, broadcastKeys, id, func() (next write, err error) {
		var ok bool
		if b, ok = r.FindBroadcast(id); !ok {
			return write{}, ErrNoRecord
		}
		before := b
		if err := change(&b); err != nil {
			return write{}, err
		}
		b.ID, b.notes, b.revision = id, before.notes, before.revision
		if err := normalize(&b); err != nil {
			return write{}, err
		}
		b.record(&before, why, r.cfg.Events)
		value := encodeBroadcast(b)
		if bytes.Equal(value, encodeBroadcast(before)) {
			return write{}, nil
		}
		return write{value, before.revision, r.keep(b)}, nil
	})
	if err == nil && len(b.notes) > 0 {
		r.outbox.add(id)
	}
	return b, err
}

// RemoveBroadcast removes a record, after its events were published. The error wraps ErrNoRecord or
// ErrAway.
func (r *Registry) RemoveBroadcast(ctx context.Context, id string) error {
	records, err := r.connected()
	if err == nil {
		err = r.update(ctx, records, broadcastKeys, id, func() (write, error) {
			b, ok := r.FindBroadcast(id)
			if !ok {
				return write{}, ErrNoRecord
			}
			if err := records.publishNotes(ctx, b); err != nil {
				return write{}, err
			}
			return write{revision: b.revision}, nil
		})
	}
	if err != nil {
		return fmt.Errorf("remove broadcast %s: %w", id, err)
	}
	return nil
}

// FindBroadcast returns the record of an id, from memory.
func (r *Registry) FindBroadcast(id string) (Broadcast, bool) {
	c := r.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	if b := c.table.broadcasts[id]; b != nil {
		return *b, true
	}
	return Broadcast{}, false
}

// ListBroadcasts returns a page of the broadcasts that f selects, newest first, from memory, and
// the cursor with which the next page begins; empty when there is none.
func (r *Registry) ListBroadcasts(f Filter) (page []Broadcast, next string) {
	c := r.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.table.list(f)
}

// HasBroadcasts reports whether there are records of an owner's broadcasts, from memory.
func (r *Registry) HasBroadcasts(owner string) bool {
	c := r.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.table.owners[owner] != nil
}

// FindKey returns what a stream key is for, from memory: a broadcast, or a channel for a lasting
// key; the other is zero.
func (r *Registry) FindKey(key string) (b Broadcast, ch Channel, ok bool) {
	hash := HashKey(key)
	c := r.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	switch of := c.table.keys[hash].(type) {
	case *Broadcast:
		return *of, Channel{}, true
	case *Channel:
		return Broadcast{}, *of, true
	}
	return Broadcast{}, Channel{}, false
}

// PutChannel makes a channel. The error wraps ErrExists when there is one with its name, or ErrAway.
func (r *Registry) PutChannel(ctx context.Context, ch Channel) (Channel, error) {
	if ch.Created.IsZero() {
		ch.Created = time.Now()
	}
	ch.Created = ch.Created.Round(0).UTC()
	records, err := r.connected()
	if err == nil {
		err = r.create(ctx, records, channelKeys, ch.Name, write{value: encode(ch)})
	}
	if err != nil {
		return Channel{}, fmt.Errorf("make channel %s: %w", ch.Name, err)
	}
	return ch, nil
}

// UpdateChannel changes a channel, as UpdateBroadcast does a broadcast.
func (r *Registry) UpdateChannel(ctx context.Context, name string, change func(*Channel) error) (Channel, error) {
	var ch Channel
	records, err := r.connected()
	if err == nil {
		err = r.update(ctx, records, channelKeys, name, func() (next write, err error) {
			var ok bool
			if ch, ok = r.FindChannel(name); !ok {
				return write{}, ErrNoRecord
			}
			before := ch
			if err := change(&ch); err != nil {
				return write{}, err
			}
			ch.Name, ch.Created, ch.revision = name, before.Created, before.revision
			if ch == before {
				return write{}, nil
			}
			return write{encode(ch), before.revision, 0}, nil
		})
	}
	if err != nil {
		return Channel{}, fmt.Errorf("update channel %s: %w", name, err)
	}
	return ch, nil
}

// FindChannel returns the record of a channel, from memory.
func (r *Registry) FindChannel(name string) (Channel, bool) {
	c := r.catalog
	c.mu.RLock()
	defer c.mu.RUnlock()
	if ch := c.table.channels[name]; ch != nil {
		return *ch, true
	}
	return Channel{}, false
}
