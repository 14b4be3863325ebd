package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"golive/storage"
)

const (
	// sweepEvery is how often a Sweeper looks for what is due, by one list of at
	// most what is due: a minute is what due times are rounded to.
	sweepEvery = time.Minute
	// orphansEvery is how often it looks for broadcasts that no node tends any more.
	orphansEvery = time.Hour
	// TouchEvery is how often a node puts the manifest of a live broadcast anew.
	TouchEvery = time.Hour
	// abandonedAfter is when one that nobody has touched is nobody's: much longer
	// than TouchEvery, for the bucket may have been away.
	abandonedAfter = 6 * time.Hour
)

// Sweeper deletes the broadcasts of a bucket that are due.
type Sweeper struct {
	// Layout and Bucket say where.
	Layout Layout
	Bucket storage.Bucket
	// Abandoned is told, once an hour, of each broadcast that has not ended and that
	// no node has touched for hours; it files it under its due time.
	Abandoned func(ctx context.Context, f Found) error
	Log       *slog.Logger

	failing bool
}

// Run blocks until ctx is done.
func (s *Sweeper) Run(ctx context.Context) {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	var looked time.Time
	for {
		now := time.Now()
		err := s.sweepDue(ctx, now)
		if err == nil && now.Sub(looked) >= orphansEvery {
			looked = now
			err = s.findAbandoned(ctx, now)
		}
		s.tell(ctx, err)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// tell logs a trouble when it begins and when it ends.
func (s *Sweeper) tell(ctx context.Context, err error) {
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

// sweepDue deletes what is due. A broadcast that cannot be swept does not hold up
// the others.
func (s *Sweeper) sweepDue(ctx context.Context, now time.Time) error {
	var first error
	for info, err := range s.Bucket.List(ctx, s.Layout.dueManifests()) {
		if err != nil {
			return err
		}
		at, err := s.Layout.dueAt(info.Key)
		switch {
		case err == nil && at.After(now):
			return first // they are in the order of time
		case err == nil:
			err = s.sweep(ctx, info)
		}
		if err != nil && first == nil {
			first = err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return first
}

func (s *Sweeper) sweep(ctx context.Context, info storage.Info) error {
	f, err := read(ctx, s.Bucket, info)
	if err != nil {
		return err
	}
	n, err := s.Layout.Sweep(ctx, s.Bucket, f)
	if err == nil {
		s.Log.Info("broadcast deleted", "broadcast", f.ID, "objects", n, "reason", "retention")
	}
	return err
}

func (s *Sweeper) findAbandoned(ctx context.Context, now time.Time) error {
	lives, err := s.Layout.Lives(ctx, s.Bucket)
	for _, f := range lives {
		if now.Sub(f.Touched) < abandonedAfter {
			continue
		}
		if abandoned := s.Abandoned(ctx, f); abandoned != nil && err == nil {
			err = fmt.Errorf("end abandoned broadcast %s (%s): %w", f.ID, f.Token, abandoned)
		}
	}
	return err
}
