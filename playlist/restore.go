package playlist

import (
	"time"

	"golive/media"
)

// Restore adds the segments of an earlier run, whose bytes are in storage, to an empty
// window.
func (w *Window) Restore(segments []*media.Segment) {
	for _, s := range segments {
		head := *s
		head.Parts = nil
		w.Open(head)
		w.clock += s.Duration
		w.Close(s)
		e := w.entries[len(w.entries)-1]
		e.stored.Store(true)
		e.released = true
	}
	w.paused = true
}

// FillGap lists the time from the end of the last segment to until as lost (EXT-X-GAP), and
// returns the segments: as many as an earlier run may have published without storing them,
// and least more, so that numbers do not go back.
func (w *Window) FillGap(until time.Time, least int) []*media.Segment {
	if len(w.entries) == 0 {
		return nil
	}
	last := w.entries[len(w.entries)-1].Segment()
	from := last.ProgramDateTime.Add(last.Duration.Duration())
	lost := max(media.TicksFromDuration(until.Sub(from)), media.Ticks(least)*media.Second/10)
	mean := w.length / media.Ticks(len(w.entries)-w.listed)
	usual := min(max(mean, media.Second/2), media.Ticks(w.constants.Target)*media.Second)
	n := media.Ticks(least) + lost/usual
	if n == 0 {
		return nil
	}
	segments := make([]*media.Segment, 0, n)
	for i := range n {
		begin, end := lost*i/n, lost*(i+1)/n
		segments = append(segments, &media.Segment{
			Publication:     last.Publication,
			MSN:             last.MSN + 1 + int64(i),
			Start:           last.Start + last.Duration + begin,
			Duration:        end - begin,
			ProgramDateTime: from.Add(begin.Duration()),
			Independent:     true,
		})
	}
	w.Restore(segments)
	return segments
}
