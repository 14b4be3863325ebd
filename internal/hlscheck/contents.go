package hlscheck

import (
	"slices"
	"time"
)

// Contents is the media of a segment, a part or a file, whatever its container.
type Contents struct {
	// Streams are the elementary streams, in the order of their IDs.
	Streams []*Stream
	// produced are the producer reference times of fragmented MP4.
	produced []producedAt
}

// producedAt is a producer reference time (ISO 14496-12 section 8.16.5): when the sample of
// the stream with that media time was produced.
type producedAt struct {
	stream *Stream
	time   int64
	when   time.Time
}

// Stream is one elementary stream.
type Stream struct {
	// ID is the PID in MPEG-TS, and the track ID in MP4.
	ID    uint32
	Codec Codec
	// CodecString is the stream's element of CODECS (RFC 6381); empty if it is not known.
	CodecString string
	// Timescale is the number of time units per second: 90,000 in MPEG-TS.
	Timescale int64
	// ADTS is set if the units are of ADTS frames, and not of one raw frame each.
	ADTS bool
	// Units are in order of decoding: for video one access unit each, for audio one or more
	// frames.
	Units []Unit
	// Fragments are the track fragments of MP4; there are none in MPEG-TS.
	Fragments []Fragment

	// parameters identifies the decoder configuration; it is empty if it is not known.
	parameters string
	// configured is set if the container has the parameter sets, which units then need not
	// have.
	configured bool
	// wraps is set if times have 33 bits.
	wraps bool
}

// Unit is an access unit. Times are in units of the stream's timescale.
type Unit struct {
	// PTS and DTS are as written in MP4, with the edit list applied to PTS. In MPEG-TS the first
	// ones are as written, and the others are unwrapped from 33 bits.
	PTS, DTS int64
	// Duration is 0 in MPEG-TS, which does not have it.
	Duration int64
	// Key is the random_access_indicator of MPEG-TS, or set for a sync sample of MP4.
	Key bool
	// Data is in Annex B for H.264 and HEVC.
	Data []byte
}

// Fragment is a track fragment. It may be empty.
type Fragment struct {
	// DTS is its decode time, First the index of its first unit.
	DTS   int64
	First int
}

// Codec is the kind of a stream.
type Codec int

// The codecs that are distinguished.
const (
	OtherCodec Codec = iota
	H264
	HEVC
	AV1
	OtherVideo
	AAC
	Opus
	OtherAudio
)

func (c Codec) String() string {
	return [...]string{"another codec", "H.264", "HEVC", "AV1", "another video codec", "AAC", "Opus", "another audio codec"}[c]
}

// Video reports whether c is a video codec.
func (c Codec) Video() bool { return H264 <= c && c <= OtherVideo }

// Audio reports whether c is an audio codec.
func (c Codec) Audio() bool { return AAC <= c && c <= OtherAudio }

// Video returns the first video stream; nil when there is none.
func (c *Contents) Video() *Stream { return c.find(Codec.Video) }

// Audio returns the first audio stream; nil when there is none.
func (c *Contents) Audio() *Stream { return c.find(Codec.Audio) }

// first returns the video stream, or else the audio stream; nil if it is empty.
func (c *Contents) first() *Stream {
	s := c.Video()
	if s == nil {
		s = c.Audio()
	}
	if s == nil || len(s.Units) == 0 {
		return nil
	}
	return s
}

func (c *Contents) find(is func(Codec) bool) *Stream {
	i := slices.IndexFunc(c.Streams, func(s *Stream) bool { return is(s.Codec) })
	if i < 0 {
		return nil
	}
	return c.Streams[i]
}

// Payloads returns the data of the units in order.
func (s *Stream) Payloads() [][]byte {
	p := make([][]byte, len(s.Units))
	for i := range s.Units {
		p[i] = s.Units[i].Data
	}
	return p
}

// Ticks converts a time of the stream to 90 kHz, rounded to the nearest tick.
func (s *Stream) Ticks(t int64) int64 {
	if s.Timescale == second {
		return t
	}
	whole, rest := t/s.Timescale, t%s.Timescale
	return whole*second + (rest*second+s.Timescale/2)/s.Timescale
}

// second is a second in 90 kHz ticks.
const second = int64(90_000)

// unwrap returns the time that raw stands for, near a reference.
func (s *Stream) unwrap(reference, raw int64) int64 {
	if s.wraps {
		return near(reference, raw)
	}
	return raw
}

// duration returns how long the units last; ok is false if the container does not say so.
func (s *Stream) duration() (d time.Duration, ok bool) {
	if len(s.Fragments) == 0 || len(s.Units) == 0 {
		return 0, false
	}
	var sum int64
	for i := range s.Units {
		sum += s.Units[i].Duration
	}
	return s.seconds(sum), true
}

// seconds converts a time of the stream.
func (s *Stream) seconds(t int64) time.Duration {
	whole, rest := t/s.Timescale, t%s.Timescale
	return time.Duration(whole)*time.Second + time.Duration(rest)*time.Second/time.Duration(s.Timescale)
}
