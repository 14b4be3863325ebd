package main

import (
	"context"
	"log/slog"
	"time"

	"golive/registry"
)

// trials ends the broadcasts that are trials when their time is over.
type trials struct {
	registry *registry.Registry
	log      *slog.Logger
}

const (
	// trialTime is how long a trial lasts from when it can be watched.
	trialTime = 5 * time.Minute
	// trialInterval is the time between two looks at them.
	trialInterval = 10 * time.Second
)

// run ends trials until ctx is done. All nodes do that: whose request is first does not matter.
func (t trials) run(ctx context.Context) {
	tick := time.NewTicker(trialInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			t.endDue(ctx, time.Now())
		case <-ctx.Done():
			return
		}
	}
}

// endDue asks for the end of the trials that began trialTime before now.
func (t trials) endDue(ctx context.Context, now time.Time) {
	for f := (registry.Filter{Active: true, Limit: 1000}); ; {
		page, next := t.registry.ListBroadcasts(f)
		for _, b := range page {
			if !b.Test || b.End || b.Started.IsZero() || now.Sub(b.Started) < trialTime {
				continue
			}
			_, err := t.registry.UpdateBroadcast(ctx, b.ID, func(b *registry.Broadcast) error {
				b.End = true
				return nil
			})
			if err != nil {
				t.log.Debug("trial was not ended, retrying", "broadcast", b.ID, "err", err)
			}
		}
		if f.After = next; next == "" {
			return
		}
	}
}
