package ingest

import (
	"slices"
	"time"

	"golive/media"
)

// flow watches how the media of a session comes: its delay, its pictures and its bytes. It is used
// by one goroutine.
type flow struct {
	bytes    byteWatch
	pictures pictureWatch
	delay    delayWatch
}

// note is called several times a second of stream time.
func (f *flow) note(dts media.Ticks, arrived time.Time) {
	f.bytes.note(dts)
	f.delay.note(dts, arrived)
}

// check is called about once a second; it adds and clears warnings.
func (f *flow) check(now time.Time, to Warner) {
	if w, over := f.delay.endSpan(now); w != nil {
		to.Warn(*w)
	} else if over {
		to.ClearWarning(WarnSlowUpload)
	}
	f.pictures.check(to)
	f.bytes.check(to)
}

// loggedWarner is the Warner of a Session that logs each code once.
type loggedWarner struct{ s *Session }

// Warn implements Warner.
func (w loggedWarner) Warn(warning Warning) {
	s := w.s
	if !slices.Contains(s.warnings.loggedCodes, warning.Code) {
		s.warnings.loggedCodes = append(s.warnings.loggedCodes, warning.Code)
		s.log.Warn("broadcaster was warned; further warnings of this kind are not logged", "code", string(warning.Code), "reason", warning.Text)
	}
	s.Warn(warning)
}

// ClearWarning implements Warner.
func (w loggedWarner) ClearWarning(code WarningCode) { w.s.ClearWarning(code) }
