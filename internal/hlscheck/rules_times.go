package hlscheck

import (
	"math"
	"slices"
	"time"
)

// timing is the state from which the times of a stream must continue.
type timing struct {
	// dts is the last decoding time, unwrapped, and end when that unit ends, which is not known
	// in MPEG-TS.
	dts, end int64
	known    bool
	// frame is the smallest step between two units; 0 if there was none.
	frame int64
	// usual is the usual step in 90 kHz ticks; 0 if it is not known.
	usual int64
	// paused is set after an empty fragment, which explains a hole.
	paused bool
}

// maxGap is the gap in 90 kHz ticks above which media counts as missing: an encoder that drops
// frames under congestion is not a fault of the server.
const maxGap = second / 2

// checkTimes checks rules 20 and 24: decoding times increase, without a gap, and those of MP4
// are the sums of the durations before them.
func (a *analyser) checkTimes(c *Contents) {
	for _, s := range c.Streams {
		t := a.timing[s.ID]
		if t == nil {
			t = &timing{}
			a.timing[s.ID] = t
		}
		if usual := s.usualStep(); usual > 0 {
			t.usual = usual
		}
		missing := t.missing(s.Codec)
		fragments := s.Fragments
		for i := range s.Units {
			for len(fragments) > 0 && fragments[0].First <= i {
				a.checkFragment(s, t, fragments[0].DTS)
				t.paused = t.paused || len(fragments) > 1 && fragments[1].First == fragments[0].First
				fragments = fragments[1:]
			}
			a.checkStep(s, t, &s.Units[i], missing)
		}
		for _, f := range fragments {
			a.checkFragment(s, t, f.DTS)
			t.paused = true
		}
	}
}

// missing returns the step in 90 kHz ticks above which media is missing.
func (t *timing) missing(codec Codec) int64 {
	switch {
	case codec.Audio():
		return 2 * maxGap
	case t.usual == 0: // parts with a picture each, of which this is the second
		return math.MaxInt64
	case t.usual > maxGap/2:
		return 2 * t.usual // slow pictures
	}
	return maxGap
}

// checkFragment checks the decode time of a fragment against the end of the one before it. A
// picture lasts until the next one: there may be no hole but for an empty fragment. Audio
// frames have the length of their samples, so a lost frame leaves a hole, and the correction
// of a clock one of less than half a frame, either way.
func (a *analyser) checkFragment(s *Stream, t *timing, dts int64) {
	if !t.known {
		return
	}
	tolerance := max(s.Timescale/1000, 1)
	if s.Codec.Audio() {
		tolerance = max(tolerance, t.frame/2)
	}
	switch off := dts - t.end; {
	case off < -tolerance:
		a.add(24, "a fragment of stream %d has the decode time %d, and the one before it ends at %d", s.ID, dts, t.end)
	case off > tolerance && s.Codec.Video() && !t.paused:
		a.add(24, "a fragment of stream %d has the decode time %d, %.3f s after the end of the one before it", s.ID, dts, float64(off)/float64(s.Timescale))
	}
}

// lastsUntil reports whether the last unit lasts until a time, so that no media are missing before
// it: a sample of MP4 lasts until the next one (ISO 14496-12 section 8.6.1.1), and if a publisher
// sends no pictures for some time, there are none that the server could list as unavailable (B
// 4.4.4.7, 4.4.4.9). MPEG-TS has no such durations.
func (t *timing) lastsUntil(s *Stream, dts int64) bool {
	return t.end > t.dts && dts-t.end <= max(s.Timescale/1000, 1)
}

// checkStep checks the step from the last unit to u.
func (a *analyser) checkStep(s *Stream, t *timing, u *Unit, missing int64) {
	dts := u.DTS
	if t.known {
		dts = s.unwrap(t.dts, dts)
		step := dts - t.dts
		switch {
		case step <= 0:
			a.add(24, "decoding time on stream %d went from %d to %d", s.ID, t.dts, dts)
		case s.Ticks(step) > missing && !(s.Codec.Video() && t.lastsUntil(s, dts)):
			a.add(20, "%.3f s of media are missing on stream %d without a gap or discontinuity", float64(step)/float64(s.Timescale), s.ID)
		case t.frame == 0 || step < t.frame:
			t.frame = step
		}
		if t.usual == 0 || t.usual > maxGap/2 {
			t.usual = s.Ticks(step)
		}
	}
	t.dts, t.end, t.known, t.paused = dts, dts+u.Duration, true, false
}

