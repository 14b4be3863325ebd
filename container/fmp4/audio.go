package fmp4

import "golive/media"

// audioClock counts the samples of the sound, in the sample rate, which is its
// timescale. Frames that follow each other are exactly as long as their samples: media
// time is whole ticks of 90 kHz, and its rounding would make gaps and overlaps of a
// sample between frames.
type audioClock struct {
	known bool
	rate  int64
	next  int64 // where the next frame begins if it follows the last one
}

// noHole is a difference that is no hole: sound on the wire is in whole milliseconds, and
// clocks are corrected by less.
const noHole = 3 * media.Millisecond

// at returns where u begins. With first, u is the first frame of its part: the frame
// before it got its duration with the part before, so a difference that is no hole waits
// for the next frame, and tfdt runs on.
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
	m.audio.add(sample{unit: i, size: uint32(len(u.Data)), flags: dependsOnNothing}, at)
}
