package playlist

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golive/media"
)

// Position is a place in a rendition: a segment, or a part of one.
type Position struct {
	MSN int64
	// Part is the index of a part, or -1 for the whole segment.
	Part int
}

// Snapshot is an immutable instant of a Window.
type Snapshot struct {
	// Full is the playlist; Delta leaves out the oldest segments (section
	// 6.2.5.1), nil when there are too few to skip.
	Full, Delta *Text
	// Changed is closed when the next Snapshot exists.
	Changed <-chan struct{}
	// Ended says that the playlist has EXT-X-ENDLIST.
	Ended bool

	changed chan struct{}
	entries []*Entry // complete segments, the removed ones within their grace first
	listed  int      // index of the first listed one
	open    *media.Segment
	hint    string // the name in EXT-X-PRELOAD-HINT
	next    Position
	target  int
}

// Has says whether the position is there. A part index past the end of a complete
// segment means the first part of the next one (section 6.2.5.2).
func (s *Snapshot) Has(p Position) bool {
	switch {
	case p.Part < 0 || s.next.MSN > p.MSN+1:
		return s.next.MSN > p.MSN
	case s.next.MSN == p.MSN+1:
		if len(s.entries) == 0 {
			return true // before anything was published here
		}
		last := s.entries[len(s.entries)-1]
		return p.Part < last.partCount || s.next.Part > 0
	}
	return s.next.MSN == p.MSN && s.next.Part > p.Part
}

// Arrived is when the last access unit of the part at p was read; zero when p is not
// there, is a whole segment, or is a gap.
func (s *Snapshot) Arrived(p Position) time.Time {
	seg := s.segment(p.MSN)
	if seg != s.open && seg != nil && p.Part >= len(seg.Parts) {
		p.Part = 0 // of the next one, as Has says
		seg = s.segment(p.MSN + 1)
	}
	if seg == nil || p.Part < 0 || p.Part >= len(seg.Parts) {
		return time.Time{}
	}
	return seg.Parts[p.Part].Arrived
}

// segment is the complete or open segment of that number; nil when there is none.
func (s *Snapshot) segment(msn int64) *media.Segment {
	if s.open != nil && s.open.MSN == msn {
		return s.open
	}
	if len(s.entries) == 0 {
		return nil
	}
	if i := msn - s.entries[0].msn; i >= 0 && i < int64(len(s.entries)) {
		return s.entries[i].Segment()
	}
	return nil
}

// Near says whether it is worth waiting for the position: not more than two
// segments past the last complete one, nor more parts ahead than three seconds or
// three parts have (section 6.2.5.2).
func (s *Snapshot) Near(p Position, partTarget media.Ticks) bool {
	ahead := 3
	if partTarget < media.Second {
		ahead = int((3*media.Second + partTarget - 1) / partTarget)
	}
	switch p.MSN {
	case s.next.MSN:
		return p.Part < s.next.Part+ahead
	case s.next.MSN + 1:
		return p.Part < ahead
	}
	return p.MSN < s.next.MSN
}

// Coming is the part that comes next, unless it begins the segment after.
func (s *Snapshot) Coming() Position { return s.next }

// Target is EXT-X-TARGETDURATION in seconds.
func (s *Snapshot) Target() int { return s.target }

// Hinted says whether name is the part that the playlist says comes next.
func (s *Snapshot) Hinted(name string) bool { return s.hint != "" && s.hint == name }

// Listed are the complete segments of the playlist, oldest first.
func (s *Snapshot) Listed() []*Entry { return s.entries[s.listed:] }

// Bandwidth is the highest and the mean bit rate of the listed segments, in bits
// per second, counting the open one's parts while there is no complete one.
func (s *Snapshot) Bandwidth() (peak, average int) {
	var size int64
	var duration media.Ticks
	for _, e := range s.Listed() {
		seg := e.Segment()
		if seg.Duration < media.Second/2 || seg.Size <= 0 {
			continue // a stub before a discontinuity says nothing, nor does a gap
		}
		peak = max(peak, rateOf(seg.Size, seg.Duration))
		size, duration = size+seg.Size, duration+seg.Duration
	}
	if duration == 0 && s.open != nil {
		size, duration = s.open.Size, s.open.Duration
		peak = rateOf(size, duration)
	}
	return peak, rateOf(size, duration)
}

func rateOf(size int64, d media.Ticks) int {
	if d <= 0 {
		return 0
	}
	return int(float64(size) * 8 / d.Seconds())
}

// Find looks a segment or part up by its file name. It finds those that have
// left the playlist until their grace is over (section 6.2.2).
func (s *Snapshot) Find(name string) (Media, bool) {
	session, number, part, ok := parseName(name)
	switch {
	case !ok:
		return Media{}, false
	case part:
		return s.findPart(session, number)
	}
	e := s.Entry(session, number)
	if e == nil {
		return Media{}, false
	}
	seg := e.Segment()
	if seg.Size == 0 {
		return Media{}, false // a gap
	}
	return Media{Slabs: seg.Slabs(), Object: seg.Name(), Size: seg.Size}, true
}

// findPart looks from the newest part back: who asks for one asks for a new one.
func (s *Snapshot) findPart(session string, number int64) (Media, bool) {
	if s.open != nil {
		if m, before := partOf(s.open, session, number); !before {
			return m, m.Object != ""
		}
	}
	for _, e := range slices.Backward(s.entries) {
		if m, before := partOf(e.Segment(), session, number); !before {
			return m, m.Object != ""
		}
	}
	return Media{}, false
}

// partOf finds a part in its segment; before says that only an earlier one may have it.
func partOf(seg *media.Segment, session string, number int64) (m Media, before bool) {
	if seg.Session != session || len(seg.Parts) == 0 || number < seg.Parts[0].Number {
		return Media{}, true
	}
	i := number - seg.Parts[0].Number
	if i >= int64(len(seg.Parts)) || seg.Parts[i].Gap || seg.Parts[i].Size < 0 || seg.Parts[i].Number != number {
		return Media{}, false
	}
	p := seg.Parts[i]
	m = Media{Object: seg.Name(), Offset: p.Offset, Size: p.Size}
	if p.Data != nil {
		m.Slabs = [][]byte{p.Data}
	}
	return m, false
}

// parseName splits SESSION-MSN.ts, of a segment, and SESSION.NUMBER.ts, of a part.
func parseName(name string) (session string, number int64, part, ok bool) {
	base, found := strings.CutSuffix(name, ".ts")
	at := strings.LastIndexAny(base, "-.")
	if !found || at < 0 {
		return "", 0, false, false
	}
	number, ok = parseNumber(base[at+1:])
	return base[:at], number, base[at] == '.', ok
}

// parseNumber reads a number in the one form names have it, so that a resource
// has one address.
func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

// Entry is the complete segment of that name; nil when there is none.
func (s *Snapshot) Entry(session string, msn int64) *Entry {
	if len(s.entries) == 0 {
		return nil
	}
	i := msn - s.entries[0].msn
	if i < 0 || i >= int64(len(s.entries)) || s.entries[i].session != session {
		return nil
	}
	return s.entries[i]
}
