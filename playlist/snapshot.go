package playlist

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golive/media"
)

// Position identifies a segment of a rendition, or a part of one.
type Position struct {
	MSN int64
	// Part is the index of a part, or -1 for the whole segment.
	Part int
}

// Snapshot is an immutable state of a Window.
type Snapshot struct {
	// Full is the playlist; Delta omits the oldest segments (section 6.2.5.1) and is nil if
	// there are too few to skip.
	Full, Delta *Text
	// Changed is closed when the next Snapshot is available.
	Changed <-chan struct{}
	// Ended is set if the playlist has EXT-X-ENDLIST.
	Ended bool
	// Suspended is set while nothing is added; see Window.Suspend.
	Suspended bool

	changed chan struct{}
	entries []*Entry // complete segments; removed ones within their grace period first
	listed  int      // index of the first listed one
	open    *media.Segment
	hint    string // the name in EXT-X-PRELOAD-HINT
	next    Position
	target  int
}

// Has reports whether the snapshot has the position. A part index past the end of a
// complete segment means the first part of the next one (section 6.2.5.2).
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

// Arrived returns when the last access unit of the part at p was received; zero if p is not
// available, is a whole segment, or is a gap.
func (s *Snapshot) Arrived(p Position) time.Time {
	seg := s.segment(p.MSN)
	if seg != s.open && seg != nil && p.Part >= len(seg.Parts) {
		p.Part = 0 // of the next one; see Has
		seg = s.segment(p.MSN + 1)
	}
	if seg == nil || p.Part < 0 || p.Part >= len(seg.Parts) {
		return time.Time{}
	}
	return seg.Parts[p.Part].Arrived
}

// segment returns the complete or open segment with that number, or nil if there is none.
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

// Near reports whether a request may wait for the position: at most two segments past the
// last complete one, and at most three seconds or three parts ahead (section 6.2.5.2).
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

// hasOnlyParts reports whether the snapshot has parts and no complete segment yet.
func (s *Snapshot) hasOnlyParts() bool { return s.Full != nil && len(s.entries) == 0 && !s.Ended }

// Next returns the position of the next part, if it belongs to the open segment.
func (s *Snapshot) Next() Position { return s.next }

// Target returns EXT-X-TARGETDURATION in seconds.
func (s *Snapshot) Target() int { return s.target }

// Hinted reports whether name is that of EXT-X-PRELOAD-HINT.
func (s *Snapshot) Hinted(name string) bool { return s.hint != "" && s.hint == name }

// Listed returns the complete segments of the playlist, oldest first.
func (s *Snapshot) Listed() []*Entry { return s.entries[s.listed:] }

// Bandwidth returns the highest and the mean bit rate of the listed segments, in bits per
// second, or of the open one's parts if there is no complete one.
func (s *Snapshot) Bandwidth() (peak, average int) {
	var size int64
	var duration media.Ticks
	for _, e := range s.Listed() {
		seg := e.Segment()
		if seg.Duration < media.Second/2 || seg.Size <= 0 {
			continue // very short segments and gaps are not representative
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

// Find returns the segment, part or initialization segment with a file name, also if it was
// removed from the playlist less than its grace period ago (section 6.2.2).
func (s *Snapshot) Find(name string) (Media, bool) {
	n, ok := parseName(name)
	switch {
	case !ok:
		return Media{}, false
	case n.kind == partName:
		return s.findPart(n)
	case n.kind == initName:
		return s.findInit(name)
	}
	e := s.Entry(n.publication, n.number)
	if e == nil {
		return Media{}, false
	}
	seg := e.Segment()
	if seg.Size == 0 || seg.Container != n.container {
		return Media{}, false // a gap, or another packaging's
	}
	return Media{Slabs: seg.Slabs(), Object: name, Size: seg.Size}, true
}

// findPart searches from the newest part back: most requests are for new parts.
func (s *Snapshot) findPart(n fileName) (Media, bool) {
	if s.open != nil {
		if m, before := partOf(s.open, n); !before {
			return m, m.Object != ""
		}
	}
	for _, e := range slices.Backward(s.entries) {
		if m, before := partOf(e.Segment(), n); !before {
			return m, m.Object != ""
		}
	}
	return Media{}, false
}

func (s *Snapshot) findInit(name string) (Media, bool) {
	if s.open != nil && s.open.Init != nil && s.open.Init.Name == name {
		return mediaOf(s.open.Init), true
	}
	for _, e := range slices.Backward(s.entries) {
		if i := e.init; i != nil && i.Name == name {
			return mediaOf(i), true
		}
	}
	return Media{}, false
}

func mediaOf(i *media.Init) Media {
	return Media{Slabs: [][]byte{i.Data}, Object: i.Name, Size: int64(len(i.Data))}
}

// partOf returns a part of a segment; before is set if only an earlier segment can have it.
func partOf(seg *media.Segment, n fileName) (m Media, before bool) {
	if seg.Publication != n.publication || len(seg.Parts) == 0 || n.number < seg.Parts[0].Number {
		return Media{}, true
	}
	i := n.number - seg.Parts[0].Number
	if i >= int64(len(seg.Parts)) || seg.Parts[i].Gap || seg.Parts[i].Size < 0 || seg.Parts[i].Number != n.number || seg.Container != n.container {
		return Media{}, false
	}
	p := seg.Parts[i]
	m = Media{Object: seg.Name(), Offset: p.Offset, Size: p.Size}
	if p.Data != nil {
		m.Slabs = [][]byte{p.Data}
	}
	return m, false
}

// fileName is the name of a file of a rendition.
type fileName struct {
	kind        nameKind
	container   media.Container
	publication string
	number      int64 // the MSN of a segment, or of the first one of an initialization segment; of a part its own
}

type nameKind uint8

const (
	segmentName nameKind = iota
	partName
	initName
)

// parseName parses PUBLICATION-MSN.ts, PUBLICATION-MSN.m4s, PUBLICATION.NUMBER.m4s and
// PUBLICATION-MSN.mp4.
func parseName(name string) (n fileName, ok bool) {
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 {
		return n, false
	}
	base := name[:dot]
	switch name[dot:] {
	case media.MPEGTS.Extension():
	case media.CMAF.Extension():
		n.container = media.CMAF
	case media.InitExtension:
		n.container, n.kind = media.CMAF, initName
	default:
		return n, false
	}
	at := strings.LastIndexAny(base, "-.")
	if at < 0 || base[at] == '.' && n.kind == initName {
		return n, false
	}
	if base[at] == '.' {
		n.kind = partName
	}
	n.publication = base[:at]
	n.number, ok = parseNumber(base[at+1:])
	return n, ok
}

// parseNumber parses a number in canonical form, so that a resource has only one name.
func parseNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && n >= 0 && strconv.FormatInt(n, 10) == s
}

// Entry returns the complete segment with that publication and number, or nil if there is
// none.
func (s *Snapshot) Entry(publication string, msn int64) *Entry {
	if len(s.entries) == 0 {
		return nil
	}
	i := msn - s.entries[0].msn
	if i < 0 || i >= int64(len(s.entries)) || s.entries[i].publication != publication {
		return nil
	}
	return s.entries[i]
}
