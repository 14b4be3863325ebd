package playlist

import (
	"strconv"

	"golive/media"
)

// Replay is the playlist of a whole broadcast, for watching it after its end:
// every segment, what was lost as a gap. It belongs to one goroutine.
type Replay struct {
	constants Constants
	folder    string
	first     int64 // the first segment's MSN
	count     int
	length    media.Ticks
	dependent bool // some segment did not begin with a key frame
	text      []byte
}

// NewReplay makes an empty one. folder is where the segments are, relative to the
// playlist: "source/".
func NewReplay(constants Constants, folder string) *Replay {
	return &Replay{constants: constants, folder: folder}
}

// Add appends a segment; one that storage has not is listed with EXT-X-GAP.
func (r *Replay) Add(s *media.Segment, lost bool) {
	if r.count == 0 {
		r.first = s.MSN
	}
	r.count++
	r.length += s.Duration
	r.dependent = r.dependent || !s.Independent
	head := *s
	// Nothing comes before the first segment that it could differ from.
	head.Discontinuity = s.Discontinuity && r.count > 1
	r.text = appendSegmentHead(r.text, &head)
	r.text = appendSegmentInfo(r.text, s, lost || s.Size == 0)
	r.text = append(r.text, r.folder...)
	r.text = append(append(r.text, s.Name()...), '\n')
}

// Len is the number of segments.
func (r *Replay) Len() int { return r.count }

// Render writes the playlist, which will never change: EXT-X-PLAYLIST-TYPE is VOD
// (section 4.4.3.5).
func (r *Replay) Render() []byte {
	b := append(make([]byte, 0, 256+len(r.text)), mediaHead+"#EXT-X-PLAYLIST-TYPE:VOD\n"...)
	if !r.dependent {
		b = append(b, independentTag...)
	}
	b = append(b, "#EXT-X-TARGETDURATION:"...)
	b = strconv.AppendInt(b, int64(r.constants.Target), 10)
	b = append(b, "\n#EXT-X-MEDIA-SEQUENCE:"...)
	b = strconv.AppendInt(b, r.first, 10)
	b = append(b, '\n')
	b = append(b, r.text...)
	return append(b, "#EXT-X-ENDLIST\n"...)
}
