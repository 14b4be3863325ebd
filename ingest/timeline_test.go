package ingest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/media"
)

const ms = media.Millisecond

// epoch is when the first unit of a script arrives.
var epoch = time.Unix(1_700_000_000, 0)

var aac48 = &media.Track{Codec: media.AAC, SampleRate: 48_000, SamplesPerUnit: 1024}

// tracks are the tracks of a script. Audio frames last 20 ms.
var tracks = [2]*media.Track{
	Video: {Codec: media.H264, FrameRate: 25},
	Audio: {Codec: media.AAC, SampleRate: 48_000, SamplesPerUnit: 960},
}

// unit is one unit of a script: its kind, and its timestamp and composition time in milliseconds.
type unit struct {
	kind        Kind
	at          int64
	composition int64
}

// next returns c.Next for a time in milliseconds.
func next(c *Timeline, track *media.Track, at int64, composition media.Ticks, arrived time.Time) Stamp {
	return c.Next(track, media.TicksFromMillis(at), composition, arrived)
}

// run stamps the script and checks what holds for every input: the DTS of each kind increases, and
// no unit is presented before it is decoded.
func run(t *testing.T, c *Timeline, script []unit) []Stamp {
	t.Helper()
	var last [2]*Stamp
	var all []Stamp
	for i, u := range script {
		s := next(c, tracks[u.kind], u.at, media.TicksFromMillis(u.composition), epoch.Add(time.Duration(i)*10*time.Millisecond))
		if p := last[u.kind]; p != nil && s.DTS <= p.DTS {
			t.Fatalf("unit %d: DTS %d after %d", i, s.DTS, p.DTS)
		}
		if s.PTS < s.DTS {
			t.Fatalf("unit %d: PTS %d before DTS %d", i, s.PTS, s.DTS)
		}
		last[u.kind] = &s
		all = append(all, s)
	}
	return all
}

// live returns n seconds of 25 pictures and 50 audio frames each, from start on.
func live(start int64, seconds int) []unit {
	var script []unit
	for i := range int64(25 * seconds) {
		script = append(script, unit{kind: Video, at: start + 40*i}, unit{kind: Audio, at: start + 40*i}, unit{kind: Audio, at: start + 40*i + 20})
	}
	return script
}

func discontinuities(all []Stamp) (n int) {
	for _, s := range all {
		if s.Discontinuity {
			n++
		}
	}
	return n
}

func wantRepairs(t *testing.T, c *Timeline, want map[Repair]uint64) {
	t.Helper()
	var all RepairCounts
	for r, n := range want {
		all[r] = n
	}
	if diff := cmp.Diff(all, c.Repaired()); diff != "" {
		t.Errorf("repairs (-want +got):\n%s", diff)
	}
}

// wantEven checks that the units of each kind are exactly step apart.
func wantEven(t *testing.T, script []unit, all []Stamp, step [2]media.Ticks) {
	t.Helper()
	var last [2]*Stamp
	for i, s := range all {
		k := script[i].kind
		if p := last[k]; p != nil && s.DTS-p.DTS != step[k] {
			t.Fatalf("unit %d of kind %d: DTS %d after %d, want a step of %d", i, k, s.DTS, p.DTS, step[k])
		}
		last[k] = &s
	}
}

func TestTimeline_KeepsCleanInputExactly(t *testing.T) {
	script := []unit{{Video, 21, 80}, {Audio, 0, 0}, {Audio, 20, 0}, {Video, 61, 160}, {Audio, 40, 0}, {Video, 101, 40}, {Video, 141, 0}}
	var c Timeline
	for i, s := range run(t, &c, script) {
		u := script[i]
		want := Stamp{DTS: media.TicksFromMillis(u.at), PTS: media.TicksFromMillis(u.at + u.composition)}
		if s != want {
			t.Errorf("unit %d: %+v, want %+v", i, s, want)
		}
	}
	wantRepairs(t, &c, nil)
}

func TestRow23_TimestampsWrapWithoutAJump(t *testing.T) {
	step := [2]media.Ticks{40 * ms, 20 * ms}
	for name, edge := range map[string]int64{
		"32 bits": 1 << 32, "33 bits of 90 kHz": (1 << 33) / 90, "below zero": 0,
	} {
		script := live(edge-2000, 4)
		var c Timeline
		all := run(t, &c, script)
		wantEven(t, script, all, step)
		wantRepairs(t, &c, nil)
		if first := media.TicksFromMillis(edge - 2000); all[0].DTS != first {
			t.Errorf("%s: begins at %d, want %d", name, all[0].DTS, first)
		}
	}
}

