package hlscheck

import (
	"fmt"
	"time"
)

// Multivariant is a multivariant playlist (RFC 8216bis section 4.4.6).
type Multivariant struct {
	Version             int
	IndependentSegments bool
	Variants            []Variant
	// Media are the EXT-X-MEDIA tags' attributes.
	Media []Attributes
}

// Variant is one EXT-X-STREAM-INF with its URI.
type Variant struct {
	URI              string
	Bandwidth        int64 // bits per second
	AverageBandwidth int64 // bits per second; 0 if absent
	Codecs           string
	Width, Height    int
	FrameRate        float64
	Attributes       Attributes
	Line             int
}

// Media is a media playlist (RFC 8216bis section 4.4.3).
type Media struct {
	Version                  int
	TargetDuration           time.Duration
	HasTargetDuration        bool
	MediaSequence            int64
	HasMediaSequence         bool
	DiscontinuitySequence    int64
	HasDiscontinuitySequence bool
	// PlaylistType is "", "EVENT" or "VOD".
	PlaylistType        string
	EndList             bool
	IndependentSegments bool
	// PartTarget is PART-INF's; 0 if there is none.
	PartTarget    time.Duration
	ServerControl ServerControl
	Segments      []Segment
	// Parts are those after the last complete segment.
	Parts []Part
	// OpenDiscontinuity is set if a discontinuity stands before them.
	OpenDiscontinuity bool
	Hints             []PreloadHint
	Reports           []RenditionReport
	// Skipped is EXT-X-SKIP's SKIPPED-SEGMENTS; 0 if there is none.
	Skipped int64
	// Needs is the lowest EXT-X-VERSION that the tags require (section 8).
	Needs int
}

// ServerControl is EXT-X-SERVER-CONTROL; zero if absent.
type ServerControl struct {
	Present        bool
	CanBlockReload bool
	CanSkipUntil   time.Duration
	HoldBack       time.Duration
	PartHoldBack   time.Duration
	Line           int
}

// Segment is one media segment in a playlist.
type Segment struct {
	MSN int64
	URI string
	// Duration is EXTINF, exact to the nanosecond.
	Duration time.Duration
	// ProgramDateTime is zero if the segment has no such tag.
	ProgramDateTime time.Time
	Discontinuity   bool
	// DiscontinuitySequence is the number of discontinuities up to and including
	// the one before this segment, since the broadcast began.
	DiscontinuitySequence int64
	Gap                   bool
	// Bytes is EXT-X-BYTERANGE; zero if the segment is the whole resource.
	Bytes ByteRange
	// Map is the EXT-X-MAP in force; zero if there is none.
	Map   Map
	Parts []Part
	Line  int
}

// Map is an EXT-X-MAP: where the initialization segment is.
type Map struct {
	URI string
	// Bytes is BYTERANGE; zero if it is the whole resource.
	Bytes ByteRange
}

// Part is one EXT-X-PART.
type Part struct {
	URI         string
	Duration    time.Duration
	Independent bool
	Gap         bool
	// Bytes is BYTERANGE; zero if the part is the whole resource.
	Bytes ByteRange
	// Map is the EXT-X-MAP in force.
	Map  Map
	Line int
}

// ByteRange is a part of a resource.
type ByteRange struct{ Offset, Length int64 }

// header returns the value of the Range header (RFC 9110 section 14.1.2).
func (b ByteRange) header() string {
	return fmt.Sprintf("bytes=%d-%d", b.Offset, b.Offset+b.Length-1)
}

// cut returns the range of a complete resource.
func (b ByteRange) cut(body []byte) []byte {
	from := min(b.Offset, int64(len(body)))
	return body[from:min(b.Offset+b.Length, int64(len(body)))]
}

// PreloadHint is one EXT-X-PRELOAD-HINT.
type PreloadHint struct {
	Type, URI string
	// Ranged is set if the hint is for a range of the resource.
	Ranged bool
	Line   int
}

// RenditionReport is one EXT-X-RENDITION-REPORT.
type RenditionReport struct {
	URI string
	// LastMSN and LastPart are -1 if absent: then they equal those of the playlist that has the
	// report.
	LastMSN, LastPart int64
	Line              int
}

// Length returns the sum of all segments' and trailing parts' durations.
func (m *Media) Length() time.Duration {
	var sum time.Duration
	for i := range m.Segments {
		sum += m.Segments[i].Duration
	}
	for i := range m.Parts {
		sum += m.Parts[i].Duration
	}
	return sum
}

// lastMSN returns the number of the last complete segment, or MediaSequence-1 if there is
// none.
func (m *Media) lastMSN() int64 { return m.MediaSequence + m.Skipped + int64(len(m.Segments)) - 1 }
