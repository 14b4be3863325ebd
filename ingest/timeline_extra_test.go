package ingest

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"golive/media"
)

// extraTracks are two additional video tracks.
var extraTracks = [2]*media.Track{
	{Codec: media.H264, Number: 1, FrameRate: 25},
	{Codec: media.HEVC, Number: 2, FrameRate: 25},
}

// stampTracks stamps pictures of the default track and of the additional ones, which have the same
// times. If before returns true, the additional tracks' pictures come first. It checks that
// timestamps increase, and returns the stamps of each track.
func stampTracks(t *testing.T, c *Timeline, all []picture, before func(i int) bool) (stamps [3][]Stamp) {
	t.Helper()
	write := func(n int, track *media.Track, p picture) {
		arrived := epoch.Add(time.Duration(p.dts) * time.Millisecond)
		s := next(c, track, p.wire, media.TicksFromMillis(p.composition), arrived)
		if had := len(stamps[n]); had > 0 && s.DTS <= stamps[n][had-1].DTS || s.PTS < s.DTS {
			t.Fatalf("track %d, picture %d: %+v after %+v", n, had, s, stamps[n][had-1])
		}
		stamps[n] = append(stamps[n], s)
	}
	for i, p := range all {
		last := before(i)
		if !last {
			write(0, tracks[Video], p)
		}
		write(1, extraTracks[0], p)
		write(2, extraTracks[1], p)
		if last {
			write(0, tracks[Video], p)
		}
	}
	return stamps
}

// orders returns the orders in which encoders send pictures with the same time.
func orders() map[string]func(int) bool {
	rng := rand.New(rand.NewPCG(1, 2))
	return map[string]func(int) bool{
		"after the default track":  func(int) bool { return false },
		"before the default track": func(int) bool { return true },
		"in any order":             func(int) bool { return rng.IntN(2) == 0 },
	}
}

// checkAligned checks that pictures are presented at the same times in all tracks.
func checkAligned(t *testing.T, stamps [3][]Stamp) {
	t.Helper()
	for i := range stamps[0] {
		for n := 1; n < 3; n++ {
			a, b := stamps[0][i], stamps[n][i]
			if a.PTS != b.PTS {
				t.Fatalf("picture %d: %+v, and %+v in track %d", i, a, b, n)
			}
		}
	}
}

func TestExtraTimeline_PicturesOfOneMomentHaveOneTime(t *testing.T) {
	for name, pattern := range patterns {
		for order, before := range orders() {
			t.Run(name+" "+order, func(t *testing.T) {
				var c Timeline
				stamps := stampTracks(t, &c, source(10, 30, 2, pattern), before)
				checkAligned(t, stamps)
				for i := range stamps[0] {
					if stamps[1][i].DTS != stamps[0][i].DTS || stamps[1][i].Discontinuity {
						t.Fatalf("picture %d: %+v and %+v", i, stamps[0][i], stamps[1][i])
					}
				}
				if c.Repaired() != (RepairCounts{}) && name != "pyramid" {
					t.Errorf("repairs %v", c.Repaired())
				}
			})
		}
	}
}

func TestExtraTimeline_JumpsAndGapsMoveAllTracksTogether(t *testing.T) {
	// from adds wire to the timestamps of the pictures from number i on, and clock to their arrival.
	from := func(all []picture, i int, wire, clock int64) []picture {
		for j := i; j < len(all); j++ {
			all[j].wire += wire
			all[j].dts += clock
		}
		return all
	}
	for name, all := range map[string][]picture{
		"a jump forward":         from(source(10, 30, 0, inOrder), 100, 3_600_000, 0),
		"a jump back":            from(source(10, 30, 0, inOrder), 100, -3_600_000, 0),
		"a gap":                  from(source(10, 30, 0, inOrder), 100, 20_000, 20_000),
		"two jumps":              from(from(source(10, 30, 0, inOrder), 100, -3_600_000, 0), 200, 7_200_000, 0),
		"a jump with reordering": from(source(10, 30, 1, oneB), 99, 3_600_000, 0),
	} {
		for order, before := range orders() {
			t.Run(name+" "+order, func(t *testing.T) {
				var c Timeline
				stamps := stampTracks(t, &c, all, before)
				checkAligned(t, stamps)
				jumps := [3]int{}
				for n := range stamps {
					for _, s := range stamps[n] {
						if s.Discontinuity {
							jumps[n]++
						}
					}
				}
				if jumps[1] != jumps[0] || jumps[2] != jumps[0] {
					t.Errorf("discontinuities of the tracks %v, want the same", jumps)
				}
			})
		}
	}
}

