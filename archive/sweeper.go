package archive

import (
	"context"
	"log/slog"
	"time"

	"golive/storage"
)

const (
	// sweepEvery is how often a Sweeper looks for what is due, by one list of at
	// most what is due: a minute is what due times are rounded to.
	sweepEvery = time.Minute
	// orphansEvery is how often it looks for broadcasts that no node works on any more.
	orphansEvery = time.Hour
	// touchEvery is how often a node puts the manifest of a live broadcast again.
	touchEvery = time.Hour
	// abandonedAfter is for how long a Sweeper must have seen a manifest untouched,
	// by its own clock: the store's, or another node's, may be off. It is much longer
	// than touchEvery, and counts only while the bucket answers.
	abandonedAfter = 6 * time.Hour
)

// Sweeper deletes the broadcasts of a bucket that are due.
type Sweeper struct {
	// Layout makes the keys in Bucket.
	Layout Layout
	Bucket storage.Bucket
	// Abandoned is called, once an hour, for each broadcast that has not ended and whose
	// manifest no node has put for hours; it ends the broadcast. It is nil where no other
	// node writes to the bucket.
	Abandoned func(ctx context.Context, n Named) error
	// May reports whether this node is the one that sweeps now; nil is always.
	May func() bool
	// Swept is called for each broadcast that was deleted.
	Swept func(h Header)
	Log   *slog.Logger

	failing bool
	seen    map[string]sighting // of live manifests, by key
}

// sighting counts how often in a row a manifest was seen unchanged.
type sighting struct {
	touched time.Time
	times   int
}

// Run blocks until ctx is done.
func (s *Sweeper) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var looked time.Time
	var clock steadyClock
	began := time.Now()
	for {
		now, jumped := clock.now(time.Now().Round(0), time.Since(began))
		if jumped {
			s.Log.Warn("wall clock jumped: no broadcast is deleted by it for now", "reason", "clock", "duration", clockTrust)
		}
		if s.May == nil || s.May() {
			err := s.sweepDue(ctx, now)
			if now := time.Now(); err == nil && now.Sub(looked) >= orphansEvery {
				looked = now
				err = s.findAbandoned(ctx)
			}
			s.report(ctx, err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// report logs when sweeping begins to fail, and when it works again.
func (s *Sweeper) report(ctx context.Context, err error) {
	switch failing := err != nil; {
	case ctx.Err() != nil || failing == s.failing:
		return
	case failing:
		s.Log.Warn("nothing is swept, it will be tried again", "err", err)
	default:
		s.Log.Info("sweeping again")
	}
	s.failing = !s.failing
}

// sweepDue deletes what is due. A broadcast that cannot be swept holds up nothing
// else; only a bucket that cannot be listed is an error.
func (s *Sweeper) sweepDue(ctx context.Context, now time.Time) error {
	for n, err := range s.Layout.manifestsBelow(ctx, s.Bucket, s.Layout.dueManifests()) {
		if err != nil {
			return err
		}
		if n.Due.After(now) {
			return nil // they are in the order of time
		}
		err = s.sweep(ctx, n)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.Log.Warn("broadcast is not swept, it will be tried again", "key", n.Key, "err", err)
		}
	}
	return nil
}

func (s *Sweeper) sweep(ctx context.Context, named Named) error {
	h, err := ReadManifest(ctx, s.Bucket, named.Key)
	if err != nil {
		return err
	}
	n, err := s.Layout.Sweep(ctx, s.Bucket, h, named.Key, true)
	if err == nil {
		s.Swept(h)
		s.Log.Info("broadcast deleted", "broadcast", h.Broadcast, "objects", n, "reason", "retention")
	}
	return err
}

// findAbandoned looks for manifests that have not changed for abandonedAfter, in every list in
// between: their owner may have been unable to reach the bucket as this node was.
func (s *Sweeper) findAbandoned(ctx context.Context) error {
	if s.Abandoned == nil {
		return nil
	}
	seen := make(map[string]sighting)
	for n, err := range s.Layout.manifestsBelow(ctx, s.Bucket, s.Layout.liveManifests()) {
		if err != nil {
			return err
		}
		now := sighting{touched: n.Put, times: 1}
		if before := s.seen[n.Key]; before.touched.Equal(n.Put) {
			now.times += before.times
		}
		seen[n.Key] = now
		if now.times <= int(abandonedAfter/orphansEvery) {
			continue
		}
		if err := s.Abandoned(ctx, n); err != nil {
			s.Log.Warn("abandoned broadcast is not ended, it will be tried again", "key", n.Key, "err", err)
		}
	}
	s.seen = seen
	return ctx.Err()
}
