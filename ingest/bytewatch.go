package ingest

import (
	"fmt"

	"golive/media"
)

const (
	// byteSpan is the stream time over which bytes are counted: some groups of pictures. byteSpans
	// of them, about a minute, are compared.
	byteSpan  = 4 * media.Second
	byteSpans = 16
	// A peak has more than peakFactor of the average, or of the bit rate that the encoder declares,
	// and more than minPeak, in bits per second. Apple's authoring specification for HLS advises at
	// most twice the average; key frames at the edges of a span account for the rest.
	peakFactor = 2.5
	minPeak    = 2e6
	// unstablePeaks of byteSpans begin the warning, steadyPeaks end it after steadyByteSpans.
	unstablePeaks   = 3
	steadyPeaks     = 1
	steadyByteSpans = 8
)

// byteWatch warns of a bit rate with many high peaks: viewers whose connection is just fast enough
// stall at each. An encoder that keeps to the rate that it declares, or to a maximum of up to
// peakFactor of it, has none, however little it sends between. The zero value is ready.
type byteWatch struct {
	bytes    int64   // in the current span
	declared float64 // bits per second; 0 if the encoder declares nothing
	begin    media.Ticks
	begun    bool
	rates    [byteSpans]float64
	next     int // number of spans so far
	judged   int // number of spans that were judged

	unstable condition
}

// note is called several times a second of stream time, with the DTS of a unit. Its bytes and those
// of units before it were added.
func (w *byteWatch) note(dts media.Ticks) {
	switch {
	case !w.begun:
		w.begun, w.begin, w.bytes = true, dts, 0
	case dts-w.begin >= byteSpan:
		w.rates[w.next%byteSpans] = 8 * float64(w.bytes) / (dts - w.begin).Seconds()
		w.next++
		w.begin, w.bytes = dts, 0
	}
}

// check adds and clears the warning if a span has ended.
func (w *byteWatch) check(to Warner) {
	if w.next == w.judged || w.next < byteSpans {
		return
	}
	w.judged = w.next
	least, most, sum := w.rates[0], w.rates[0], 0.0
	for _, r := range w.rates {
		least, most, sum = min(least, r), max(most, r), sum+r
	}
	limit := max(peakFactor*max(sum/byteSpans, w.declared), minPeak)
	peaks, above := 0, false
	for i := range byteSpans {
		before := above
		above = w.rates[(w.next+i)%byteSpans] > limit
		if above && !before {
			peaks++
		}
	}
	seen := peaks >= unstablePeaks || w.unstable.holds && peaks > steadyPeaks
	switch began, over := w.unstable.observe(seen, 1, steadyByteSpans); {
	case began:
		to.Warn(Warning{WarnBitrateUnstable, fmt.Sprintf(
			"the bit rate is unstable, from %.1f to %.1f Mbit/s within a minute, and players stall at its peaks: set the encoder to a constant bit rate (CBR), or to a variable one with a maximum (maxrate and bufsize)",
			least/1e6, most/1e6)})
	case over:
		to.ClearWarning(WarnBitrateUnstable)
	}
}
