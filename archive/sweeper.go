package archive

import (
	"context"
	"log/slog"
	"time"

	"golive/storage"
)

const (
	// sweepEvery is how often a Sweeper lists what is due: due times are rounded to a minute.
	sweepEvery = time.Minute
	// abandonedEvery is how often a Sweeper looks for abandoned broadcasts.
	abandonedEvery = time.Hour
	// abandonedAfter is how long after its last owner a broadcast counts as abandoned.
	abandonedAfter = 6 * time.Hour
)

// Sweeper deletes the broadcasts of a bucket that are due.
type Sweeper struct {
	// Layout makes the keys in Bucket.
	Layout Layout
	Bucket storage.Bucket
	// Owned reports whether a node has the broadcasts with that id, and End ends one that none
	// has had for hours. They are nil where no other node writes to the bucket.
	Owned func(id string) bool
	End   func(ctx context.Context, n ManifestKey) error
	// May reports whether this node is the one that sweeps now; nil means that it always is.
	May func() bool
	// Swept is called for each broadcast that was deleted.
	Swept func(h Header)
	Log   *slog.Logger

	failing bool
	unowned map[string]time.Time // since when no node has had a live manifest's broadcast, by key
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
			if now := time.Now(); err == nil && now.Sub(looked) >= abandonedEvery {
				looked = now
				err = s.endAbandoned(ctx)
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

// sweepDue deletes the broadcasts that are due. One that cannot be swept holds up nothing
// else; only a bucket that cannot be listed is an error.
func (s *Sweeper) sweepDue(ctx context.Context, now time.Time) error {
	for n, err := range s.Layout.ManifestKeys(ctx, s.Bucket, s.Layout.dueManifests()) {
		if err != nil {
			return err
		}
		if n.Due.After(now) {
			return nil // they are in the order of time
		}
		err = s.Delete(ctx, n, "retention")
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			s.Log.Warn("broadcast is not swept, it will be tried again", "key", n.Key, "err", err)
		}
	}
	return nil
}

// Delete deletes a broadcast that has ended, for a reason that is logged.
func (s *Sweeper) Delete(ctx context.Context, key ManifestKey, reason string) error {
	h, err := ReadManifest(ctx, s.Bucket, key.Key)
	if err != nil {
		return err
	}
	n, err := s.Layout.Sweep(ctx, s.Bucket, h, key.Key, true)
	if err == nil {
		s.Swept(h)
		s.Log.Info("broadcast deleted", "broadcast", h.Broadcast, "objects", n, "reason", reason)
	}
	return err
}

// endAbandoned ends the broadcasts that have not ended and that had no owner each time that it
// looked, for abandonedAfter.
func (s *Sweeper) endAbandoned(ctx context.Context) error {
	if s.Owned == nil {
		return nil
	}
	unowned := make(map[string]time.Time)
	for n, err := range s.Layout.ManifestKeys(ctx, s.Bucket, s.Layout.liveManifests()) {
		if err != nil {
			return err
		}
		if s.Owned(n.ID) {
			continue
		}
		now := time.Now()
		since, known := s.unowned[n.Key]
		if !known {
			since = now
		}
		unowned[n.Key] = since
		if now.Sub(since) < abandonedAfter {
			continue
		}
		if err := s.End(ctx, n); err != nil {
			s.Log.Warn("abandoned broadcast is not ended, it will be tried again", "key", n.Key, "err", err)
		}
	}
	s.unowned = unowned
	return ctx.Err()
}

const (
	// clockTolerance is how far the wall clock may move against the monotonic one
	// without having jumped.
	clockTolerance = time.Minute
	// clockTrust is how long a wall clock that has jumped must run on without another jump
	// before deletions follow it.
	clockTrust = time.Hour
)

// steadyClock returns the time of day without the jumps of the wall clock, until they have
// lasted for clockTrust. Of the time before a jump and the one after it, it returns the
// earlier, so that nothing is deleted too early. The zero value is ready.
type steadyClock struct {
	base  time.Time     // the time of day when the monotonic clock was at 0
	off   time.Duration // by which the wall clock is ahead of base
	since time.Duration // when it got there
}

// now returns the time of day, and whether the wall clock has just jumped. elapsed is the
// monotonic clock.
func (c *steadyClock) now(wall time.Time, elapsed time.Duration) (now time.Time, jumped bool) {
	if c.base.IsZero() {
		c.base = wall.Add(-elapsed)
	}
	steady := c.base.Add(elapsed)
	off := wall.Sub(steady)
	if (off - c.off).Abs() > clockTolerance {
		c.off, c.since, jumped = off, elapsed, true
	}
	if off.Abs() <= clockTolerance || elapsed-c.since >= clockTrust {
		c.base, c.off, c.since = wall.Add(-elapsed), 0, elapsed
		return wall, false
	}
	if wall.Before(steady) {
		return wall, jumped
	}
	return steady, jumped
}
