package playlist

import (
	"strconv"
	"time"

	"golive/media"
)

// Archive is the plain playlist of what storage has acknowledged: no parts, no
// name that is not there. It belongs to one goroutine.
type Archive struct {
	target        int
	window        media.Ticks
	listed        []archived
	length        media.Ticks
	discontinuity int64
	dependent     bool // some segment did not begin with a key frame
}

type archived struct {
	msn           int64
	duration      media.Ticks
	discontinuity bool
	text          string
}

// NewArchive makes the playlist that lists window of media.
func NewArchive(target int, window time.Duration, start Start) *Archive {
	return &Archive{target: target, window: media.TicksFromDuration(window), discontinuity: start.DiscontinuitySequence}
}

// Add appends a segment; one that storage has not is listed with EXT-X-GAP.
func (a *Archive) Add(s *media.Segment, lost bool) {
	text := appendSegmentTail(appendSegmentHead(nil, s), s, lost || s.Size == 0)
	a.listed = append(a.listed, archived{s.MSN, s.Duration, s.Discontinuity, string(text)})
	a.length += s.Duration
	a.dependent = a.dependent || !s.Independent
	for len(a.listed) > minSegments && a.length-a.listed[0].duration >= a.window {
		a.length -= a.listed[0].duration
		if a.listed[0].discontinuity {
			a.discontinuity++
		}
		a.listed = a.listed[1:]
	}
}

// Render writes the playlist.
func (a *Archive) Render(ended bool) []byte {
	b := append(make([]byte, 0, 256+len(a.listed)*140), "#EXTM3U\n#EXT-X-VERSION:3\n"...)
	if !a.dependent {
		b = append(b, "#EXT-X-INDEPENDENT-SEGMENTS\n"...)
	}
	b = append(b, "#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(a.target), 10)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	if len(a.listed) > 0 {
		b = strconv.AppendInt(b, a.listed[0].msn, 10)
	} else {
		b = append(b, '0')
	}
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
