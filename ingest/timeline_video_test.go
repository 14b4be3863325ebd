package ingest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"golive/media"
)

// picture is a picture of a script, in milliseconds: when it is decoded and presented in the encoder,
// and its timestamp and composition time as they are sent.
type picture struct {
	dts, pts          int64
	wire, composition int64
}

// source returns pictures in decoding order. pattern has the place in the presentation of each
// picture of a group. delay is how many pictures earlier the encoder decodes than it presents.
func source(seconds, fps, delay int, pattern []int) []picture {
	var all []picture
	for i := range seconds * fps {
		g := i / len(pattern) * len(pattern)
		p := picture{dts: int64((i + 100 - delay) * 1000 / fps), pts: int64((g + pattern[i%len(pattern)] + 100) * 1000 / fps)}
		p.wire, p.composition = p.dts, p.pts-p.dts
		all = append(all, p)
	}
	return all
}

var (
	inOrder  = []int{0}
	oneB     = []int{0, 2, 1} // I P B, and again from an I
	twoB     = []int{0, 3, 1, 2}
	pyramid  = []int{0, 4, 2, 1, 3, 8, 6, 5, 7}
	patterns = map[string][]int{"in order": inOrder, "one B": oneB, "two B": twoB, "pyramid": pyramid}
)

// present stamps the pictures and checks what always holds.
func present(t *testing.T, c *Timeline, all []picture) []Stamp {
	t.Helper()
	var stamps []Stamp
	for i, p := range all {
		arrived := epoch.Add(time.Duration(p.dts) * time.Millisecond)
		s := next(c, tracks[Video], p.wire, media.TicksFromMillis(p.composition), arrived)
		if i > 0 && s.DTS <= stamps[i-1].DTS {
			t.Fatalf("picture %d: DTS %d after %d", i, s.DTS, stamps[i-1].DTS)
		}
		if s.PTS < s.DTS {
			t.Fatalf("picture %d: PTS %d before DTS %d", i, s.PTS, s.DTS)
		}
		if s.Discontinuity {
			t.Fatalf("picture %d: discontinuity", i)
		}
		stamps = append(stamps, s)
	}
	return stamps
}

// wantPresented checks that pictures from the given one on are presented shift milliseconds after
// their times in the source.
func wantPresented(t *testing.T, all []picture, stamps []Stamp, from int, shift func(i int) int64) {
	t.Helper()
	for i, s := range stamps {
		if want := media.TicksFromMillis(all[i].pts + shift(i)); i >= from && s.PTS != want {
			t.Fatalf("picture %d: PTS %d, want %d", i, s.PTS, want)
		}
	}
}

func TestRow68_PicturesKeepTheirDistanceFromTheAudio(t *testing.T) {
	for name, pattern := range patterns {
		delay := map[string]int{"in order": 0, "one B": 1, "two B": 1, "pyramid": 2}[name]
		for _, less := range []int64{0, 40, 67, 200, 1500} {
			for _, from := range []int{0, 300} {
				t.Run(fmt.Sprintf("%s, %d ms less from picture %d on", name, less, from), func(t *testing.T) {
					all := source(20, 30, delay, pattern)
					from = from / len(pattern) * len(pattern)
					for i := range all {
						if i >= from {
							all[i].composition -= less
						}
					}
					var c Timeline
					stamps := present(t, &c, all)
					shift := func(i int) int64 {
						if i >= from {
							return -less
						}
						return 0
					}
					wantPresented(t, all[:from], stamps[:from], 0, shift)
					// Pictures that would be presented before they are decoded are late until the
					// decoding times have been moved.
					settled := from
					if from > 0 && less > 0 {
						settled += 1 + int(less*30/1000) + 1
						if less == 40 && pattern[len(pattern)-1] != 0 {
							settled = from
						}
					}
					wantPresented(t, all, stamps, settled, shift)
				})
			}
		}
	}
}

func TestRow68_LargeCompositionTimesAreKept(t *testing.T) {
	for _, more := range []int64{1000, 5000, 9000} {
		all := source(10, 30, 2, pyramid)
		for i := range all {
			all[i].composition += more
		}
		var c Timeline
		wantPresented(t, all, present(t, &c, all), 0, func(int) int64 { return more })
	}
}

