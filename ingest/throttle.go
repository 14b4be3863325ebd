package ingest

import (
	"time"

	"golive/media"
)

const (
	// checkInterval is how often the clock is read, in stream time.
	checkInterval = 100 * media.Millisecond
	// delayWindow is the time over which delays are summed.
	delayWindow = 5 * time.Second
)

// throttle limits a publisher to real time: one that sends faster is read more slowly.
// Late media, as after a network stall, may catch up. The zero value is ready.
type throttle struct {
	next    media.Ticks // the DTS at which the clock is read again
	base    media.Ticks // the DTS at began
	began   time.Time
	since   time.Time     // when the current window began
	delayed time.Duration // sum of delays in the current window
	holding bool          // media is ahead
	warned  bool
}

// delay returns how long to wait before the unit with that DTS is passed on.
func (t *throttle) delay(dts media.Ticks, now time.Time, ahead time.Duration) time.Duration {
	if t.began.IsZero() {
		t.began, t.since, t.base = now, now, dts
	}
	t.next = dts + checkInterval
	rest := (dts - t.base).Duration() - now.Sub(t.began) - ahead
	t.holding = rest > 0
	return max(rest, 0)
}

// addDelay adds a delay, which may be 0, and reports whether to warn the publisher or to clear
// the warning.
func (t *throttle) addDelay(rest time.Duration, now time.Time) (warn, over bool) {
	t.delayed += rest
	switch {
	case !t.warned && t.delayed > delayWindow*2/5:
		t.warned, warn = true, true
	case now.Sub(t.since) < delayWindow:
		return false, false
	case t.warned && t.delayed < delayWindow/20:
		t.warned, over = false, true
	}
	t.delayed, t.since = 0, now
	return warn, over
}