func TestRow26_SingleOutlierIsPlacedAtTheExpectedTime(t *testing.T) {
	for _, odd := range []int64{0, 1_000_000, 1 << 31, 104_000 - 5000} {
		script := live(100_000, 8)
		script[300].at = odd
		var c Timeline
		all := run(t, &c, script)
		wantEven(t, script, all, [2]media.Ticks{40 * ms, 20 * ms})
		wantRepairs(t, &c, map[Repair]uint64{RepairOutlier: 1})
	}
}

func TestRow26_JumpThatPersistsIsARebase(t *testing.T) {
	for name, to := range map[string]int64{"to zero": 0, "hours on": 50_000_000, "back 10 s": 94_000} {
		script := append(live(100_000, 4), live(to, 4)...)
		var c Timeline
		all := run(t, &c, script)
		if n := discontinuities(all); n != 1 {
			t.Errorf("%s: %d discontinuities, want 1", name, n)
		}
		// Video continues evenly, and audio is within a frame of it.
		first, last := all[0], all[len(all)-3]
		if got := last.DTS - first.DTS; got != 199*40*ms {
			t.Errorf("%s: video lasts %d, want %d", name, got, 199*40*ms)
		}
		if gap := all[len(all)-2].DTS - last.DTS; gap < -40*ms || gap > 40*ms {
			t.Errorf("%s: audio is %d ticks off video", name, gap)
		}
		if c.Repaired()[RepairRebased] != 1 {
			t.Errorf("%s: repairs %v", name, c.Repaired())
		}
	}
}

func TestRow27_AudioAndVideoOnDifferentBasesAreJoined(t *testing.T) {
	script := live(0, 4)
	for i := range script {
		if script[i].kind == Video {
			script[i].at += 900_000_000
		}
	}
	var c Timeline
	all := run(t, &c, script)
	wantEven(t, script, all, [2]media.Ticks{40 * ms, 20 * ms})
	for i := 0; i < len(all); i += 3 {
		if all[i].DTS != all[i+1].DTS {
			t.Fatalf("unit %d: video at %d, audio at %d", i, all[i].DTS, all[i+1].DTS)
		}
	}
	wantRepairs(t, &c, map[Repair]uint64{RepairJoined: 1})
}

// Late sound of a publisher with one clock keeps its time. It is joined only if it is further from the
// pictures than maxDelay.
func TestRow27_LateSoundKeepsItsTimeIfTheClockIsCommon(t *testing.T) {
	for name, tt := range map[string]struct {
		from, first int64 // of the pictures, and of the sound, in ms
		want        media.Ticks
		joined      uint64
	}{
		"3 s late":            {from: 0, first: 1000, want: 1000 * ms},
		"begins 3 s later":    {from: 0, first: 4000, want: 4000 * ms},
		"from another origin": {from: 50_000_000, first: 3000, want: (50_000_000 + 3960) * ms, joined: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c := Timeline{commonClock: true}
			for i := range int64(100) {
				next(&c, tracks[Video], tt.from+40*i, 0, epoch)
			}
			got := next(&c, tracks[Audio], tt.first, 0, epoch)
			if got.DTS != tt.want || got.Discontinuity {
				t.Errorf("the sound is at %d (discontinuity %t), want %d", got.DTS, got.Discontinuity, tt.want)
			}
			wantRepairs(t, &c, map[Repair]uint64{RepairJoined: tt.joined})
		})
	}
}

// The same after a pause of the sound: what converts it was started again, slowly.
func TestRow27_LateSoundKeepsItsTimeAfterAPauseIfTheClockIsCommon(t *testing.T) {
	c := Timeline{commonClock: true}
	var sound Stamp
	for i := range int64(500) { // 20 s
		at := epoch.Add(time.Duration(i) * 40 * time.Millisecond)
		next(&c, tracks[Video], 40*i, 0, at)
		switch {
		case i < 125: // until 5 s
			next(&c, tracks[Audio], 40*i, 0, at)
			sound = next(&c, tracks[Audio], 40*i+20, 0, at)
		case i >= 300: // from 12 s on comes that of 8 s
			sound = next(&c, tracks[Audio], 40*i-4000, 0, at)
			next(&c, tracks[Audio], 40*i-3980, 0, at)
		}
		if sound.Discontinuity {
			t.Fatalf("there is a discontinuity at %d", sound.DTS)
		}
		if want := (40*i - 4000) * int64(ms); i > 400 && (sound.DTS < media.Ticks(want)-5*ms || sound.DTS > media.Ticks(want)+5*ms) {
			t.Fatalf("the sound of %d is at %d", want, sound.DTS)
		}
	}
}

