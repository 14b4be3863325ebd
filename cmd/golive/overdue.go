package main

import (
	"context"
	"log/slog"
	"time"

	"golive/registry"
)

// overdue ends the broadcasts whose time is over: trials, and those whose node is gone for good.
type overdue struct {
	registry *registry.Registry
	log      *slog.Logger
	missed   map[string]time.Time // since when no node has a broadcast, by id
}

const (
	// trialTime is how long a trial lasts from when it can be watched.
	trialTime = 5 * time.Minute
	// abandonTime is how long a broadcast that has begun may have no node. The longest reconnect
	// window is 10 minutes.
	abandonTime = 15 * time.Minute
	// overdueInterval is the time between two looks at all broadcasts.
	overdueInterval = 10 * time.Second
)

// run ends what is overdue until ctx is done. All nodes do that: whose request is first does not
// matter.
func (o *overdue) run(ctx context.Context) {
	tick := time.NewTicker(overdueInterval)
	defer tick.Stop()
	for {
		select {
		case now := <-tick.C:
			o.end(ctx, now)
		case <-ctx.Done():
			return
		}
	}
}

// end ends what is overdue now.
func (o *overdue) end(ctx context.Context, now time.Time) {
	if o.registry.Connected(ctx) != nil {
		clear(o.missed) // nobody knows what other nodes have
		return
	}
	missed := map[string]time.Time{}
	for f := (registry.Filter{Active: true, Limit: 1000}); ; {
		page, next := o.registry.ListBroadcasts(f)
		for _, b := range page {
			began := b.State != registry.Created
			if began && !o.registry.IsOwned(b.ID) {
				missed[b.ID] = now
				if since, ok := o.missed[b.ID]; ok {
					missed[b.ID] = since
				}
			}
			switch {
			case began && now.Sub(b.Started) >= trialTime && b.Test && !b.End && !b.Started.IsZero():
				o.change(ctx, b.ID, func(b *registry.Broadcast) { b.End = true })
			case !missed[b.ID].IsZero() && now.Sub(missed[b.ID]) >= abandonTime:
				o.change(ctx, b.ID, func(b *registry.Broadcast) {
					if b.State != registry.Ended {
						b.State, b.Ended = registry.Ended, now
					}
				})
			}
		}
		if f.After = next; next == "" {
			break
		}
	}
	o.missed = missed
}

func (o *overdue) change(ctx context.Context, id string, change func(*registry.Broadcast)) {
	_, err := o.registry.UpdateBroadcast(ctx, id, func(b *registry.Broadcast) error {
		change(b)
		return nil
	})
	if err != nil {
		o.log.Debug("overdue broadcast was not ended, retrying", "broadcast", id, "err", err)
	}
}
