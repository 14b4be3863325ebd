package flv

import "golive/media"

const (
	// smallStep is the longest step of time, in milliseconds, that is taken for one
	// over the edge of a clock of fewer than 32 bits.
	smallStep = 3000
	// sameTime is how far apart sound and pictures may be, in milliseconds, to be on
	// the same side of such an edge.
	sameTime = 1000
	// longStep is the longest step, in milliseconds, after which the steps that follow
	// are counted from there at once: a clock that jumped there and one that gave a
	// single wrong time cannot be told apart before that.
	longStep = 1 << 30
)

// Timestamps makes the timestamps of one publication's tags, which are 32 bits of
// milliseconds (E.4.1), a time that never wraps. Some encoders keep only 24 or 31 of
// the bits: a small step over such an edge is a step too. Wrong times stay wrong;
// only the wrapping is undone.
//
// The zero value is ready. It is used by one goroutine.
type Timestamps struct {
	video, audio track
}

// track is how far the timestamps of one kind have come.
type track struct {
	seen bool
	last reading // the next timestamp is counted from it
	far  reading // the one before, if that was a long step away from last
}

// reading is a timestamp and what it stands for, in milliseconds.
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

// next unwraps a timestamp: it is counted from the one before it, or from the other
// kind's where it is close to that one only.
func (t *track) next(other *track, raw uint32) media.Ticks {
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

// distance is the signed time from one timestamp to the next, in milliseconds.
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
