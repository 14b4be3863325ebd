package playlist

import (
	"strconv"
	"time"

	"golive/media"
)

// Archive is the plain playlist of what storage has acknowledged: no parts, no
// name that is not there. It belongs to one goroutine.
type Archive struct {
	constants     Constants
	longest       media.Ticks // the longest list so far
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

// Departed is a segment that has left the list and must stay fetchable for Grace:
// its own duration and that of the longest list that named it (section 6.2.2).
type Departed struct {
	Name  string
	MSN   int64
	Grace time.Duration
}

// NewArchive makes the playlist that lists window of media.
func NewArchive(constants Constants, window time.Duration, start Start) *Archive {
	return &Archive{constants: constants, window: media.TicksFromDuration(window), discontinuity: start.DiscontinuitySequence}
}

// Add appends a segment, and says what left the list for it. One that storage has
// not is listed with EXT-X-GAP.
func (a *Archive) Add(s *media.Segment, lost bool) []Departed {
	text := appendSegmentTail(appendSegmentHead(nil, s), s, lost || s.Size == 0)
	a.listed = append(a.listed, archived{s.Name(), s.MSN, s.Duration, s.Discontinuity, string(text)})
	a.length += s.Duration
	a.dependent = a.dependent || !s.Independent
	// The origin's list is longer by the parts of the segment in the making, and
	// what it still answers for must still be here.
	reserve := 3 * media.Ticks(a.constants.Target) * media.Second
	var departed []Departed
	for len(a.listed) > minSegments && a.length-a.listed[0].duration >= a.window {
		first := a.listed[0]
		departed = append(departed, Departed{first.name, first.msn, (first.duration + max(a.longest, a.window) + reserve).Duration()})
		a.length -= first.duration
		if first.discontinuity {
			a.discontinuity++
		}
		a.listed = a.listed[1:]
	}
	a.longest = max(a.longest, a.length)
	return departed
}

// Names are the listed segments' file names.
func (a *Archive) Names() []string {
	names := make([]string, len(a.listed))
	for i := range a.listed {
		names[i] = a.listed[i].name
	}
	return names
}

// First returns the media sequence number of the oldest listed segment; -1 when there is
// none.
func (a *Archive) First() int64 {
	if len(a.listed) == 0 {
		return -1
	}
	return a.listed[0].msn
}

// Render writes the playlist.
func (a *Archive) Render(ended bool) []byte {
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
