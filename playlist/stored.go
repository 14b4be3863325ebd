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
	listed        []archived
	length        media.Ticks
	discontinuity int64
	dependent     bool // some segment did not begin with a key frame
}

type archived struct {
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
func (a *Stored) Add(s *media.Segment, lost bool) []Removed {
	text := appendSegmentTail(appendSegmentHead(nil, s, false), s, lost || s.Size == 0)
	a.listed = append(a.listed, archived{s.Name(), s.MSN, s.Duration, s.Discontinuity, string(text)})
	a.length += s.Duration
	a.dependent = a.dependent || !s.Independent
	// The origin's playlist is longer by the parts of the open segment, and what it still
	// serves must be in storage.
	reserve := 3 * media.Ticks(a.constants.Target) * media.Second
	var departed []Removed
	for len(a.listed) > minSegments && a.length-a.listed[0].duration >= a.window {
		first := a.listed[0]
		departed = append(departed, Removed{first.name, first.msn, (first.duration + max(a.longest, a.window) + reserve).Duration()})
		a.length -= first.duration
		if first.discontinuity {
			a.discontinuity++
		}
		a.listed = a.listed[1:]
	}
	a.longest = max(a.longest, a.length)
	return departed
}

// Names returns the file names of the listed segments.
func (a *Stored) Names() []string {
	names := make([]string, len(a.listed))
	for i := range a.listed {
		names[i] = a.listed[i].name
	}
	return names
}

// First returns the media sequence number of the oldest listed segment, or -1 if there is
// none.
func (a *Stored) First() int64 {
	if len(a.listed) == 0 {
		return -1
	}
	return a.listed[0].msn
}

// Render returns the text of the playlist.
func (a *Stored) Render(ended bool) []byte {
	first := int64(0)
	if len(a.listed) > 0 {
		first = a.listed[0].msn
	}
	b := append(make([]byte, 0, 256+len(a.listed)*140), mediaHead...)
	if !a.dependent {
		b = append(b, independentTag...)
	}
	b = append(b, "#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(a.constants.Target), 10)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendInt(b, first, 10)
	b = append(b, "\n#EXT-X-DISCONTINUITY-SEQUENCE:"...)
	b = strconv.AppendInt(b, a.discontinuity, 10)
	b = append(b, '\n')
	for _, s := range a.listed {
		b = append(b, s.text...)
	}
	if ended {
		b = append(b, "#EXT-X-ENDLIST\n"...)
	}
	return b
}
