package flv

import "golive/media"

const (
	// smallStep is the longest step, in milliseconds, that is taken for a wrap of a clock
	// of fewer than 32 bits.
	smallStep = 3000
	// sameTime is the largest distance of audio and video, in milliseconds, at which they
	// are on the same side of such a wrap.
	sameTime = 1000
	// longStep is the longest step, in milliseconds, that is followed at once. After a
	// longer one the next timestamp decides whether the clock jumped or a single timestamp
	// was wrong.
	longStep = 1 << 30
)

// Timestamps unwraps the timestamps of one publication's tags, which are 32 bits of
// milliseconds (E.4.1). Some encoders keep only 24 or 31 of the bits: a small step over
// such a wrap is unwrapped too. Wrong timestamps stay wrong.
//
// The zero value is ready. It is used by one goroutine.
type Timestamps struct {
	video, audio trackTimes
}

// trackTimes is the state of the timestamps of audio or video.
type trackTimes struct {
	seen bool
	last reading // the next timestamp is relative to it
	far  reading // the previous timestamp, if it was a long step away from last
}

// reading is a timestamp and its unwrapped value, in milliseconds.
type reading struct {
	raw uint32
	at  int64
}

// Video returns the time of the next video unit.
func (t *Timestamps) Video(timestamp uint32) media.Ticks {
	return t.video.next(&t.audio, timestamp)
}

// Audio returns the time of the next audio unit.
func (t *Timestamps) Audio(timestamp uint32) media.Ticks {
	return t.audio.next(&t.video, timestamp)
}

// next unwraps a timestamp relative to the previous one, or to that of the other track if
// it is close to that one only.
func (t *trackTimes) next(other *trackTimes, raw uint32) media.Ticks {
	from := t.last
	if !t.seen {
		if from = other.last; !other.seen {
			from = reading{raw, int64(raw)}
		}
		t.seen = true
	}
	d := distance(from.raw, raw)
	if other.seen && (d < -smallStep || d > smallStep) {
		if e := distance(other.last.raw, raw); -sameTime <= e && e <= sameTime {
			from, d = other.last, e
		}
	}
	isFar := d < -longStep || d > longStep
	if isFar && t.far != (reading{}) {
		from, d, isFar = t.far, distance(t.far.raw, raw), false
	}
	now := reading{raw, from.at + d}
	if isFar {
		t.far = now
	} else {
		t.last, t.far = now, reading{}
	}
	return media.TicksFromMillis(now.at)
}

// distance returns the signed time from one timestamp to the next, in milliseconds.
func distance(from, to uint32) int64 {
	d := int64(int32(to - from))
	if -smallStep <= d && d <= smallStep {
		return d
	}
	for _, bits := range []int{31, 24} {
		if shift := 32 - bits; to < 1<<bits {
			if e := int64(int32((to-from)<<shift) >> shift); -smallStep <= e && e <= smallStep {
				return e
			}
		}
	}
	return d
}
