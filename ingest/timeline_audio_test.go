package ingest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"golive/media"
)

// aacTrack returns a track of audio frames.
func aacTrack(samples, rate int) *media.Track {
	return &media.Track{Codec: media.AAC, SampleRate: rate, SamplesPerUnit: samples}
}

// millis returns when the nth frame of a track begins, rounded down to milliseconds.
func millis(t *media.Track, n int) int64 {
	return int64(n) * int64(t.SamplesPerUnit) * 1000 / int64(t.SampleRate)
}

// sum returns when the nth frame of a track begins, in ticks.
func sum(t *media.Track, n int) media.Ticks {
	return media.Ticks(int64(n) * int64(t.SamplesPerUnit) * int64(media.Second) / int64(t.SampleRate))
}

func TestAudio_CleanTimesBecomeExactSumsOfSamples(t *testing.T) {
	for _, track := range []*media.Track{
		aacTrack(1024, 48_000), aacTrack(1024, 44_100), aacTrack(2048, 44_100), aacTrack(960, 48_000),
		aacTrack(1024, 8000), aacTrack(1024, 96_000), aacTrack(1024, 7350), aacTrack(2048, 22_050),
	} {
		t.Run(fmt.Sprint(track.SamplesPerUnit, " at ", track.SampleRate), func(t *testing.T) {
			var c Timeline
			for n := range 20_000 {
				if s := next(&c, track, 5000+millis(track, n), 0, epoch); s.DTS != 5000*ms+sum(track, n) || s.PTS != s.DTS {
					t.Fatalf("frame %d: %+v, want %d", n, s, 5000*ms+sum(track, n))
				}
			}
			wantRepairs(t, &c, nil)
		})
	}
}

// checkEven checks that the times of frames are even, and close to the exact ones.
func checkEven(t *testing.T, track *media.Track, wire func(n int) int64, most media.Ticks) {
	t.Helper()
	var c Timeline
	var last media.Ticks
	for n := range 3000 {
		s := next(&c, track, wire(n), 0, epoch)
		frame := sum(track, 1)
		if step := s.DTS - last; n > 0 && (step < frame*95/100 || step > frame*105/100) {
			t.Fatalf("frame %d comes %d ticks after the last, want %d", n, step, frame)
		}
		if off := s.DTS - 1000*ms - sum(track, n); n > 1000 && (off < -most || off > most) {
			t.Fatalf("frame %d is %d ticks off, want %d at most", n, off, most)
		}
		if s.Discontinuity {
			t.Fatalf("frame %d: discontinuity", n)
		}
		last = s.DTS
	}
	if c.Repaired()[RepairSmoothed]+c.Repaired()[RepairSpread] == 0 {
		t.Error("no repair was counted")
	}
}

func TestAudio_JitterIsSmoothed(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, track := range []*media.Track{aacTrack(1024, 48_000), aacTrack(1024, 44_100), aacTrack(2048, 48_000)} {
		checkEven(t, track, func(n int) int64 { return 1000 + millis(track, n) + int64(rng.IntN(51)) - 25 }, 4*ms)
	}
}

func TestAudio_JitterThatBeginsLateIsSmoothed(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	track := aacTrack(1024, 48_000)
	checkEven(t, track, func(n int) int64 {
		at := 1000 + millis(track, n)
		if n > 1200 {
			at += int64(rng.IntN(31)) - 15
		}
		return at
	}, 8*ms)
}

func TestAudio_CoarseTimesAreSpread(t *testing.T) {
	track := aacTrack(1024, 48_000)
	for _, grid := range []int64{10, 16, 33, 40, 100} {
		checkEven(t, track, func(n int) int64 { return 1000 + millis(track, n)/grid*grid }, media.TicksFromMillis(grid))
	}
}

func TestAudio_FramesThatShareATimeInThreesAreSpread(t *testing.T) {
	track := aacTrack(1024, 48_000)
	checkEven(t, track, func(n int) int64 { return 1000 + millis(track, n/3*3) }, 2*ms)
}

func TestAudio_HoleKeepsItsLengthAndPlace(t *testing.T) {
	track := aacTrack(1024, 44_100)
	for _, lost := range []int{1, 2, 3, 5, 40, 100} {
		var c Timeline
		for n := range 2000 {
			at := n
			if n >= 500 {
				at += lost
			}
			s := next(&c, track, millis(track, at), 0, epoch)
			off := s.DTS - sum(track, at)
			if n >= 500 && n < 503 && lost <= 3 {
				continue // a short hole is accepted when three frames agree
			}
			if off < -exactTolerance || off > exactTolerance || s.Discontinuity {
				t.Fatalf("%d frames lost: frame %d is %d ticks off, discontinuity %v", lost, n, off, s.Discontinuity)
			}
		}
	}
}

