package broadcast

import (
	"slices"
	"sync/atomic"
	"time"

	"golive/ingest"
)

// Warning is a condition that the broadcaster should know of.
type Warning struct {
	ingest.Warning
	// Since is when the condition began.
	Since time.Time
}

// maxWarnings bounds how many conditions a publisher can cause at once.
const maxWarnings = 32

// warnings are the conditions of one publication, in the order in which they began.
// The publisher's goroutine writes them; any goroutine may read them.
type warnings struct {
	list    atomic.Pointer[[]Warning]
	changed chan struct{} // holds a token when there are others
}

// all returns a copy; it is never nil.
func (w *warnings) all() []Warning {
	list := w.list.Load()
	if list == nil {
		return []Warning{}
	}
	return slices.Clone(*list)
}

// codes returns the codes of a report.
func (w *warnings) codes() []ingest.WarningCode {
	all := w.all()
	codes := make([]ingest.WarningCode, min(len(all), maxReportedWarnings))
	for i := range codes {
		codes[i] = all[i].Code
	}
	return codes
}

// add shows a condition, or replaces the text of one that is shown.
func (w *warnings) add(warning ingest.Warning) {
	all := w.all()
	i := slices.IndexFunc(all, func(old Warning) bool { return old.Code == warning.Code })
	switch {
	case i >= 0 && all[i].Text == warning.Text:
		return
	case i >= 0:
		all[i].Text = warning.Text
	case len(all) >= maxWarnings:
		return
	default:
		all = append(all, Warning{Warning: warning, Since: time.Now()})
		defer w.notify()
	}
	w.list.Store(&all)
}

// remove removes the condition of that code.
func (w *warnings) remove(code ingest.WarningCode) {
	all := w.all()
	left := slices.DeleteFunc(all, func(old Warning) bool { return old.Code == code })
	if len(left) < len(all) {
		w.list.Store(&left)
		w.notify()
	}
}

func (w *warnings) notify() {
	select {
	case w.changed <- struct{}{}:
	default: // there is a token already
	}
}

// reset removes all conditions, for another publisher.
func (w *warnings) reset() {
	if old := w.list.Swap(nil); old != nil && len(*old) > 0 {
		w.notify()
	}
}
