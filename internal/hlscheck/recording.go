package hlscheck

import "time"

// Recording is what a Follower saw.
type Recording struct {
	URL string
	// Multivariant is nil when the URL was that of a media playlist.
	Multivariant *Multivariant
	// Renditions are in the order of the multivariant playlist.
	Renditions []*Rendition
	// Violations are by rule.
	Violations []Violation
}

// Broken are the violations of the given rules; of all rules when none is given.
func (r *Recording) Broken(rules ...int) []Violation {
	var broken []Violation
	for _, v := range r.Violations {
		if len(rules) == 0 {
			broken = append(broken, v)
		}
		for _, rule := range rules {
			if v.Rule == rule {
				broken = append(broken, v)
			}
		}
	}
	return broken
}

// Rendition is one media playlist's history.
type Rendition struct {
	URL string
	// Name is the URI in the multivariant playlist, or else the last element of
	// the URL.
	Name string
	// Variant is the multivariant playlist's line; nil when there was none.
	Variant *Variant
	// Subtitles says that it has text and neither picture nor sound.
	Subtitles bool
	// Last is the last playlist read.
	Last *Media
	// Reloads counts the playlists read; Waited the blocking reloads among them.
	Reloads, Waited int
	// Ended says that EXT-X-ENDLIST was seen.
	Ended bool
	// Missed counts segments that came and went between two reloads.
	Missed int64
	// Segments are in order, each once. Parts too, when they were asked for.
	Segments []*FetchedSegment
	Parts    []*FetchedPart
}

// FetchedSegment is a segment and its bytes.
type FetchedSegment struct {
	Segment
	URL string
	// Listed is when the playlist named it first.
	Listed time.Time
	// Independent says that its playlist then had EXT-X-INDEPENDENT-SEGMENTS, or the
	// multivariant playlist has it.
	Independent bool
	// Data is nil when it could not be fetched, is a gap, or was not to be kept.
	Data []byte
	Err  error
	// Size is the number of its bytes.
	Size int
	// Start is the first PTS of its first track, in 90 kHz ticks of 33 bits; -1
	// when it is not known.
	Start int64
}

// FetchedPart is a part and its bytes.
type FetchedPart struct {
	Part
	// MSN is its segment, Index its place in it from 0.
	MSN    int64
	Index  int
	URL    string
	Listed time.Time
	Data   []byte
	Err    error
}

// Bytes are all segments' bytes as one.
func (r *Rendition) Bytes() []byte {
	n := 0
	for _, s := range r.Segments {
		n += len(s.Data)
	}
	all := make([]byte, 0, n)
	for _, s := range r.Segments {
		all = append(all, s.Data...)
	}
	return all
}