func TestRow27_VideoThatReturnsOnAnotherBaseIsAlignedWithTheAudio(t *testing.T) {
	script := live(100_000, 4)
	for i := range int64(250) { // 5 s of audio alone
		script = append(script, unit{Audio, 104_000 + 20*i, 0})
	}
	back := live(109_000, 4)
	for i := range back {
		if back[i].kind == Video {
			back[i].at -= 109_000
		}
	}
	var c Timeline
	all := run(t, &c, append(script, back...))
	v, a := all[len(all)-3], all[len(all)-2]
	if gap := v.DTS - a.DTS; gap < -100*ms || gap > 100*ms {
		t.Errorf("video is %d ticks off audio", gap)
	}
	wantRepairs(t, &c, map[Repair]uint64{RepairOutlier: 2, RepairRebased: 1, RepairJoined: 1})
}

func TestRow28_TimestampsThatDoNotIncreaseAreMovedForward(t *testing.T) {
	script := []unit{{Video, 0, 0}, {Video, 40, 0}, {Video, 40, 0}, {Video, 30, 0}, {Video, 120, 0}}
	var c Timeline
	all := run(t, &c, script)
	var got []media.Ticks
	for _, s := range all {
		got = append(got, s.DTS)
	}
	if diff := cmp.Diff([]media.Ticks{0, 40 * ms, 60 * ms, 80 * ms, 120 * ms}, got); diff != "" {
		t.Errorf("DTS (-want +got):\n%s", diff)
	}
	wantRepairs(t, &c, map[Repair]uint64{RepairSpread: 1, RepairNudged: 1})
}

func TestRow28_SmallStepBackThatLastsIsARebase(t *testing.T) {
	script := append(live(100_000, 4), live(104_000-2500, 4)...)
	var c Timeline
	all := run(t, &c, script)
	if n := discontinuities(all); n != 1 {
		t.Errorf("%d discontinuities", n)
	}
	v, a := all[len(all)-3], all[len(all)-2]
	if gap := v.DTS - a.DTS; gap < -100*ms || gap > 100*ms {
		t.Errorf("video is %d ticks off audio", gap)
	}
	if n := c.Repaired()[RepairNudged]; n > 40 {
		t.Errorf("%d units were moved forward, want 40 at most", n)
	}
}

func TestRow29_FirstTimestampIsKept(t *testing.T) {
	var c Timeline
	all := run(t, &c, live(17_000_000, 1))
	if want := media.TicksFromMillis(17_000_000); all[0].DTS != want {
		t.Errorf("begins at %d, want %d", all[0].DTS, want)
	}
}

func TestRow30_NegativeCompositionMovesDecodingNotPresentation(t *testing.T) {
	// I P B B: the encoder did not delay its first picture.
	script := []unit{{Video, 1000, 0}, {Video, 1040, 80}, {Video, 1080, -40}, {Video, 1120, -40}, {Video, 1160, 80}, {Video, 1200, -40}}
	var c Timeline
	all := run(t, &c, script)
	for i, s := range all {
		want := media.TicksFromMillis(script[i].at + script[i].composition)
		if s.PTS != want {
			t.Errorf("unit %d: PTS %d, want %d", i, s.PTS, want)
		}
	}
	wantRepairs(t, &c, map[Repair]uint64{RepairReordered: 1})
}

func TestRow37_LateAudioIsInSyncWithTheVideo(t *testing.T) {
	var script []unit
	for i := range int64(100) {
		script = append(script, unit{Video, 40 * i, 0})
	}
	script = append(script, unit{Audio, 3990, 0}, unit{Audio, 4010, 0})
	var c Timeline
	all := run(t, &c, script)
	if got := all[100].DTS; got != 3990*ms {
		t.Errorf("audio at %d, want %d", got, 3990*ms)
	}
	wantRepairs(t, &c, nil)
}

func TestRow52_GapOfOneKindIsNoJump(t *testing.T) {
	script := live(0, 2)
	for i := range int64(500) { // 10 s without video, as on a slow uplink
		script = append(script, unit{Audio, 2000 + 20*i, 0})
	}
	script = append(script, live(12_000, 2)...)
	var c Timeline
	for i, s := range run(t, &c, script) {
		if want := media.TicksFromMillis(script[i].at); s.DTS != want || s.Discontinuity {
			t.Fatalf("unit %d: %+v, want DTS %d", i, s, want)
		}
	}
	wantRepairs(t, &c, nil)
}

func TestTimeline_AdaptsToASlideShow(t *testing.T) {
	var script []unit
	for i := range int64(20) {
		script = append(script, unit{Video, 5000 * i, 0})
	}
	var c Timeline
	all := run(t, &c, script)
	if n := discontinuities(all); n != 1 {
		t.Errorf("%d discontinuities", n)
	}
	if got := all[19].DTS - all[4].DTS; got != 75_000*ms {
		t.Errorf("15 pictures last %d, want %d", got, 75_000*ms)
	}
}

