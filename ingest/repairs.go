package ingest

import (
	"fmt"
	"strings"
)

const (
	// watchedSpans is the number of spans, each of about a second, that a RepairWatch considers.
	// It warns if persistentSpans of them had repairs.
	watchedSpans    = 10
	persistentSpans = 5
	// cleanSpans is the number of spans without a repair that clears the warning.
	cleanSpans = 30
)

// RepairWatch warns of persistent repairs of timestamps, not of occasional ones. It is used
// by one goroutine; the zero value is ready.
type RepairWatch struct {
	spans   [watchedSpans]RepairCounts
	at      int
	clean   int // spans since the last repair
	warning bool
}

// warnedRepair is a repair that is warned of, with its description.
type warnedRepair struct {
	repair Repair
	text   string
}

func warnedRepairs() [6]warnedRepair {
	return [...]warnedRepair{
		{RepairStalled, "did not advance"},
		{RepairSpread, "were equal to the one before"},
		{RepairNudged, "were not later than the one before"},
		{RepairSmoothed, "did not match the number of audio samples"},
		{RepairOutlier, "were far from those before and after"},
		{RepairRebased, "jumped to a new base"},
	}
}

// hasWarnedRepair reports whether counts has a repair that is warned of.
func hasWarnedRepair(counts *RepairCounts) bool {
	for _, t := range warnedRepairs() {
		if counts[t.repair] > 0 {
			return true
		}
	}
	return false
}

// Add takes the repairs of about a second. It returns the warning to show, if any, and
// whether the condition is over.
func (w *RepairWatch) Add(counts RepairCounts) (warning *Warning, over bool) {
	w.spans[w.at%watchedSpans] = counts
	w.at++
	w.clean++
	if hasWarnedRepair(&counts) {
		w.clean = 0
	}
	switch {
	case w.clean > 0:
		over = w.warning && w.clean >= cleanSpans
		w.warning = w.warning && !over
		return nil, over
	case w.warning && w.at%watchedSpans != 0:
		return nil, false // the warning is renewed every watched spans
	}
	bad := 0
	for i := range w.spans {
		if hasWarnedRepair(&w.spans[i]) {
			bad++
		}
	}
	if bad < persistentSpans {
		return nil, false
	}
	var found []string
	for _, t := range warnedRepairs() {
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
		Text: fmt.Sprintf("timestamps are repaired: in the last %d s, %s: set the encoder to timestamp each video and audio frame when it is captured", watchedSpans, strings.Join(found, ", ")),
	}, false
}
