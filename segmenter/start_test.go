package segmenter

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golive/internal/mediatest"
	"golive/media"
)

// uneven returns a stream whose first seconds do not show its frame rate, as live sources make
// them: GStreamer's timestamps jitter, cameras start slowly, encoders send the first pictures in
// a burst, and half of them do not declare a rate.
func uneven(random *rand.Rand) (units []media.AccessUnit, what string) {
	rates := []float64{5, 8, 10, 12.5, 15, 20, 24000.0 / 1001, 24, 25, 30000.0 / 1001, 30, 48, 50, 60000.0 / 1001, 60, 120}
	in := stream(24 * time.Second)
	in.FPS = rates[random.IntN(len(rates))]
	in.GOP = max(1, int(in.FPS*[]float64{0.5, 1, 2, 2.2, 4, 8.3}[random.IntN(6)]))
	in.BitRate = 100_000
	if random.IntN(2) == 0 {
		in.Video.FrameRate = []float64{in.FPS, 2 * in.FPS, 25, 1000}[random.IntN(4)]
	}
	if random.IntN(4) == 0 {
		in.Audio = nil
	}
	jitter := media.Ticks(float64(media.Second) / in.FPS * []float64{0, 0.1, 0.3, 0.45}[random.IntN(4)])
	begin := random.IntN(5)
	first := media.Ticks(random.Int64N(int64(700 * media.Millisecond)))
	pictures := 0
	var last media.Ticks = -1
	for _, u := range in.Units() {
		if !u.Track.Video() {
			u.DTS += first
			u.PTS = u.DTS
			units = append(units, u)
			continue
		}
		pictures++
		at := u.DTS + first
		switch {
		case begin == 1 && pictures == 1: // the first interval is long
			at = 0
		case begin == 2 && pictures <= 8: // a burst, and then the rate
			at = first * media.Ticks(pictures) / 16
		case begin == 3 && pictures > 1 && pictures < 12 && pictures%3 != 0: // slow at first
			continue
		}
		if jitter > 0 {
			at += media.Ticks(random.Int64N(int64(2*jitter))) - jitter
		}
		at = max(at, last+1, 0)
		last = at
		u.DTS, u.PTS = at, at
		u.Arrived = epoch().Add(at.Duration())
		units = append(units, u)
	}
	slices.SortStableFunc(units, func(a, b media.AccessUnit) int { return int(a.DTS - b.DTS) })
	return units, fmt.Sprintf("%.3f fps, GOP of %d, VUI %.3f, beginning %d, jitter %d, audio %t",
		in.FPS, in.GOP, in.Video.FrameRate, begin, jitter, in.Audio != nil)
}

// Rules 2, 3, 22, 27 and 28 of package hlscheck hold from the first part on, whatever is known of the
// rate when PART-TARGET is frozen.
func TestSegmenter_KeepsItsTargetsFromTheFirstPartOn(t *testing.T) {
	for seed := range uint64(120) {
		units, what := uneven(rand.New(rand.NewPCG(seed, 9)))
		r, s := cutAll(t, DefaultConfig(), units)
		f, _ := s.Format()
		r.checkParts(f)
		if f.PartTarget > media.Second {
			t.Errorf("PART-TARGET is %d", f.PartTarget)
		}
		r.checkDrift(units)
		if t.Failed() {
			t.Fatalf("seed %d: %s, PART-TARGET %d", seed, what, f.PartTarget)
		}
	}
}

// checkDrift checks rule 22: a segment that begins with a key frame begins at its time, within a
// frame.
func (r *recorder) checkDrift(units []media.AccessUnit) {
	r.t.Helper()
	var widest, before media.Ticks
	var keys []media.Ticks
	for _, u := range units {
		if !u.Track.Video() {
			continue
		}
		widest = max(widest, u.DTS-before)
		before = u.DTS
		if u.Key {
			keys = append(keys, u.DTS)
		}
	}
	for _, seg := range r.segments[1:] {
		if !seg.Independent {
			continue
		}
		i, _ := slices.BinarySearch(keys, seg.Start)
		off := media.Second
		for _, k := range keys[max(0, i-1):min(len(keys), i+1)] {
			off = min(off, max(k-seg.Start, seg.Start-k))
		}
		if off > widest {
			r.t.Errorf("rule 22: %s begins %d from its key frame", seg.Name(), off)
		}
	}
}

// Found by make interop with GStreamer's rtmpsink: timestamps that jitter give a rate
// of 28.4 pictures a second over the first part.
func TestSegmenter_KeepsItsTargetsWhenTheFirstPartIsStretched(t *testing.T) {
	in := mediatest.Stream{Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: 60, Length: 12 * time.Second, Epoch: epoch()}
	units := in.Units()
	for i := range units {
		if u := &units[i]; u.Track.Video() && u.DTS > 0 && u.DTS < media.Second/5 {
			u.DTS += u.DTS * 9 / 100
			u.PTS = u.DTS
		}
	}
	r, s := cutAll(t, DefaultConfig(), units)
	f, _ := s.Format()
	r.checkParts(f)
}