func TestAudio_ClockThatIsOffIsFollowedWithoutJumps(t *testing.T) {
	for _, ppm := range []float64{100, -100, 500, -500} {
		track := aacTrack(1024, 48_000)
		var c Timeline
		var last media.Ticks
		for n := range 7200 * 48_000 / 1024 {
			truth := float64(n) * 1024 / 48_000 * (1 + ppm/1e6)
			s := next(&c, track, int64(truth*1000), 0, epoch)
			if step := s.DTS - last; n > 0 && (step < 1920-10 || step > 1920+10) {
				t.Fatalf("%v ppm: frame %d comes %d ticks after the last", ppm, n, step)
			}
			if off := float64(s.DTS) - truth*float64(media.Second); math.Abs(off) > float64(5*ms) {
				t.Fatalf("%v ppm: frame %d is %v ticks off", ppm, n, off)
			}
			last = s.DTS
		}
		if c.Repaired()[RepairRebased] != 0 {
			t.Errorf("%v ppm: repairs %v", ppm, c.Repaired())
		}
	}
}

func TestAudio_ChangeOfSampleRateIsContinuous(t *testing.T) {
	a, b := aacTrack(1024, 44_100), aacTrack(1024, 48_000)
	var c Timeline
	for n := range 500 {
		next(&c, a, millis(a, n), 0, epoch)
	}
	for n := range 500 {
		want := sum(a, 500) + sum(b, n)
		if s := next(&c, b, int64(want/ms), 0, epoch); s.DTS != want {
			t.Fatalf("frame %d at %d, want %d", n, s.DTS, want)
		}
	}
	wantRepairs(t, &c, nil)
}

func TestAudio_WrongFrameDurationsAreIgnored(t *testing.T) {
	// The configuration and the timestamps imply different durations of frames.
	for _, c := range []struct{ claimed, real *media.Track }{
		{aacTrack(1024, 44_100), aacTrack(1024, 48_000)},
		{aacTrack(1024, 48_000), aacTrack(1024, 44_100)},
		{aacTrack(1024, 48_000), aacTrack(960, 48_000)},
		{aacTrack(1024, 48_000), aacTrack(1024, 24_000)},
		{&media.Track{Codec: media.AAC}, aacTrack(1024, 48_000)},
	} {
		var clock Timeline
		var last media.Ticks
		for n := range 3000 {
			s := next(&clock, c.claimed, millis(c.real, n), 0, epoch)
			frame := sum(c.real, 1)
			if step := s.DTS - last; n > 500 && (step < frame-2*ms || step > frame+2*ms || s.Discontinuity) {
				t.Fatalf("%d/%d for %d/%d: frame %d after %d ticks, discontinuity %v", c.claimed.SamplesPerUnit, c.claimed.SampleRate,
					c.real.SamplesPerUnit, c.real.SampleRate, n, step, s.Discontinuity)
			}
			last = s.DTS
		}
		if off := last - sum(c.real, 2999); off < -lateThreshold || off > lateThreshold {
			t.Errorf("%d/%d for %d/%d: %d ticks off in the end", c.claimed.SamplesPerUnit, c.claimed.SampleRate,
				c.real.SamplesPerUnit, c.real.SampleRate, off)
		}
	}
}

func TestAudio_TimeThatStandsStillIsCountedInSamples(t *testing.T) {
	track := aacTrack(1024, 48_000)
	var c Timeline
	for n := range 3000 {
		if s := next(&c, track, 0, 0, epoch); s.DTS != sum(track, n) || s.Discontinuity {
			t.Fatalf("frame %d: %+v", n, s)
		}
	}
	wantRepairs(t, &c, map[Repair]uint64{RepairSpread: 2999})
}

func TestAudio_OffsetsBelowAMillisecondAreKept(t *testing.T) {
	track := aacTrack(1024, 44_100)
	var c Timeline
	if s := next(&c, track, 1000, 45, epoch); s.DTS != 1000*ms+45 || s.PTS != s.DTS {
		t.Errorf("%+v, want DTS and PTS %d", s, 1000*ms+45)
	}
}