func TestExtraTimeline_FollowsTheRepairsOfTheDefaultTrack(t *testing.T) {
	shared := source(10, 60, 0, inOrder)
	for i := range shared {
		shared[i].wire = shared[i].wire / 100 * 100 // six pictures share a timestamp
	}
	odd := source(10, 30, 0, inOrder)
	odd[50].wire += 100_000
	odd[120].wire -= 20
	for name, all := range map[string][]picture{"shared times": shared, "odd times": odd} {
		var c Timeline
		checkAligned(t, stampTracks(t, &c, all, func(int) bool { return false }))
		// A picture that comes first is placed where the default track's was expected.
		c = Timeline{}
		stamps := stampTracks(t, &c, all, func(int) bool { return true })
		for i := range stamps[0] {
			if apart(stamps[0][i].PTS, stamps[1][i].PTS, 100*media.Millisecond) {
				t.Fatalf("%s: picture %d: %+v and %+v", name, i, stamps[0][i], stamps[1][i])
			}
		}
	}
}

func TestExtraTimeline_ChangesNothingForTheOtherTracks(t *testing.T) {
	all := source(20, 30, 2, pyramid)
	for i := range all {
		if i > 200 {
			all[i].wire += 60_000
		}
		if i%50 == 0 {
			all[i].wire += 7
		}
	}
	var alone, beside Timeline
	for i, p := range all {
		at := epoch.Add(time.Duration(p.dts) * time.Millisecond)
		composition := media.TicksFromMillis(p.composition)
		if i%3 == 0 {
			next(&beside, extraTracks[0], p.wire, 0, at)
			next(&beside, extraTracks[1], p.wire*7%100_000, -composition, at)
		}
		a, b := next(&alone, tracks[Video], p.wire, composition, at), next(&beside, tracks[Video], p.wire, composition, at)
		x, y := next(&alone, tracks[Audio], p.wire, 0, at), next(&beside, tracks[Audio], p.wire, 0, at)
		if a != b || x != y {
			t.Fatalf("picture %d: %+v and %+v, sound %+v and %+v", i, a, b, x, y)
		}
	}
}

func TestExtraTimeline_TrackMayBeginLateAndContinueAlone(t *testing.T) {
	var c Timeline
	all := source(40, 25, 0, inOrder)
	var last Stamp
	for i, p := range all {
		at := epoch.Add(time.Duration(p.dts) * time.Millisecond)
		var first Stamp
		if i < 500 {
			first = next(&c, tracks[Video], p.wire, 0, at)
		}
		next(&c, tracks[Audio], p.wire, 0, at)
		if i < 200 {
			continue
		}
		s := next(&c, extraTracks[0], p.wire, 0, at)
		if i < 500 && s != first {
			t.Fatalf("picture %d: %+v, want %+v", i, s, first)
		}
		if i >= 500 && s.PTS-last.PTS != media.Second/25 {
			t.Fatalf("picture %d, without the default track: %d after %d", i, s.PTS, last.PTS)
		}
		last = s
	}
}

