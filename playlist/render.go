package playlist

import (
	"strconv"

	"golive/media"
)

// The hold-backs and the skip boundary, in targets (section 4.4.3.8; Apple's
// authoring specification asks for three part targets).
const (
	holdBackTargets     = 3
	partHoldBackTargets = 3
	skipTargets         = 6
	partListTargets     = 3 // how far back parts are listed, section 6.2.2
)

// pauseLine ends a playlist whose next part has no name yet. hls.js (1.7.4) assumes that the
// last segment of a low-latency playlist that ends with a URI is still incomplete, treats
// the next playlist as another stream, and stops for ten seconds. Any line after the URI
// prevents that; a comment is ignored by all clients (section 4.1).
const pauseLine = "# more to come\n"

// render returns the text of the playlist, without its skip oldest segments.
func (w *Window) render(s *Snapshot, skip int) []byte {
	listed := s.Listed()
	withParts := w.firstWithParts(s)
	b := make([]byte, 0, w.sizeOf(s, withParts))
	b = w.appendHeader(b, s, skip > 0)
	if skip > 0 {
		b = append(b, "#EXT-X-SKIP:SKIPPED-SEGMENTS="...)
		b = strconv.AppendInt(b, int64(skip), 10)
		b = append(b, '\n')
	}
	if rest := listed[skip:]; len(rest) > 0 && rest[0].init != nil && !rest[0].mapped {
		b = appendMap(b, rest[0].init)
	}
	b = append(b, w.text[w.textAt(listed, skip):w.textAt(listed, withParts)]...)
	for _, e := range listed[withParts:] {
		b = append(b, e.head...)
		b = append(b, e.parts...)
		b = append(b, e.tail...)
	}
	if w.cfg.LowLatency && s.open != nil && len(s.open.Parts) > 0 {
		b = append(b, w.openHead...)
		b = append(b, w.openParts...)
	}
	if s.hint != "" {
		b = append(b, `#EXT-X-PRELOAD-HINT:TYPE=PART,URI="`...)
		b = append(b, s.hint...)
		b = append(b, "\"\n"...)
	} else if w.cfg.LowLatency && !s.Ended {
		b = append(b, pauseLine...)
	}
	if w.cfg.LowLatency {
		b = w.appendReports(b)
	}
	if s.Ended {
		b = append(b, "#EXT-X-ENDLIST\n"...)
	}
	return b
}

// textAt returns the offset of listed[i] in w.text.
func (w *Window) textAt(listed []*Entry, i int) int {
	if i == len(listed) {
		return len(w.text)
	}
	return int(listed[i].offset - w.textStart)
}

// sizeOf returns an estimate of the length of the playlist, usually an upper bound.
func (w *Window) sizeOf(s *Snapshot, withParts int) int {
	const header = 640  // with pauseLine and EXT-X-MAP
	const reports = 512 // those of more renditions than usual grow the buffer
	n := header + reports + len(w.text) + len(w.openHead) + len(w.openParts) + len(s.hint)
	for _, e := range s.Listed()[withParts:] {
		n += len(e.parts)
	}
	return n
}

func (w *Window) appendHeader(b []byte, s *Snapshot, delta bool) []byte {
	if delta {
		b = append(b, deltaHead...)
	} else {
		b = append(b, mediaHead...)
	}
	if w.independent {
		b = append(b, independentTag...)
	}
	b = append(b, "#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(w.constants.Target), 10)
	b = append(b, '\n')
	if w.cfg.LowLatency {
		target := media.Ticks(w.constants.Target) * media.Second
		b = append(b, "#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK="...)
		b = appendSeconds(b, partHoldBackTargets*w.constants.PartTarget)
		b = append(b, ",HOLD-BACK="...)
		b = appendSeconds(b, holdBackTargets*target)
		b = append(b, ",CAN-SKIP-UNTIL="...)
		b = appendSeconds(b, skipTargets*target)
		b = append(b, "\n#EXT-X-PART-INF:PART-TARGET="...)
		b = appendSeconds(b, w.constants.PartTarget)
		b = append(b, '\n')
	}
	b = append(b, "#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendInt(b, w.firstMSN(s), 10)
	b = append(b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	b = strconv.AppendInt(b, w.discontinuity, 10)
	return append(b, '\n')
}

func (w *Window) firstMSN(s *Snapshot) int64 {
	if listed := s.Listed(); len(listed) > 0 {
		return listed[0].msn
	}
	return s.next.MSN
}

// firstWithParts returns the index of the first listed segment whose parts are listed: they
// are within three target durations of the end.
func (w *Window) firstWithParts(s *Snapshot) int {
	listed := s.Listed()
	if !w.cfg.LowLatency || s.Ended {
		return len(listed) // after the end hls.js would wait for a part that it does not load
	}
	return fromEnd(listed, s.openLength(), media.Ticks(partListTargets*w.constants.Target)*media.Second)
}

// skippable returns the number of segments that a delta update omits: those that end before
// the skip boundary.
func (w *Window) skippable(s *Snapshot) int {
	if !w.cfg.LowLatency {
		return 0
	}
	return fromEnd(s.Listed(), s.openLength(), media.Ticks(skipTargets*w.constants.Target)*media.Second)
}

func (s *Snapshot) openLength() media.Ticks {
	if s.open == nil {
		return 0
	}
	return s.open.Duration
}

// fromEnd returns the index of the first entry that ends less than distance before
// the end of the playlist; tail is the length of what follows the entries.
func fromEnd(listed []*Entry, tail, distance media.Ticks) int {
	i := len(listed)
	for i > 0 && tail < distance {
		i--
		tail += listed[i].duration
	}
	return i
}
