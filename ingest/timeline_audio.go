package ingest

import "golive/media"

const (
	// exactTolerance is the largest difference between a received time and the count of samples that
	// rounding explains: the received times and the one that the count began with are whole
	// milliseconds.
	exactTolerance = media.Millisecond
	// smoothedAbove is the difference above which a repair is counted.
	smoothedAbove = 3 * media.Millisecond
	// correctionFrames is the number of frames over which most of a difference from the received times
	// is corrected: 5 s of AAC at 48 kHz. It averages jitter, and follows a clock that is
	// 100 ppm off with a lag of half a millisecond.
	correctionFrames = 256
	// correctionDivisor bounds the correction of a single frame to 1/fastest of its duration.
	correctionDivisor = 32
	// initialDeviation is the assumed deviation until it is measured.
	initialDeviation = 12 * media.Millisecond
	// measuredFrames is the number of frames over which the duration of a frame is measured.
	measuredFrames = 64
	// defaultFrame is the assumed duration of a frame if it is not known.
	defaultFrame = 20 * media.Millisecond
)

// audioTimes stamps audio frames. A frame lasts as long as its samples, so the times are
// exact sums of samples if the received times are clean, and even if they jitter. In the
// long run they follow the received times: a difference is corrected a little with each
// frame, a hole at once. Frames may share a received time: the count continues.
type audioTimes struct {
	// One frame lasts whole + part/den ticks; den is 0 when that is not known.
	whole, part, den int64
	declared         [3]int64 // the same, from the track's parameters

	next     media.Ticks // when the next frame is due
	nextRest int64       // and the fraction of a tick, in 1/den

	deviation   media.Ticks // mean difference of received times from the count, in 1/16 ticks
	uncorrected media.Ticks // sum of the differences that are not corrected yet
	holeFrames  int         // consecutive frames that agree on a hole before them
	holeSize    media.Ticks

	// The current window of frames began at received time began. The previous one lasted
	// measured.
	frames          int
	began, measured media.Ticks
}

// declare takes the duration of a frame from a track's parameters.
func (s *audioTimes) declare(t *media.Track) {
	if s.den == 0 {
		s.deviation = 16 * initialDeviation
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
	s.nextRest = 0
}

// frame returns the duration of a frame, rounded down.
func (s *audioTimes) frame() media.Ticks {
	if s.den == 0 {
		return defaultFrame
	}
	return media.Ticks(s.whole)
}

// expected returns when the next frame is due.
func (s *audioTimes) expected(last media.Ticks) media.Ticks {
	if s.den == 0 {
		return last + defaultFrame
	}
	return max(s.next, last+1)
}

// stamp stamps the next frame with the time at, and advances next by one frame.
func (s *audioTimes) stamp(at media.Ticks) Stamp {
	s.next = at + media.Ticks(s.whole)
	if s.nextRest += s.part; s.nextRest >= s.den && s.den > 0 {
		s.nextRest -= s.den
		s.next++
	}
	return Stamp{DTS: at, PTS: at}
}

// restartAt restarts the count at a time.
func (s *audioTimes) restartAt(at media.Ticks) {
	s.next, s.nextRest, s.uncorrected, s.holeFrames = at, 0, 0, 0
}

// place stamps the current frame of t.
func (s *audioTimes) place(t *kindTimeline, a arrival, repaired *RepairCounts) Stamp {
	// Fractions of a millisecond are received as an offset of the presentation.
	due := t.received() + a.composition
	off := due - s.next
	switch {
	case !t.seen:
		s.restartAt(due)
		t.placed = due - 1
	case a.newBase && due > t.placed:
		s.restartAt(due)
	case s.den == 0:
		if due <= t.placed {
			due = t.placed + 1
			repaired[RepairNudged]++
		}
		s.next = due
	case -exactTolerance <= off && off <= exactTolerance:
		s.deviation -= s.deviation / 16
		s.holeFrames = 0
	case !a.timeChanged:
		repaired[RepairSpread]++
	default:
		s.correct(off, due)
		if off > smoothedAbove || off < -smoothedAbove {
			repaired[RepairSmoothed]++
		}
	}
	if a.newBase {
		s.frames = 0
	}
	if s.frames++; s.frames > measuredFrames {
		if s.measure(t.wire); s.den != s.declared[2] {
			repaired[RepairSmoothed] += measuredFrames
		}
	} else if s.frames == 1 {
		s.began = t.wire
	}
	t.placed = max(s.next, t.placed+1)
	return s.stamp(t.placed)
}

// correct moves the count towards the received time due, which differs from it by off.
func (s *audioTimes) correct(off, due media.Ticks) {
	frame := s.frame()
	if off > max(frame/2, 4*s.deviation/16+2*media.Millisecond) {
		// Ahead by more than jitter explains: a hole, if the following frames agree. A long
		// one needs no confirmation: audio that is too early is of no use.
		if s.holeFrames == 0 || apart(off, s.holeSize, frame/2) {
			s.holeFrames = 0
		}
		s.holeFrames++
		s.holeSize = off
		if off > 3*frame || s.holeFrames > 2 {
			s.restartAt(due)
			return
		}
	} else {
		s.holeFrames = 0
	}
	size := min(max(off, -off), 4*frame)
	s.deviation += size - s.deviation/16
	if off > 0 {
		off -= exactTolerance
	} else {
		off += exactTolerance
	}
	s.uncorrected += off
	change := s.uncorrected / correctionFrames
	s.uncorrected -= change * correctionFrames
	s.next += min(max(change, -frame/correctionDivisor), frame/correctionDivisor)
}

func apart(a, b, most media.Ticks) bool { return a-b > most || b-a > most }

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
	if d := s.declared; d[2] > 0 && s.den != d[2] && !differs(lasted, measuredFrames*media.Ticks(d[0])) {
		s.setFrame(d)
		return
	}
	if differs(lasted, measuredFrames*frame) && lasted > measuredFrames*frame/4 && lasted < measuredFrames*frame*4 {
		s.setFrame([3]int64{int64(lasted) / measuredFrames, int64(lasted) % measuredFrames, measuredFrames})
	}
}

// differs reports whether two durations differ by more than 5 %, which is more than the
// jitter over a window.
func differs(a, b media.Ticks) bool { return apart(a, b, b/20) }
