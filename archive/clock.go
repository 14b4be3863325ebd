package archive

import "time"

const (
	// clockTolerance is how far the wall clock may move against the monotonic one
	// without having jumped.
	clockTolerance = time.Minute
	// clockTrust is how long a wall clock that has jumped must go on from there before
	// anything is deleted by it.
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
