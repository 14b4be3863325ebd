package playlist

import (
	"strconv"
	"time"

	"golive/media"
)

// Stored is the media playlist of the segments that storage has acknowledged, without
// parts. It is used by one goroutine.
type Stored struct {
	constants     Constants
	longest       media.Ticks // duration of the longest list so far
	window        media.Ticks
	listed        []storedSegment
	length        media.Ticks
	discontinuity int64
	dependent     bool // some segment did not begin with a key frame
}

type storedSegment struct {
	name          string
	msn           int64
	duration      media.Ticks
	discontinuity bool
	text          string
}

// Removed is a segment that was removed from the list and must stay available for Grace:
// its own duration and that of the longest playlist that listed it (section 6.2.2).
type Removed struct {
	Name  string
	MSN   int64
	Grace time.Duration
}

// NewStored returns an empty playlist that lists window of media.
func NewStored(constants Constants, window time.Duration, start Start) *Stored {
	return &Stored{constants: constants, window: media.TicksFromDuration(window), discontinuity: start.DiscontinuitySequence}
}

// Add appends a segment, and returns the segments that were removed from the list. A lost
// segment is listed with EXT-X-GAP.
func (p *Stored) Add(s *media.Segment, lost bool) []Removed {
	text := appendSegmentTail(appendSegmentHead(nil, s, false), s, lost || s.Size == 0)
	p.listed = append(p.listed, storedSegment{s.Name(), s.MSN, s.Duration, s.Discontinuity, string(text)})
	p.length += s.Duration
	p.dependent = p.dependent || !s.Independent
	// The origin's playlist is longer by the parts of the open segment, and segments that it
	// still serves must be in storage.
	reserve := 3 * media.Ticks(p.constants.Target) * media.Second
	var removed []Removed
	for len(p.listed) > minSegments && p.length-p.listed[0].duration >= p.window {
		first := p.listed[0]
		removed = append(removed, Removed{first.name, first.msn, (first.duration + max(p.longest, p.window) + reserve).Duration()})
		p.length -= first.duration
		if first.discontinuity {
			p.discontinuity++
		}
		p.listed = p.listed[1:]
	}
	p.longest = max(p.longest, p.length)
	return removed
}

// Names returns the file names of the listed segments.
func (p *Stored) Names() []string {
	names := make([]string, len(p.listed))
	for i := range p.listed {
		names[i] = p.listed[i].name
	}
	return names
}

// First returns the media sequence number of the oldest listed segment, or -1 if there is
// none.
func (p *Stored) First() int64 {
	if len(p.listed) == 0 {
		return -1
	}
	return p.listed[0].msn
}

// Render returns the text of the playlist.
func (p *Stored) Render(ended bool) []byte {
	first := int64(0)
	if len(p.listed) > 0 {
		first = p.listed[0].msn
	}
	b := append(make([]byte, 0, 256+len(p.listed)*140), mediaHead...)
	if !p.dependent {
		b = append(b, independentTag...)
	}
	b = append(b, "#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(p.constants.Target), 10)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendInt(b, first, 10)
	b = append(b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	b = strconv.AppendInt(b, p.discontinuity, 10)
	b = append(b, '\n')
	for _, s := range p.listed {
		b = append(b, s.text...)
	}
	if ended {
		b = append(b, "#EXT-X-ENDLIST\n"...)
	}
	return b
}