func TestRow68_SingleOutlierOfCompositionTimeMovesNothingElse(t *testing.T) {
	for _, odd := range []int64{-8_388_608, 8_388_607, 11_000, 3000, -2500, -1500} {
		all := source(10, 30, 2, pyramid)
		all[150].composition = odd
		var c Timeline
		stamps := present(t, &c, all)
		for i, s := range stamps {
			if off := s.PTS - media.TicksFromMillis(all[i].pts); i != 150 && off != 0 {
				t.Errorf("%d: picture %d is %d ticks off", odd, i, off)
			} else if off < -300*ms || off > 300*ms {
				t.Errorf("%d: the outlier is %d ticks off", odd, off)
			}
		}
		wantRepairs(t, &c, map[Repair]uint64{RepairOutlier: 1})
	}
}

// deviation returns the largest difference of the presentation times from the source, and the smallest
// and largest distance between neighbours, beginning with picture from.
func deviation(all []picture, stamps []Stamp, from int) (off, least, most media.Ticks) {
	least = media.Second
	for i := from; i < len(stamps); i++ {
		d := stamps[i].PTS - media.TicksFromMillis(all[i].pts)
		off = max(off, d, -d)
		step := stamps[i].PTS - stamps[i-1].PTS
		least, most = min(least, step), max(most, step)
	}
	return off, least, most
}

func TestVideo_PicturesThatShareATimeAreSpread(t *testing.T) {
	for _, c := range []struct {
		fps         int
		grid        int64
		least, most media.Ticks // distance between neighbours
	}{
		{30, 66, 32 * ms, 67 * ms},
		{30, 100, 32 * ms, 35 * ms},
		{30, 200, 32 * ms, 35 * ms},
		{25, 200, 39 * ms, 41 * ms},
		{60, 33, 15 * ms, 34 * ms},
		{30, 1000, 32 * ms, 35 * ms},
		{60, 40, 6 * ms, 28 * ms},
		{60, 10, 5 * ms, 20 * ms},
		{120, 10, 2 * ms, 10 * ms},
		{120, 16, 3 * ms, 17 * ms},
		{120, 33, 4 * ms, 17 * ms},
		{120, 1, 8 * ms, 9 * ms},
		{30, 1, 33 * ms, 34 * ms},
	} {
		all := source(10, c.fps, 0, inOrder)
		for i := range all {
			all[i].wire = all[i].wire / c.grid * c.grid
		}
		var clock Timeline
		off, least, most := deviation(all, present(t, &clock, all), 3*c.fps)
		if off > media.TicksFromMillis(c.grid) || least < c.least || most > c.most {
			t.Errorf("%d pictures a second on a grid of %d ms: %d ticks off, %d to %d apart, want %d to %d",
				c.fps, c.grid, off, least, most, c.least, c.most)
		}
	}
}

func TestVideo_ReorderedPicturesThatShareTimesAreAllPresented(t *testing.T) {
	for name, pattern := range patterns {
		all := source(10, 30, 2, pattern)
		for i := range all {
			p := &all[i]
			p.wire = p.dts / 66 * 66
			p.composition = p.pts/66*66 - p.wire
		}
		var c Timeline
		stamps := present(t, &c, all)
		seen := map[media.Ticks]int{}
		for i, s := range stamps {
			for at, j := range seen {
				if d := s.PTS - at; i > 30 && -10*ms < d && d < 10*ms {
					t.Fatalf("%s: pictures %d and %d are presented %d ticks apart", name, i, j, d)
				}
			}
			seen[s.PTS] = i
			delete(seen, stamps[max(i-12, 0)].PTS)
		}
		if off, _, _ := deviation(all, stamps, 30); off > 70*ms {
			t.Errorf("%s: %d ticks off", name, off)
		}
	}
}

func TestVideo_TimeThatStandsStillIsThatOfArrival(t *testing.T) {
	for name, stops := range map[string]int{"from the start": 0, "later": 300} {
		all := source(60, 25, 0, inOrder)
		for i := range all {
			if i >= stops {
				all[i].wire, all[i].composition = all[stops].wire, 0
			}
		}
		var c Timeline
		off, _, _ := deviation(all, present(t, &c, all), 25)
		if off > 600*ms {
			t.Errorf("%s: %d ticks off", name, off)
		}
		if c.Repaired()[RepairStalled] < 1000 {
			t.Errorf("%s: repairs %v, want 1000 stalled at least", name, c.Repaired())
		}
	}
}

