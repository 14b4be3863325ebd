package media

import (
	"strconv"
	"time"
)

// Container is the format of the bytes of parts and segments.
type Container uint8

const (
	// MPEGTS is ISO 13818-1. Only its segments are addressable.
	MPEGTS Container = iota
	// CMAF is fragmented MP4 (ISO 14496-12, ISO 23000-19).
	CMAF
)

// String returns the usual name of the container.
func (c Container) String() string {
	if c == CMAF {
		return "CMAF"
	}
	return "MPEG-TS"
}

// Extension returns the ending of the names of segments and parts.
func (c Container) Extension() string {
	if c == CMAF {
		return ".m4s"
	}
	return ".ts"
}

// Carries reports whether players take the codec in the container. There are ways to put AV1
// and Opus into MPEG-TS, but no player of HLS reads them.
func (c Container) Carries(codec Codec) bool {
	switch codec {
	case H264, HEVC, AAC, MP3:
		return true
	case AV1, Opus:
		return c == CMAF
	}
	return false
}

// Carried returns the tracks that the container carries, of those of a rendition, which may be
// nil.
func (c Container) Carried(video, audio *Track) (carriedVideo, carriedAudio *Track) {
	if video != nil && c.Carries(video.Codec) {
		carriedVideo = video
	}
	if audio != nil && c.Carries(audio.Codec) {
		carriedAudio = audio
	}
	return carriedVideo, carriedAudio
}

// InitExtension is the ending of the names of initialization segments.
const InitExtension = ".mp4"

// Init is an initialization segment (the Media Initialization Section of RFC 8216bis section
// 4.4.4.5): what a player needs before the first segment with it.
type Init struct {
	// Name is its file name, which is never reused.
	Name string
	Data []byte
}

// Part is the smallest run of media that a player can request (a Partial Segment of RFC
// 8216bis section 3.2). Its bytes are one immutable slab.
type Part struct {
	Container Container
	// Publication and MSN name the segment the part belongs to.
	Publication string
	MSN         int64
	// Number counts the parts of the publication, from 0, so that the next part's name is
	// known before it is decided whether it begins a segment. It is NoNumber if the part
	// stands for a whole segment.
	Number int64
	// Data holds the part's bytes. It is nil if only storage has them: then they are Size
	// bytes from Offset of the segment's object.
	Data   []byte
	Offset int64
	Size   int64
	// Start is the decoding time at which the part begins. Parts follow each other without
	// a gap: Start+Duration is the next part's Start.
	Start, Duration Ticks
	// Independent is set if the part contains a picture that is decoded on its own: an
	// IDR picture, or the intra picture of an open GOP (the INDEPENDENT attribute of
	// EXT-X-PART).
	Independent bool
	// Gap is set if no media was received for this time: the part has no bytes (the GAP
	// attribute of EXT-X-PART).
	Gap bool
	// Arrived is when the last byte of the part's last access unit was received.
	Arrived time.Time
}

// NoNumber is the Number of a part without a name.
const NoNumber = -1

// Name returns the part's file name, which is never reused: PUBLICATION.NUMBER.m4s.
func (p *Part) Name() string {
	return p.Publication + "." + strconv.FormatInt(p.Number, 10) + p.Container.Extension()
}

// Segment is a sequence of parts (a Media Segment of RFC 8216bis section 3). It shares
// their bytes.
type Segment struct {
	Container Container
	// Init is the initialization segment, nil in MPEG-TS and in a gap.
	Init *Init
	// Publication is the token of the publication that made the segment.
	Publication string
	// MSN is the media sequence number.
	MSN int64
	// Parts are in order and complete.
	Parts []*Part
	// Start is the decoding time of the first access unit; Duration is the sum
	// of the parts' durations.
	Start, Duration Ticks
	// Size is the sum of the parts' sizes, in bytes; 0 if all of them
	// are gaps, UnknownSize if it is not known.
	Size int64
	// ProgramDateTime is the wall-clock time of Start.
	ProgramDateTime time.Time
	// Discontinuity is set if EXT-X-DISCONTINUITY precedes the segment.
	Discontinuity bool
	// Independent is set if the whole segment can be decoded without another one: it
	// begins with an IDR picture (EXT-X-INDEPENDENT-SEGMENTS, RFC 8216bis section
	// 4.4.2.1).
	Independent bool
}

// UnknownSize is the Size of a segment, and of the one part that stands for it, if only
// storage knows it.
const UnknownSize = -1

// Name returns the segment's file name, which is never reused: PUBLICATION-MSN.ts, or .m4s.
func (s *Segment) Name() string {
	return s.Publication + "-" + strconv.FormatInt(s.MSN, 10) + s.Container.Extension()
}

// InitName returns the name of the initialization segment that begins to apply at the segment.
func (s *Segment) InitName() string {
	return s.Publication + "-" + strconv.FormatInt(s.MSN, 10) + InitExtension
}

// Slabs returns the bytes of the segment's parts in order, not copied, or nil if only
// storage has them.
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

// WithoutData returns a copy of the segment without its bytes, which storage has.
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
