package ingest

import (
	"fmt"
	"strings"
)

const (
	// watched is how many spans of about a second a RepairWatch looks back on. In
	// persistentSpans of them there were repairs when it warns.
	watched         = 10
	persistentSpans = 5
	// cleanSpans is how many without a repair end the warning.
	cleanSpans = 30
)

// RepairWatch tells repairs of timestamps that go on from single ones. It is used by
// one goroutine; the zero value is ready.
type RepairWatch struct {
	spans   [watched]RepairCounts
	at      int
	clean   int // spans since the last repair
	warning bool
}

// trouble is a repair that is warned of when it persists, in words.
type trouble struct {
	repair Repair
	text   string
}

func troubles() [6]trouble {
	return [...]trouble{
		{RepairStoodStill, "did not advance"},
		{RepairSpread, "were equal to the one before"},
		{RepairNudged, "were not later than the one before"},
		{RepairSmoothed, "were not where the samples of the sound are"},
		{RepairOutlier, "were far from their neighbours"},
		{RepairRebased, "began a new count"},
	}
}

// troubled reports whether the counts have a repair that is warned of.
func troubled(counts *RepairCounts) bool {
	for _, t := range troubles() {
		if counts[t.repair] > 0 {
			return true
		}
	}
	return false
}

// Add takes the repairs of about a second. It returns the warning to show, or nil,
// and whether the condition is over.
func (w *RepairWatch) Add(counts RepairCounts) (warning *Warning, over bool) {
	w.spans[w.at%watched] = counts
	w.at++
	w.clean++
	if troubled(&counts) {
		w.clean = 0
	}
	switch {
	case w.clean > 0:
		over = w.warning && w.clean >= cleanSpans
		w.warning = w.warning && !over
		return nil, over
	case w.warning && w.at%watched != 0:
		return nil, false // it is renewed now and then
	}
	bad := 0
	for i := range w.spans {
		if troubled(&w.spans[i]) {
			bad++
		}
	}
	if bad < persistentSpans {
		return nil, false
	}
	var found []string
	for _, t := range troubles() {
		var sum uint64
		for _, span := range w.spans {
			sum += span[t.repair]
		}
		if sum > 0 {
			found = append(found, fmt.Sprintf("%d %s", sum, t.text))
		}
	}
	w.warning = true
	return &Warning{
		Code: WarnTimestampsRepaired,
		Text: fmt.Sprintf("timestamps are repaired: in the last %d s, %s: set the encoder to stamp each picture and each sound frame when it is captured", watched, strings.Join(found, ", ")),
	}, false
}
