package hlscheck

import "time"

// Recording is what a Follower received.
type Recording struct {
	URL string
	// Multivariant is nil if the URL was that of a media playlist.
	Multivariant *Multivariant
	// Renditions are in the order of the multivariant playlist.
	Renditions []*Rendition
	// Violations are sorted by rule.
	Violations []Violation
}

// Broken returns the violations of the given rules; of all rules if none is given.
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

// Rendition is the recording of one media playlist.
type Rendition struct {
	URL string
	// Name is the URI in the multivariant playlist, or else the last element of
	// the URL.
	Name string
	// Variant is the multivariant playlist's line; nil if there was none.
	Variant *Variant
	// Subtitles is set if it has only subtitles.
	Subtitles bool
	// Last is the last playlist read.
	Last *Media
	// Reloads is the number of playlists read; Waited that of blocking reloads among them.
	Reloads, Waited int
	// Ended is set if EXT-X-ENDLIST was seen.
	Ended bool
	// Missed is the number of segments that were added and removed between two reloads.
	Missed int64
	// Segments are in order, each once. So are Parts, if LowLatency was set.
	Segments []*FetchedSegment
	Parts    []*FetchedPart
}

// FetchedSegment is a segment with its bytes.
type FetchedSegment struct {
	Segment
	URL string
	// Listed is when the playlist first listed it.
	Listed time.Time
	// Independent is set if its playlist then had EXT-X-INDEPENDENT-SEGMENTS, or the
	// multivariant playlist has it.
	Independent bool
	// Data is nil if it could not be fetched, is a gap, or Discard is set.
	Data []byte
	Err  error
	// Size is the number of its bytes.
	Size int
	// Start is the first PTS of its first track, in 90 kHz ticks of 33 bits; -1
	// if it is not known.
	Start int64
}

// FetchedPart is a part with its bytes.
type FetchedPart struct {
	Part
	// MSN is that of its segment, Index its index in it from 0.
	MSN    int64
	Index  int
	URL    string
	Listed time.Time
	Data   []byte
	Err    error
}

// Bytes returns the concatenated bytes of all segments.
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
