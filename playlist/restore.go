package playlist

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/grafov/m3u8"

	"golive/media"
)

// Restored is what a stored playlist says of a broadcast that another run of the
// server began.
type Restored struct {
	Constants Constants
	// DiscontinuitySequence is that of the first segment.
	DiscontinuitySequence int64
	// Segments are those listed, with one part that stands for the whole and no
	// bytes; their Size is media.UnknownSize. A lost one has no part and no Size.
	Segments []*media.Segment
	// Ended says that the playlist has EXT-X-ENDLIST.
	Ended bool
}

// End is the wall-clock time where the last segment ends.
func (r *Restored) End() time.Time {
	last := r.Segments[len(r.Segments)-1]
	return last.ProgramDateTime.Add(last.Duration.Duration())
}

// ParseArchive reads back what Archive.Render wrote.
func ParseArchive(text []byte) (*Restored, error) {
	list, kind, err := m3u8.DecodeFrom(bytes.NewReader(text), true)
	if err != nil {
		return nil, fmt.Errorf("parse stored playlist: %w", err)
	}
	p, ok := list.(*m3u8.MediaPlaylist)
	if !ok || kind != m3u8.MEDIA || p.Count() == 0 {
		return nil, errors.New("parse stored playlist: no segments")
	}
	r := &Restored{Ended: p.Closed}
	// The decoder raises the target to the longest segment, rounded up.
	target, err := numberAfter(text, "#EXT-X-TARGETDURATION:", 1, maxTarget)
	if err != nil {
		return nil, err
	}
	partTarget, err := numberAfter(text, partTargetComment, 1, int64(maxTarget*media.Second))
	if err != nil {
		return nil, err
	}
	r.Constants = Constants{Target: int(target), PartTarget: media.Ticks(partTarget)}
	if r.DiscontinuitySequence, err = numberAfter(text, "#EXT-X-DISCONTINUITY-SEQUENCE:", 0, maxNumber); err != nil {
		return nil, err
	}
	if p.SeqNo > maxNumber {
		return nil, fmt.Errorf("parse stored playlist: media sequence number %d is too high", p.SeqNo)
	}
	gaps, independent := gapLines(text), bytes.Contains(text, []byte(independentTag))
	var start media.Ticks
	for i, s := range p.Segments {
		if s == nil {
			break
		}
		session, msn, part, ok := parseName(s.URI)
		if !ok || part || strings.Contains(session, "/") || msn != int64(p.SeqNo)+int64(i) {
			return nil, fmt.Errorf("parse stored playlist: segment %d is named %q", i, s.URI)
		}
		if !(0 < s.Duration && s.Duration <= maxTarget) { // nor is NaN right
			return nil, fmt.Errorf("parse stored playlist: segment %d lasts %g s", i, s.Duration)
		}
		seg := &media.Segment{
			Session:         session,
			MSN:             msn,
			Start:           start,
			Duration:        media.Ticks(math.Round(s.Duration * float64(media.Second))),
			ProgramDateTime: s.ProgramDateTime,
			Discontinuity:   s.Discontinuity,
			Independent:     independent,
		}
		if !gaps[s.URI] {
			seg.Size = media.UnknownSize
			seg.Parts = []*media.Part{{Session: session, MSN: msn, Number: media.NoNumber, Duration: seg.Duration, Size: media.UnknownSize}}
		}
		start += seg.Duration
		r.Segments = append(r.Segments, seg)
	}
	return r, nil
}

// The most that a stored playlist is believed to say: a target and a segment's
// duration in seconds, and any number that is counted on from.
const (
	maxTarget = 3600
	maxNumber = 1 << 53
)

// numberAfter is the number on the line that begins with prefix.
func numberAfter(text []byte, prefix string, least, most int64) (int64, error) {
	for line := range strings.Lines(string(text)) {
		if value, ok := strings.CutPrefix(line, prefix); ok {
			n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
			if err != nil || n < least || n > most {
				return 0, fmt.Errorf("parse stored playlist: %q is not a number from %d to %d", strings.TrimSpace(line), least, most)
			}
			return n, nil
		}
	}
	return 0, fmt.Errorf("parse stored playlist: no line %q", prefix)
}

// gapLines are the URIs that EXT-X-GAP stands before; the decoder does not know
// the tag.
func gapLines(text []byte) map[string]bool {
	gaps, gap := map[string]bool{}, false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		switch {
		case line == "#EXT-X-GAP":
			gap = true
		case line != "" && line[0] != '#':
			if gap {
				gaps[line] = true
			}
			gap = false
		}
	}
	return gaps
}

// Restore puts the segments of an earlier run into an empty window; their bytes
// are in storage.
func (w *Window) Restore(segments []*media.Segment) {
	for _, s := range segments {
		head := *s
		head.Parts = nil
		w.Open(head)
		w.clock += s.Duration
		w.Close(s)
		e := w.entries[len(w.entries)-1]
		e.stored.Store(true)
		e.bare = true
	}
	w.paused = true
}

// FillGap lists the time from the end of the last segment to until as lost
// (EXT-X-GAP): in segments like those before, as many as an earlier run may have
// shown to players without storing them, and least more. So numbers do not run
// back. It returns them.
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
			Session:         last.Session,
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