func TestTimeline_DoesNotDriftInTwoHours(t *testing.T) {
	var c Timeline
	audio := 0
	for i := range 30 * 7200 {
		at := int64(i * 1000 / 30)
		if s := next(&c, tracks[Video], at, 0, epoch); s.DTS != media.TicksFromMillis(at) {
			t.Fatalf("picture %d at %d", i, s.DTS)
		}
		for ; audio*1024*1000/48000 <= int(at); audio++ {
			at := int64(audio * 1024 * 1000 / 48000)
			if s := next(&c, aac48, at, 0, epoch); s.DTS != media.Ticks(audio)*1920 {
				t.Fatalf("audio frame %d at %d, want the sum of its samples", audio, s.DTS)
			}
		}
	}
	wantRepairs(t, &c, nil)
}

func TestTimeline_ToleratesJitter(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		script := live(int64(rng.Uint32()), 4)
		for range rng.IntN(30) {
			u := &script[rng.IntN(len(script))]
			u.at, u.composition = int64(rng.Uint32())>>rng.IntN(32), int64(rng.Int32N(1<<24)-1<<23)
		}
		var c Timeline
		all := run(t, &c, script)
		if length := all[len(all)-1].DTS - all[0].DTS; length > 20*media.Second {
			t.Fatalf("4 s became %d ticks", length)
		}
	}
}

func FuzzTimeline(f *testing.F) {
	f.Add([]byte("\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		var script []unit
		for ; len(b) >= 5; b = b[5:] {
			at := int64(b[1])<<24 | int64(b[2])<<16 | int64(b[3])<<8 | int64(b[4])
			script = append(script, unit{Kind(b[0] & 1), at, int64(int8(b[0])) * 100})
		}
		var c Timeline
		run(t, &c, script)
	})
}

func BenchmarkTimeline(b *testing.B) {
	b.ReportAllocs()
	var c Timeline
	var at int64
	for b.Loop() {
		at += 20
		next(&c, tracks[Audio], at, 0, epoch)
	}
}

// runInTime stamps units that arrive as late as late returns, and checks that they are not changed.
func runInTime(t *testing.T, c *Timeline, script []unit, late func(i int) time.Duration) {
	t.Helper()
	for i, u := range script {
		at := epoch.Add(time.Duration(u.at)*time.Millisecond + late(i))
		s := next(c, tracks[u.kind], u.at, 0, at)
		if want := media.TicksFromMillis(u.at); s.DTS != want || s.PTS != want || s.Discontinuity {
			t.Fatalf("unit %d: %+v, want %d", i, s, want)
		}
	}
	wantRepairs(t, c, nil)
}

// Row 61 of docs/encoders.md: pictures that are far apart, and arrive at their times.
func TestTimeline_KeepsGapsThatArrivalConfirms(t *testing.T) {
	onTime := func(int) time.Duration { return 0 }
	uneven := func(i int) time.Duration { return time.Duration(i*7%10) * 100 * time.Millisecond }
	for _, step := range []int64{1000, 3500, 4000, 12_000, 59_000} {
		for _, late := range []func(int) time.Duration{onTime, uneven} {
			var script []unit
			for i := range int64(12) {
				script = append(script, unit{Video, step * i, 0})
			}
			runInTime(t, &Timeline{}, script, late)
		}
	}
	away := func(from, to int64, kinds ...Kind) (script []unit) {
		var gone [2]bool
		for _, k := range kinds {
			gone[k] = true
		}
		for _, u := range live(0, int(to/1000)+4) {
			if !gone[u.kind] || u.at < from || u.at >= to {
				script = append(script, u)
			}
		}
		return script
	}
	for name, script := range map[string][]unit{
		"both for 5 s":      away(4000, 9000, Video, Audio),
		"both for a minute": away(4000, 64_000, Video, Audio),
		"audio for 20 s":    away(4000, 24_000, Audio),
		"video for 20 s":    away(4000, 24_000, Video),
	} {
		t.Run(name, func(t *testing.T) { runInTime(t, &Timeline{}, script, onTime) })
	}
	var alone []unit
	for _, u := range away(4000, 30_000, Audio) {
		if u.kind == Audio {
			alone = append(alone, u)
		}
	}
	t.Run("audio without video", func(t *testing.T) { runInTime(t, &Timeline{}, alone, onTime) })
}

// Timestamps that jump without a pause in arrival are a jump, not a gap.
func TestTimeline_RebasesJumpsThatArrivalDoesNotConfirm(t *testing.T) {
	var c Timeline
	all := run(t, &c, append(live(0, 2), live(20_000, 2)...))
	if n := discontinuities(all); n != 1 {
		t.Errorf("%d discontinuities, want 1", n)
	}
}
