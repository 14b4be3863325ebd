package ingest

import (
	"fmt"
	"math"
	"slices"

	"golive/media"
)

const (
	// pictureSpans is the number of spans, each of about a second of stream time, that are compared.
	pictureSpans = 12
	// minJudgedRate is the lowest frame rate that is judged: slides have none.
	minJudgedRate = 10
	// A span of another rate than the one before differs from it by more than unsteadyChange. The
	// rate is unsteady if unsteadyChanges of pictureSpans differ; a pause makes two or three.
	unsteadyChange  = 0.10
	unsteadyChanges = 5
	steadyChanges   = 1
	// usualTolerance is how far from a usual rate is still that rate.
	usualTolerance = 0.03
	// The numbers of consecutive spans that begin and end the warnings.
	beginUnsteady, endUnsteady = 3, 20
	beginOdd, endOdd           = 10, 10
)

// usualRates are the frame rates of cameras, screens and television, in pictures per second. Those
// divided by 1.001 are within usualTolerance.
func usualRates() [18]float64 {
	return [...]float64{10, 12, 12.5, 15, 20, 24, 25, 30, 48, 50, 60, 72, 75, 90, 100, 120, 144, 240}
}

// pictureWatch warns of a frame rate that is unsteady, or that no camera or screen has: pictures
// are missing, or shown unevenly. It measures the default video track.
//
// It does not read a clock.
type pictureWatch struct {
	end    media.Ticks // of the current span; it ends with the first picture from then on
	begin  media.Ticks
	count  int  // pictures in it
	begun  bool // there is a span
	rates  [pictureSpans]float64
	next   int // number of spans so far
	judged int // number of spans that were judged

	unsteady, odd condition
}

func newPictureWatch() pictureWatch { return pictureWatch{end: math.MinInt64} }

// note takes the DTS of the next picture.
func (w *pictureWatch) note(dts media.Ticks) {
	if dts >= w.end {
		w.endSpan(dts)
	}
	w.count++
}

func (w *pictureWatch) endSpan(dts media.Ticks) {
	if w.begun {
		w.rates[w.next%pictureSpans] = float64(w.count) / (dts - w.begin).Seconds()
		w.next++
	}
	w.begun, w.begin, w.end, w.count = true, dts, dts+media.Second, 0
}

// check adds and clears warnings if a span has ended.
func (w *pictureWatch) check(to Warner) {
	if w.next == w.judged || w.next < pictureSpans {
		return
	}
	w.judged = w.next
	changes := 0
	for i := 1; i < pictureSpans; i++ {
		before, after := w.rates[(w.next+i-1)%pictureSpans], w.rates[(w.next+i)%pictureSpans]
		if max(before, after) > min(before, after)*(1+unsteadyChange) {
			changes++
		}
	}
	sorted := w.rates
	slices.Sort(sorted[:])
	rate := sorted[pictureSpans/2]
	fast := rate >= minJudgedRate

	seen := fast && (changes >= unsteadyChanges || w.unsteady.holds && changes > steadyChanges)
	switch began, over := w.unsteady.observe(seen, beginUnsteady, endUnsteady); {
	case began:
		to.Warn(Warning{WarnFrameRateUnsteady, fmt.Sprintf(
			"the frame rate is unsteady, from %.0f to %.0f frames per second, so that motion stutters: set a constant frame rate, and check whether the encoder drops frames because it or its connection does not keep up",
			sorted[0], sorted[pictureSpans-1])})
	case over:
		to.ClearWarning(WarnFrameRateUnsteady)
	}
	if fast && changes > steadyChanges {
		return // there is no rate that could be odd
	}
	switch began, over := w.odd.observe(fast && !isUsualRate(rate), beginOdd, endOdd); {
	case began:
		to.Warn(Warning{WarnFrameRateOdd, fmt.Sprintf(
			"the frame rate is %.1f frames per second, which no screen shows evenly: set the camera and the encoder to 25, 30, 50 or 60, and check that they keep up", rate)})
	case over:
		to.ClearWarning(WarnFrameRateOdd)
	}
}

func isUsualRate(rate float64) bool {
	usual := usualRates()
	return rate > usual[len(usual)-1] || slices.ContainsFunc(usual[:], func(u float64) bool {
		return math.Abs(rate-u) <= u*usualTolerance
	})
}
