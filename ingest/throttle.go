package ingest

import (
	"time"

	"golive/media"
)

const (
	// lookAhead is how often the clock is looked at, in the stream's own time.
	lookAhead = 100 * media.Millisecond
	// restWindow is the time over which the rests are summed up.
	restWindow = 5 * time.Second
)

// throttle holds a publisher to real time: who sends faster is read more slowly. Media
// that is late, as after a stall of the network, may catch up. The zero value is ready.
type throttle struct {
	next   media.Ticks // the DTS from which the clock is looked at again
	base   media.Ticks // the DTS at began
	began  time.Time
	since  time.Time     // when the window began in which the rests are summed up
	rested time.Duration // in it
	holds  bool          // the publisher is ahead
	warned bool
}

// look returns how long to wait before the unit with that DTS is used.
func (t *throttle) look(dts media.Ticks, now time.Time, ahead time.Duration) time.Duration {
	if t.began.IsZero() {
		t.began, t.since, t.base = now, now, dts
	}
	t.next = dts + lookAhead
	rest := (dts - t.base).Duration() - now.Sub(t.began) - ahead
	t.holds = rest > 0
	return max(rest, 0)
}

// note takes a rest, which may be 0, and reports whether the publisher is to be warned,
// or the warning to be cleared.
func (t *throttle) note(rest time.Duration, now time.Time) (warn, over bool) {
	t.rested += rest
	switch {
	case !t.warned && t.rested > restWindow*2/5:
		t.warned, warn = true, true
	case now.Sub(t.since) < restWindow:
		return false, false
	case t.warned && t.rested < restWindow/20:
		t.warned, over = false, true
	}
	t.rested, t.since = 0, now
	return warn, over
}
