package fmp4

import (
	"golive/codec/aac"
	"golive/media"
)

// audioClock counts audio samples. The timescale of the audio track is the sample rate,
// and consecutive frames are exactly as long as their samples: times rounded to 90 kHz
// would have gaps and overlaps of a sample.
type audioClock struct {
	known bool
	rate  int64
	next  int64 // the time of the next frame if there is no hole
}

// noHole is the largest difference between two parts that is no hole: RTMP has whole
// milliseconds, and clock corrections are smaller.
const noHole = 3 * media.Millisecond

// at returns the time of u. If u is the first frame of its part, the duration of the frame
// before it is published already: so a small difference is left to the next frame, and the
// parts' tfdt are continuous.
func (c *audioClock) at(u *media.AccessUnit, first bool) int64 {
	rate := int64(u.Track.SampleRate)
	at := max(scale(u.PTS+timeOffset, rate), 0)
	tolerance := 1 + rate/int64(media.Second) // what a tick rounds away
	if first {
		tolerance = scale(noHole, rate)
	}
	if off := at - c.next; c.known && c.rate == rate && -tolerance <= off && off <= tolerance {
		return c.next
	}
	return at
}

// scale converts t to a timescale, rounded to the nearest.
func scale(t media.Ticks, timescale int64) int64 {
	const second = int64(media.Second)
	whole, rest := int64(t)/second, int64(t)%second
	return whole*timescale + (rest*timescale+second/2)/second
}

// planSound plans the sample of the audio frame u, which is units[i].
func (m *Muxer) planSound(i int, u *media.AccessUnit) {
	at := max(m.clock.at(u, len(m.audio.samples) == 0), m.audio.last)
	m.clock = audioClock{known: true, rate: int64(u.Track.SampleRate), next: at + int64(u.Track.SamplesPerUnit)}
	size := len(frameLayout(u)) + len(u.Data)
	m.audio.add(sample{unit: i, size: uint32(size), flags: dependsOnNothing}, at)
}

// frameLayout returns the program config element to put before the frame u; nil for most.
func frameLayout(u *media.AccessUnit) []byte {
	if u.Track.ProgramConfig == nil || aac.HasProgramConfig(u.Data) {
		return nil
	}
	return layoutOf(u.Track)
}
