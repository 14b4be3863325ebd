package ingest

import (
	"fmt"
	"time"

	"golive/media"
)

const (
	// delaySpans is the number of spans, each of about a second, over which the growth of the delay
	// is summed; recentSpans are those that decide whether it still grows.
	delaySpans  = 30
	recentSpans = 10
	// slowGrowth begins the warning if at least slowSpans spans contributed to it; over recentSpans,
	// steadyGrowth and less is no growth.
	slowGrowth   = time.Second
	slowSpans    = 4
	steadyGrowth = 100 * time.Millisecond
	// noticeableGrowth is what a span contributes at least: 2 % of it.
	noticeableGrowth = 20 * time.Millisecond
)

// delayWatch warns of media that arrives later and later by its own times: the upload, or the
// encoder, is slower than real time.
//
// Only the growth counts. A delay that stays is none of the upload: an encoder that pauses may let
// its clock stand. The delay of a span is the least that was measured in it, so that a key frame
// that takes long to send makes no difference; and the largest growth in one span is left out, so
// that a single pause or outage makes none. Media that is still ahead of the session's beginning, as
// after a burst, is not late.
//
// It does not read a clock. The zero value is ready.
type delayWatch struct {
	began    time.Time     // arrival of the first unit
	base     media.Ticks   // its DTS
	least    time.Duration // the least delay in the current span
	measured bool          // there is one

	last   time.Duration // the delay of the previous span
	at     time.Time     // its end
	spans  [delaySpans]delaySpan
	next   int // number of spans so far
	ending condition
	slow   bool
}

// delaySpan is by how much the delay grew in a span, and how long that took.
type delaySpan struct{ growth, took time.Duration }

// note takes the delay of a unit.
func (w *delayWatch) note(dts media.Ticks, arrived time.Time) {
	if w.began.IsZero() {
		w.began, w.base = arrived, dts
	}
	if d := arrived.Sub(w.began) - (dts - w.base).Duration(); !w.measured || d < w.least {
		w.least, w.measured = d, true
	}
}

// endSpan ends a span. It returns the warning to show, if any, and whether the condition is over.
func (w *delayWatch) endSpan(now time.Time) (warning *Warning, over bool) {
	if !w.measured {
		return nil, false // nothing arrived
	}
	if !w.at.IsZero() {
		w.spans[w.next%delaySpans] = delaySpan{w.least - w.last, now.Sub(w.at)}
		w.next++
	}
	w.last, w.at, w.measured = w.least, now, false
	if !w.slow {
		growth, _, count := w.sum(delaySpans)
		if growth < slowGrowth || count < slowSpans || w.last <= 0 {
			return nil, false
		}
		w.slow = true
		w.ending = condition{holds: true}
		return w.warning(), false
	}
	growth, _, _ := w.sum(recentSpans)
	if _, over = w.ending.observe(growth > steadyGrowth, 1, recentSpans); over {
		*w = delayWatch{began: w.began, base: w.base, last: w.last, at: w.at}
		return nil, true
	}
	if growth > steadyGrowth && w.next%recentSpans == 0 {
		return w.warning(), false // the value is renewed
	}
	return nil, false
}

// sum returns by how much the delay grew over the last spans, without the one with the largest
// growth, how long they took, and how many contributed.
func (w *delayWatch) sum(spans int) (growth, took time.Duration, count int) {
	var largest delaySpan
	for i := range min(spans, w.next) {
		s := w.spans[(w.next-1-i)%delaySpans]
		growth += s.growth
		took += s.took
		if s.growth > largest.growth {
			largest = s
		}
		if s.growth >= noticeableGrowth {
			count++
		}
	}
	return growth - largest.growth, took - largest.took, count
}

// warning returns the warning, with the speed over the recent spans.
func (w *delayWatch) warning() *Warning {
	growth, took, _ := w.sum(recentSpans)
	speed := 100 - int(100*growth/max(took, 1))
	return &Warning{Code: WarnSlowUpload, Text: fmt.Sprintf(
		"media arrives at %d%% of real time, so that players stall: lower the encoder's bit rate, or check its connection and whether it keeps up itself", min(max(speed, 1), 99))}
}