// usualStep returns the median of the times from one unit of the stream to the next, in 90 kHz
// ticks.
func (s *Stream) usualStep() int64 {
	if len(s.Units) < 2 {
		return 0
	}
	steps := make([]int64, 0, len(s.Units))
	for i := range s.Units[1:] {
		steps = append(steps, s.Units[i+1].DTS-s.Units[i].DTS)
	}
	slices.Sort(steps)
	return s.Ticks(steps[len(steps)/2])
}

// durationTolerance is by how much the duration in the playlist of a segment or part with
// pictures may differ from that of its samples: both are rounded.
const durationTolerance = time.Millisecond

// checkDuration checks rule 22 on one piece, if its container has durations. One whose stream
// has an empty fragment lasts longer than its samples.
func (a *analyser) checkDuration(p *piece, c *Contents) {
	s := c.first()
	if s == nil || p.duration == 0 {
		return
	}
	d, ok := s.duration()
	if !ok || s.hasEmptyFragment() {
		return
	}
	tolerance := durationTolerance
	if s.Codec.Audio() { // cut where the playlist says so, to a frame
		tolerance = max(tolerance, s.seconds(s.Units[0].Duration))
	}
	if off := (d - p.duration).Abs(); off > tolerance {
		a.add(22, "the samples of stream %d last %v, and the %s is listed with %v", s.ID, d, p, p.duration)
	}
}

func (s *Stream) hasEmptyFragment() bool {
	for i, f := range s.Fragments {
		end := len(s.Units)
		if i+1 < len(s.Fragments) {
			end = s.Fragments[i+1].First
		}
		if f.First == end {
			return true
		}
	}
	return false
}

// drift is how far media time is from the sum of the listed durations since the last
// discontinuity, in 90 kHz ticks.
type drift struct {
	started bool
	start   int64
	sum     time.Duration
	lo, hi  int64
}

// checkDrift checks rule 22 over any contiguous pieces: the sum of their durations and the
// media time agree within one frame.
func (a *analyser) checkDrift(p *piece, c *Contents) {
	stream := c.first()
	if stream == nil {
		// Only a stream of pictures that pauses has a known time to compare with later.
		a.drift.sum += p.duration
		return
	}
	// Segments are cut in decoding order: use decoding times.
	d, start := &a.drift, stream.Ticks(stream.Units[0].DTS)
	if !d.started {
		*d = drift{started: true, start: start}
	}
	media := near(d.start+ticks(d.sum), start) - d.start
	off := media - ticks(d.sum)
	d.lo, d.hi = min(d.lo, off), max(d.hi, off)
	// Without video several audio frames are in one PES packet, which is not split.
	// The shortest step may be a tick, of a picture that is decoded late; listed durations are rounded.
	if frame := stream.Ticks(a.timing[stream.ID].frame); frame > 0 && d.hi-d.lo > max(frame, ticks(durationTolerance)) {
		a.add(22, "over a run of %ss the listed durations and media differ by %.3f s, more than one frame (%.3f s)",
			p, float64(d.hi-d.lo)/90_000, float64(frame)/90_000)
		d.started = false
		return
	}
	d.sum += p.duration
}

func ticks(d time.Duration) int64 {
	return int64(d/time.Second)*90_000 + int64((d%time.Second)*90_000/time.Second)
}

// producedTolerance is how far a producer reference time may be from the date of its sample:
// encoders and their uplinks delay.
const producedTolerance = 30 * time.Second

// checkProduced checks rule 21 on the producer reference times of a dated piece.
func (a *analyser) checkProduced(p *piece, c *Contents) {
	first := c.first()
	if p.date.IsZero() || first == nil {
		return
	}
	for _, r := range c.produced {
		at := p.date.Add(r.stream.seconds(r.time) - first.seconds(first.Units[0].DTS))
		if off := r.when.Sub(at); off.Abs() > producedTolerance {
			a.add(21, "prft says that a sample dated %s was produced %v later", at.UTC().Format(time.RFC3339Nano), off)
			return
		}
	}
}
