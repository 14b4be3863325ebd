package playlist

import (
	"slices"
	"strconv"
	"time"

	"golive/media"
)

// Replay is the VOD playlist of a whole ended broadcast: every segment, the lost ones as
// gaps. It occupies 24 bytes per segment, and is used by one goroutine.
type Replay struct {
	constants    Constants
	publications []string // the publication ids, each once; segments hold indices of it
	segments     []replaySegment
	length       media.Ticks // duration of all segments
}

// replaySegment is a segment of a Replay.
type replaySegment struct {
	msn         int64
	date        int64  // program date-time in Unix milliseconds, the precision of the tag
	duration    uint32 // ticks
	publication uint16
	flags       segmentFlags
}

type segmentFlags uint8

const (
	flagGap segmentFlags = 1 << iota
	flagDiscontinuity
	flagDependent // it does not begin with a key frame
)

// maxPublications is the maximum number of publications of a Replay.
const maxPublications = 1 << 16

// NewReplay returns an empty Replay.
func NewReplay(constants Constants) *Replay { return &Replay{constants: constants} }

// Add appends a segment; a lost one is listed with EXT-X-GAP. A segment that is not newer
// than the last is ignored.
func (r *Replay) Add(s *media.Segment, lost bool) {
	if n := len(r.segments); n > 0 && s.MSN <= r.segments[n-1].msn {
		return
	}
	publication, ok := r.publicationIndex(s.Publication)
	k := replaySegment{msn: s.MSN, date: s.ProgramDateTime.UnixMilli(), duration: uint32(s.Duration), publication: publication}
	if lost || s.Size == 0 || !ok {
		k.flags |= flagGap
	}
	if s.Discontinuity {
		k.flags |= flagDiscontinuity
	}
	if !s.Independent {
		k.flags |= flagDependent
	}
	r.segments = append(r.segments, k)
	r.length += s.Duration
}

// publicationIndex returns the index of a publication id; false if there are too many.
func (r *Replay) publicationIndex(token string) (uint16, bool) {
	for i, known := range slices.Backward(r.publications) { // nearly always the last
		if known == token {
			return uint16(i), true
		}
	}
	if len(r.publications) == maxPublications {
		return 0, false
	}
	r.publications = append(r.publications, token)
	return uint16(len(r.publications) - 1), true
}

// Len returns the number of segments.
func (r *Replay) Len() int { return len(r.segments) }

// First returns the media sequence number of the oldest segment, or -1 if there is none.
func (r *Replay) First() int64 {
	if len(r.segments) == 0 {
		return -1
	}
	return r.segments[0].msn
}

// BeginningWith returns r with the segments of another rendition, the leader, that are older than
// its own, as gaps. In playlists of type VOD the first segment must have the same time in all
// renditions, and content that only one of them lacks at its beginning must not be longer than the
// target duration (RFC 8216bis, section 6.2.4).
func (r *Replay) BeginningWith(leader *Replay) *Replay {
	first := r.First()
	if leader.First() >= first {
		return r
	}
	all := &Replay{constants: r.constants, publications: slices.Clone(r.publications), length: r.length}
	for _, k := range leader.segments {
		if k.msn >= first {
			break
		}
		publication, ok := all.publicationIndex(leader.publications[k.publication])
		if !ok {
			return r
		}
		k.publication, k.flags = publication, k.flags&flagDiscontinuity|flagGap
		all.segments = append(all.segments, k)
		all.length += media.Ticks(k.duration)
	}
	all.segments = append(all.segments, r.segments...)
	return all
}

// Starts returns when each segment begins in the playlist, by media sequence number, and when the
// last one ends.
func (r *Replay) Starts() (starts map[int64]media.Ticks, end media.Ticks) {
	starts = make(map[int64]media.Ticks, len(r.segments))
	for _, k := range r.segments {
		starts[k.msn] = end
		end += media.Ticks(k.duration)
	}
	return starts, end
}

// Trim removes the oldest segments that have a number below from, as long as the remaining
// ones last at least keep, and returns their file names. It uses durations and not dates,
// so that a jump of the wall clock removes nothing.
func (r *Replay) Trim(keep time.Duration, from int64) (names []string) {
	least := media.TicksFromDuration(keep)
	i := 0
	for ; i < len(r.segments); i++ {
		k := r.segments[i]
		if k.msn >= from || r.length-media.Ticks(k.duration) < least {
			break
		}
		r.length -= media.Ticks(k.duration)
		names = append(names, r.segment(k).Name())
	}
	r.segments = r.segments[i:]
	return names
}

// segment converts k to a media.Segment.
func (r *Replay) segment(k replaySegment) *media.Segment {
	return &media.Segment{
		Publication:     r.publications[k.publication],
		MSN:             k.msn,
		Duration:        media.Ticks(k.duration),
		ProgramDateTime: time.UnixMilli(k.date),
		Discontinuity:   k.flags&flagDiscontinuity != 0,
		Independent:     k.flags&flagDependent == 0,
	}
}

// Render returns the text of the playlist, with an EXT-X-PLAYLIST-TYPE of VOD (section
// 4.4.3.5). folder is the folder of the segments relative to the playlist: "source/".
func (r *Replay) Render(folder string) []byte {
	b := append(make([]byte, 0, r.size(folder)), mediaHead...)
	b = append(b, "#EXT-X-PLAYLIST-TYPE:VOD\n"...)
	if !r.dependent() {
		b = append(b, independentTag...)
	}
	b = append(b, "#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(r.constants.Target), 10)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendInt(b, max(0, r.First()), 10)
	b = append(b, '\n')
	b = r.appendSegments(b, folder)
	return append(b, "#EXT-X-ENDLIST\n"...)
}

// appendSegments appends the segments. The first one needs no EXT-X-DISCONTINUITY.
func (r *Replay) appendSegments(b []byte, folder string) []byte {
	for i, k := range r.segments {
		s := r.segment(k)
		s.Discontinuity = s.Discontinuity && i > 0
		b = appendSegmentHead(b, s, false)
		b = appendSegmentInfo(b, s, k.flags&flagGap != 0)
		b = append(b, folder...)
		b = append(append(b, s.Name()...), '\n')
	}
	return b
}

func (r *Replay) size(folder string) int {
	const header, segment = 256, 128
	return header + len(r.segments)*(segment+len(folder))
}

// dependent reports whether a segment does not begin with a key frame.
func (r *Replay) dependent() bool {
	for _, k := range r.segments {
		if k.flags&flagDependent != 0 {
			return true
		}
	}
	return false
}