func TestExtraTimeline_BeginsWithTheAudio(t *testing.T) {
	var c Timeline
	next(&c, tracks[Audio], 50_000, 0, epoch)
	s := next(&c, extraTracks[0], 50_020, 0, epoch)
	if first := next(&c, tracks[Video], 50_020, 0, epoch); s != first || s.DTS != media.TicksFromMillis(50_020) {
		t.Errorf("%+v and %+v", s, first)
	}
	c = Timeline{}
	next(&c, tracks[Audio], 50_000, 0, epoch)
	s = next(&c, extraTracks[0], 20, 0, epoch)
	if first := next(&c, tracks[Video], 20, 0, epoch); s.PTS != first.PTS || s.DTS != media.TicksFromMillis(50_000) {
		t.Errorf("of another base: %+v and %+v", s, first)
	}
}

func TestExtraTimeline_TimesIncreaseForAnyInput(t *testing.T) {
	for seed := range uint64(50) {
		rng := rand.New(rand.NewPCG(seed, 1))
		var c Timeline
		last := map[*media.Track]media.Ticks{}
		wire := int64(0)
		for i := range 2000 {
			switch rng.IntN(40) {
			case 0:
				wire = rng.Int64N(1 << 32)
			case 1:
				wire += rng.Int64N(5000) - 2500
			default:
				wire += 33
			}
			track := []*media.Track{tracks[Video], tracks[Audio], extraTracks[0], extraTracks[1]}[rng.IntN(4)]
			s := next(&c, track, wire+rng.Int64N(100), media.TicksFromMillis(rng.Int64N(200)-50), epoch.Add(time.Duration(i)*10*time.Millisecond))
			if before, ok := last[track]; ok && s.DTS <= before || s.PTS < s.DTS {
				t.Fatalf("seed %d, unit %d of track %d: %+v after %d", seed, i, track.Number, s, before)
			}
			last[track] = s.DTS
		}
	}
}

func TestExtraTimeline_AllocatesNothingPerUnit(t *testing.T) {
	var c Timeline
	wire := int64(0)
	step := func() {
		wire += 40
		next(&c, tracks[Video], wire, 0, epoch)
		next(&c, extraTracks[0], wire, 0, epoch)
	}
	step()
	if n := testing.AllocsPerRun(100, step); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// OBS sends 60 pictures per second in track 0 and 30 in others, and rounds decoding and
// composition times to milliseconds separately.
func TestExtraTimeline_OtherFrameRatesKeepTheirDistance(t *testing.T) {
	type sent struct {
		track     *media.Track
		dts, cts  int64 // milliseconds
		presented int64 // in 1/60 s
	}
	var all []sent
	picture := func(track *media.Track, presented, delay int64) {
		dts := presented - delay
		all = append(all, sent{track, dts * 1000 / 60, delay * 1000 / 60, presented})
	}
	for i := int64(60); i < 60*60; i++ {
		picture(tracks[Video], i, 2)
		if i%2 == 0 {
			picture(extraTracks[0], i, 4)
		}
	}
	slices.SortStableFunc(all, func(a, b sent) int { return int(a.dts - b.dts) })
	var c Timeline
	at := map[int64]media.Ticks{} // of the default track's pictures
	var early []sent
	times := map[int64]media.Ticks{}
	for _, p := range all {
		s := next(&c, p.track, p.dts, media.TicksFromMillis(p.cts), epoch.Add(time.Duration(p.dts)*time.Millisecond))
		if p.track == tracks[Video] {
			at[p.presented] = s.PTS
		} else {
			times[p.presented] = s.PTS
			early = append(early, p)
		}
	}
	for _, p := range early {
		if first, ok := at[p.presented]; !ok || apart(times[p.presented], first, media.Millisecond) {
			t.Fatalf("picture %d: %d, and %d in track 1", p.presented, first, times[p.presented])
		}
	}
	if c.Repaired() != (RepairCounts{}) {
		t.Errorf("repairs %v", c.Repaired())
	}
}
