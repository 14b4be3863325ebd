package segmenter

import (
	"math"
	"slices"

	"golive/media"
)

// rate measures the duration of a frame. RTMP rounds times to milliseconds, so a single
// difference is up to 1 ms off; the error of the mean over a run is smaller.
type rate struct {
	declared    media.Ticks // from the parameter sets; 0 if not given
	first, last media.Ticks
	frames      int
	gap         media.Ticks // distance from the previous frame to last
}

// singleFrame reports whether the rate is unknown because there is only one frame.
func (r *rate) singleFrame() bool { return r.frames == 1 && r.declared == 0 }

// minFrames is the number of frames from which the measured rate overrides the declared one.
const minFrames = 4

// maxFrames bounds the run, so that a change of rate is detected.
const maxFrames = 128

// minDeclared is the lowest declared rate that is used, in frames per second: some parameter
// sets have invalid ones, and PART-TARGET is derived from it.
const minDeclared = 5

func newRate(t *media.Track) rate {
	if !t.Video() {
		return rate{declared: media.Ticks(t.SamplesPerUnit) * media.Second / media.Ticks(max(t.SampleRate, 1))}
	}
	if t.FrameRate >= minDeclared {
		return rate{declared: media.Ticks(math.Round(float64(media.Second) / t.FrameRate))}
	}
	return rate{}
}

// paused is a distance of frames that is taken for a pause as long as the rate is measured, if the one before it is
// less than half of it. After a single frame the distance is taken for the rate.
const paused = media.Second / 5

// add records the DTS of the next frame, and reports whether there is a hole before it, or no frame.
func (r *rate) add(dts media.Ticks) (hole bool) {
	gap := dts - r.last
	if r.frames == 0 {
		gap = 0
	}
	// A second long gap in a row is not a hole: the frames are that far apart.
	slow := gap <= 2*r.gap
	// A single long one is a hole also soon after the rate was measured, or is declared.
	known := r.frames > minFrames || r.frames > 1 && r.declared > 0 && r.gap <= 3*r.declared
	early := r.frames > 1 && r.declared == 0 && gap > paused && !slow
	hole = r.frames == 0 || gap <= 0 || gap > media.Second && !(slow && r.gap > media.Second) || known && gap > 3*r.frame() || early
	if hole || r.frames >= maxFrames {
		if r.frames > minFrames || early { // use the measured rate until it is measured again
			r.declared = r.frame()
		}
		r.first, r.frames = dts, 0
	}
	r.last, r.gap = dts, gap
	r.frames++
	return hole
}

// frame returns the best estimate of the duration of one frame.
func (r *rate) frame() media.Ticks {
	if r.frames < 2 {
		if r.declared > 0 {
			return r.declared
		}
		return media.Second / 30
	}
	n := media.Ticks(r.frames - 1)
	measured := (r.last - r.first) / n
	// Two consecutive frames that are much later than declared are not jitter.
	if r.frames <= minFrames && r.declared > 0 && (n < 2 || measured <= 3*r.declared) {
		return r.declared
	}
	// Both ends are rounded to milliseconds, so the mean is off by at most 1/n ms: prefer a
	// standard rate within that.
	tolerance := media.Millisecond/n + 1
	if d := r.declared - measured; r.declared > 0 && d <= tolerance && d >= -tolerance {
		return r.declared
	}
	for _, fps := range [...]float64{30, 25, 60, 50, 24, 15, 30 / 1.001, 60 / 1.001, 24 / 1.001, 20, 10, 12, 48, 120} {
		exact := media.Ticks(math.Round(float64(media.Second) / fps))
		if d := exact - measured; d <= tolerance && d >= -tolerance {
			return exact
		}
	}
	return max(measured, 1)
}

// intervals holds the last few key frame intervals. The longest of them predicts the next:
// an encoder inserts an additional key frame at a scene change, and restarts its interval
// there.
type intervals struct {
	last [8]media.Ticks
	next int
}

func (r *intervals) add(d media.Ticks) {
	r.last[r.next] = d
	r.next = (r.next + 1) % len(r.last)
}

// longest returns the longest interval, or 0 if none is known.
func (r *intervals) longest() media.Ticks { return slices.Max(r.last[:]) }
