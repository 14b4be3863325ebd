package ingest

import "golive/media"

const (
	// exact is the largest difference between a received time and the count of samples that
	// rounding explains: the received times and the one that the count began with are whole
	// milliseconds.
	exact = media.Millisecond
	// uneven is the difference above which a repair is counted.
	uneven = 3 * media.Millisecond
	// pull is the number of frames over which most of a difference from the received times
	// is corrected: 5 s of AAC at 48 kHz. It averages jitter, and follows a clock that is
	// 100 ppm off with a lag of half a millisecond.
	pull = 256
	// fastest bounds the correction of a single frame to 1/fastest of its duration.
	fastest = 32
	// usualDeviation is the assumed deviation until it is measured.
	usualDeviation = 12 * media.Millisecond
	// window is the number of frames over which the duration of a frame is measured.
	window = 64
	// guessedFrame is the assumed duration of a frame if it is not known.
	guessedFrame = 20 * media.Millisecond
)

// audioTimes stamps audio frames. A frame lasts as long as its samples, so the times are
// exact sums of samples if the received times are clean, and even if they jitter. In the
// long run they follow the received times: a difference is corrected a little with each
// frame, a hole at once. Frames may share a received time: the count continues.
type audioTimes struct {
	// One frame lasts whole + part/den ticks; den is 0 when that is not known.
	whole, part, den int64
	declared         [3]int64 // the same, from the track's parameters

	next media.Ticks // when the next frame is due
	rest int64       // and the fraction of a tick, in 1/den

	deviation media.Ticks // mean difference of received times from the count, in 1/16 ticks
	carry     media.Ticks // sum of the differences that are not corrected yet
	ahead     int         // consecutive frames that agree on a hole before them
	aheadBy   media.Ticks

	// The current window of frames began at received time began. The previous one lasted
	// measured.
	frames          int
	began, measured media.Ticks
}

// declare takes the duration of a frame from a track's parameters.
func (s *audioTimes) declare(t *media.Track) {
	if s.den == 0 {
		s.deviation = 16 * usualDeviation
	}
	s.declared = [3]int64{}
	if t.SampleRate > 0 && t.SamplesPerUnit > 0 {
		ticks, rate := int64(t.SamplesPerUnit)*int64(media.Second), int64(t.SampleRate)
		s.declared = [3]int64{ticks / rate, ticks % rate, rate}
	}
	s.setFrame(s.declared)
	s.frames, s.measured = 0, 0
}

func (s *audioTimes) setFrame(d [3]int64) {
	s.whole, s.part, s.den = d[0], d[1], d[2]
	s.rest = 0
}

// frame returns the duration of a frame, rounded down.
func (s *audioTimes) frame() media.Ticks {
	if s.den == 0 {
		return guessedFrame
	}
	return media.Ticks(s.whole)
}

// expected returns when the next frame is due.
func (s *audioTimes) expected(last media.Ticks) media.Ticks {
	if s.den == 0 {
		return last + guessedFrame
	}
	return max(s.next, last+1)
}

// put stamps the next frame with the time at, and advances next by one frame.
func (s *audioTimes) put(at media.Ticks) Stamp {
	s.next = at + media.Ticks(s.whole)
	if s.rest += s.part; s.rest >= s.den && s.den > 0 {
		s.rest -= s.den
		s.next++
	}
	return Stamp{DTS: at, PTS: at}
}

// moveTo restarts the count at a time.
func (s *audioTimes) moveTo(at media.Ticks) {
	s.next, s.rest, s.carry, s.ahead = at, 0, 0, 0
}

// place stamps the current frame of t.
func (s *audioTimes) place(t *timeline, a arrival, repaired *RepairCounts) Stamp {
	// Fractions of a millisecond are received as an offset of the presentation.
	due := t.due() + a.composition
	off := due - s.next
	switch {
	case !t.seen:
		s.moveTo(due)
		t.out = due - 1
	case a.fresh && due > t.out:
		s.moveTo(due)
	case s.den == 0:
		if due <= t.out {
			due = t.out + 1
			repaired[RepairNudged]++
		}
		s.next = due
	case -exact <= off && off <= exact:
		s.deviation -= s.deviation / 16
		s.ahead = 0
	case !a.moved:
		repaired[RepairSpread]++
	default:
		s.correct(off, due)
		if off > uneven || off < -uneven {
			repaired[RepairSmoothed]++
		}
	}
	if a.fresh {
		s.frames = 0
	}
	if s.frames++; s.frames > window {
		if s.measure(t.wire); s.den != s.declared[2] {
			repaired[RepairSmoothed] += window
		}
	} else if s.frames == 1 {
		s.began = t.wire
	}
	t.out = max(s.next, t.out+1)
	return s.put(t.out)
}

// correct moves the count towards the received time due, which differs from it by off.
func (s *audioTimes) correct(off, due media.Ticks) {
	frame := s.frame()
	if off > max(frame/2, 4*s.deviation/16+2*media.Millisecond) {
		// Ahead by more than jitter explains: a hole, if the following frames agree. A long
		// one needs no confirmation: audio that is too early is of no use.
		if s.ahead == 0 || distant(off, s.aheadBy, frame/2) {
			s.ahead = 0
		}
		s.ahead++
		s.aheadBy = off
		if off > 3*frame || s.ahead > 2 {
			s.moveTo(due)
			return
		}
	} else {
		s.ahead = 0
	}
	size := min(max(off, -off), 4*frame)
	s.deviation += size - s.deviation/16
	if off > 0 {
		off -= exact
	} else {
		off += exact
	}
	s.carry += off
	change := s.carry / pull
	s.carry -= change * pull
	s.next += min(max(change, -frame/fastest), frame/fastest)
}

func distant(a, b, most media.Ticks) bool { return a-b > most || b-a > most }

// measure compares the duration of a frame by received times with the one that is counted.
// If two windows agree on another duration, the parameters are wrong or the publisher's
// clock has another speed: then the measured duration is counted.
func (s *audioTimes) measure(wire media.Ticks) {
	lasted := wire - s.began
	before := s.measured
	s.frames, s.began, s.measured = 1, wire, lasted
	if s.den == 0 || lasted <= 0 {
		return
	}
	if off := lasted - before; off > lasted/32 || off < -lasted/32 {
		return
	}
	frame := s.frame()
	if d := s.declared; d[2] > 0 && s.den != d[2] && !differs(lasted, window*media.Ticks(d[0])) {
		s.setFrame(d)
		return
	}
	if differs(lasted, window*frame) && lasted > window*frame/4 && lasted < window*frame*4 {
		s.setFrame([3]int64{int64(lasted) / window, int64(lasted) % window, window})
	}
}

// differs reports whether two durations differ by more than 5 %, which is more than the
// jitter over a window.
func differs(a, b media.Ticks) bool { return distant(a, b, b/20) }
