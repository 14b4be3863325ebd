package segmenter

import (
	"math"
	"slices"

	"golive/media"
)

// rate measures the duration of a frame. RTMP rounds times to the millisecond,
// so a single difference is up to 1 ms off; over a run it is not.
type rate struct {
	declared    media.Ticks // from the parameter sets; 0 when not said
	first, last media.Ticks
	frames      int
	gap         media.Ticks // before last
}

// alone says whether nothing is known of the rate, because there is one frame only.
func (r *rate) alone() bool { return r.frames == 1 && r.declared == 0 }

// minFrames is how many frames must have been seen before the measurement is
// believed over what the parameter sets declare.
const minFrames = 4

// maxFrames bounds the run, so that a change of rate is noticed.
const maxFrames = 128

// minDeclared is the lowest rate that parameter sets are believed to declare, in
// frames per second: some have nonsense there, and PART-TARGET is made of it.
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

// add notes the DTS of the next frame, and says whether there is a hole before it.
func (r *rate) add(dts media.Ticks) (hole bool) {
	gap := dts - r.last
	// The second long gap in a row is none: the frames are that far apart.
	slow := r.gap > media.Second && gap <= 2*r.gap
	hole = gap <= 0 || gap > media.Second && !slow || r.frames > minFrames && gap > 3*r.frame()
	if r.frames == 0 || hole || r.frames >= maxFrames {
		if r.frames > minFrames { // go on with what is known until it is measured anew
			r.declared = r.frame()
		}
		r.first, r.frames = dts, 0
	}
	r.last, r.gap = dts, gap
	r.frames++
	return hole
}

// frame is the duration of one frame, the best guess so far.
func (r *rate) frame() media.Ticks {
	if r.frames < 2 {
		if r.declared > 0 {
			return r.declared
		}
		return media.Second / 30
	}
	n := media.Ticks(r.frames - 1)
	measured := (r.last - r.first) / n
	// Two frames in a row that come much later than declared are no accident.
	if r.frames <= minFrames && r.declared > 0 && (n < 2 || measured <= 3*r.declared) {
		return r.declared
	}
	// Both ends are rounded to the millisecond, so the mean is off by at most
	// 1 ms over n: within that, an exact rate is the truth.
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

// intervals remembers the last few from key frame to key frame. The longest of
// them is how long the next may be: an encoder puts an additional key frame where
// the scene changes, and then counts its interval from there.
type intervals struct {
	last [8]media.Ticks
	next int
}

func (r *intervals) add(d media.Ticks) {
	r.last[r.next] = d
	r.next = (r.next + 1) % len(r.last)
}

// longest is 0 when none is known.
func (r *intervals) longest() media.Ticks { return slices.Max(r.last[:]) }
