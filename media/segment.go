package media

import (
	"strconv"
	"time"
)

// Part is the smallest addressable run of media: one immutable slab of MPEG-TS
// that begins with PAT and PMT (a Partial Segment of RFC 8216bis section 3.2).
type Part struct {
	// Session and MSN name the segment the part belongs to.
	Session string
	MSN     int64
	// Number counts the parts of the publication, from 0, so that the next part's name
	// is known before it is known whether that begins a segment. It is NoNumber where one
	// part stands for all of a segment.
	Number int64
	// Data is the part's bytes. It is nil when the bytes are kept in storage
	// only; then they are Size bytes at Offset of the segment's object.
	Data   []byte
	Offset int64
	Size   int64
	// Start is the decoding time of the part's beginning; Duration is how long
	// it lasts. Parts follow each other without a hole: Start+Duration is the
	// next part's Start.
	Start, Duration Ticks
	// Independent says that the part contains a picture that is decoded on its own: an
	// IDR picture, or the intra picture of an open GOP (the INDEPENDENT attribute of
	// EXT-X-PART).
	Independent bool
	// Gap says that the wire brought nothing for this time: the part has no bytes
	// (the GAP attribute of EXT-X-PART).
	Gap bool
	// Arrived is when the last byte of the part's last access unit was read.
	Arrived time.Time
}

// NoNumber is the Number of a part that has no name.
const NoNumber = -1

// Name is the part's file name, unique for all time: SESSION.NUMBER.ts.
func (p *Part) Name() string { return p.Session + "." + strconv.FormatInt(p.Number, 10) + ".ts" }

// Segment is its parts in sequence; it owns no bytes (a Media Segment of
// RFC 8216bis section 3).
type Segment struct {
	// Session is the token of the publication that made the segment.
	Session string
	// MSN is the media sequence number.
	MSN int64
	// Parts are in order and complete.
	Parts []*Part
	// Start is the decoding time of the first access unit; Duration is the sum
	// of the parts' durations.
	Start, Duration Ticks
	// Size is the sum of the parts' sizes, in bytes; 0 when nothing but gaps was
	// aired, UnknownSize when the segment was read back from a playlist.
	Size int64
	// ProgramDateTime is the wall-clock time of Start.
	ProgramDateTime time.Time
	// Discontinuity says that EXT-X-DISCONTINUITY stands before the segment.
	Discontinuity bool
	// Independent says that all of the segment is decoded without another one: it
	// begins with an IDR picture (EXT-X-INDEPENDENT-SEGMENTS, RFC 8216bis section
	// 4.4.2.1).
	Independent bool
}

// UnknownSize is the Size of a segment, and of the one part that stands for it, when
// only storage knows it.
const UnknownSize = -1

// Name is the segment's file name, unique for all time: SESSION-MSN.ts.
func (s *Segment) Name() string {
	return s.Session + "-" + strconv.FormatInt(s.MSN, 10) + ".ts"
}

// Slabs are the bytes of the segment's parts in order, shared and not copied.
// It is nil when they are kept in storage only.
func (s *Segment) Slabs() [][]byte {
	slabs := make([][]byte, 0, len(s.Parts))
	for _, p := range s.Parts {
		if p.Gap {
			continue
		}
		if p.Data == nil {
			return nil
		}
		slabs = append(slabs, p.Data)
	}
	return slabs
}

// WithoutData is a copy of the segment whose parts have left their bytes to
// storage.
func (s *Segment) WithoutData() *Segment {
	bare, parts := *s, make([]Part, len(s.Parts))
	bare.Parts = make([]*Part, len(s.Parts))
	for i, p := range s.Parts {
		parts[i] = *p
		parts[i].Data = nil
		bare.Parts[i] = &parts[i]
	}
	return &bare
}