func TestVideo_TimeThatStoodStillContinues(t *testing.T) {
	all := source(20, 25, 0, inOrder)
	for i := range all {
		switch { // one timestamp for 4 s, and then it continues from there
		case i >= 300:
			all[i].wire -= 4000
		case i >= 200:
			all[i].wire = all[200].wire
		}
	}
	var c Timeline
	var stamps []Stamp
	for _, p := range all {
		stamps = append(stamps, next(&c, tracks[Video], p.wire, 0, epoch.Add(time.Duration(p.dts)*time.Millisecond)))
	}
	if n := discontinuities(stamps); n != 1 {
		t.Errorf("%d discontinuities, want 1", n)
	}
	if lasts := stamps[len(stamps)-1].DTS - stamps[0].DTS; lasts < 19*media.Second || lasts > 20*media.Second {
		t.Errorf("20 s became %d ticks", lasts)
	}
}

func TestVideo_SpeedOfTheWireIsFollowed(t *testing.T) {
	for _, factor := range []float64{0.1, 0.5, 2} {
		all := source(10, 30, 0, inOrder)
		for i := range all {
			all[i].wire = int64(float64(all[i].wire) * factor)
			all[i].pts = all[i].wire
		}
		var c Timeline
		wantPresented(t, all, present(t, &c, all), 0, func(int) int64 { return 0 })
		wantRepairs(t, &c, nil)
	}
}

func TestVideo_GapIsNotSpread(t *testing.T) {
	all := source(20, 30, 2, pyramid)
	all = append(all[:90], all[144:]...) // 1.8 s lost
	var c Timeline
	wantPresented(t, all, present(t, &c, all), 0, func(int) int64 { return 0 })
	if n := c.Repaired()[RepairSpread] + c.Repaired()[RepairNudged]; n != 0 {
		t.Errorf("%d repairs", n)
	}
}

func TestVideo_JitterKeepsPicturesInOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	all := source(20, 30, 0, inOrder)
	for i := range all {
		all[i].wire += rng.Int64N(51) - 25
	}
	var c Timeline
	off, _, _ := deviation(all, present(t, &c, all), 30)
	if off > 60*ms {
		t.Errorf("%d ticks off", off)
	}
}

func TestVideo_TimeThatStandsStillIsEvenWhenPicturesArriveInBursts(t *testing.T) {
	var c Timeline
	var last Stamp
	for i := range 2000 {
		arrived := epoch.Add(time.Duration(i/10*400) * time.Millisecond) // ten at once
		s := next(&c, tracks[Video], 0, 0, arrived)
		if step := s.PTS - last.PTS; i > 100 && (step < 15*ms || step > 65*ms) {
			t.Fatalf("picture %d: %d ticks after the last", i, step)
		}
		last = s
	}
	if off := last.PTS - 1999*40*ms; off < -media.Second || off > media.Second {
		t.Errorf("%d ticks off in the end", off)
	}
}

// A new track may have other composition times, such as H.264 with B-frames after AV1. That must not
// be taken for reordered pictures, which would move the decoding times.
func TestVideo_ChangeOfTheTrackIsNotTakenForReordering(t *testing.T) {
	var c Timeline
	before, after := &media.Track{Codec: media.AV1, FrameRate: 25}, &media.Track{Codec: media.H264, FrameRate: 25}
	const frame = media.Second / 25
	at := time.Unix(1000, 0)
	for i := range media.Ticks(50) {
		track, composition := before, media.Ticks(0)
		if i >= 25 {
			track, composition = after, 2*frame
		}
		s := c.Next(track, i*frame, composition, at.Add((i * frame).Duration()))
		if s.DTS != i*frame || s.PTS != i*frame+composition || s.Discontinuity {
			t.Fatalf("picture %d: %+v", i, s)
		}
	}
	if c.Repaired() != (RepairCounts{}) {
		t.Errorf("repairs %v", c.Repaired())
	}
}
