package hlscheck

import (
	"bytes"
	"slices"
	"time"
)

// Recording holds the playlists and media that a Follower received.
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
	// Codecs are the codec strings of the media of all segments.
	Codecs []string
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
	// Init is the initialization segment that EXT-X-MAP names, shared by the segments that have
	// it; nil if there is none.
	Init []byte
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
	MSN   int64
	Index int
	// Discontinuity is set if it is the first part after a discontinuity.
	Discontinuity bool
	URL           string
	Listed        time.Time
	Init, Data    []byte
	Err           error
}

// File returns the segment as a file of its own, with its initialization segment.
func (s *FetchedSegment) File() []byte { return slices.Concat(s.Init, s.Data) }

// File returns the part as a file of its own, with its initialization segment.
func (p *FetchedPart) File() []byte { return slices.Concat(p.Init, p.Data) }

// Bytes returns the concatenated bytes of all segments, as Join does.
func (r *Rendition) Bytes() []byte { return Join(r.Segments) }

// Join returns the concatenated bytes of segments, with the initialization segment before the
// first one that has it and wherever it changes.
func Join(segments []*FetchedSegment) []byte {
	var all, init []byte
	for _, s := range segments {
		if len(s.Data) == 0 {
			continue
		}
		if !bytes.Equal(init, s.Init) {
			init = s.Init
			all = append(all, init...)
		}
		all = append(all, s.Data...)
	}
	return all
}
