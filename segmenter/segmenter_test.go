package segmenter

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/container/mpegts"
	"golive/internal/mediatest"
	"golive/media"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestSegmenter_CutsAsRecorded(t *testing.T) {
	long := stream(9 * time.Second)
	long.GOP = 250
	short := stream(7 * time.Second)
	short.GOP = 45
	film := stream(7 * time.Second)
	film.FPS, film.GOP = 24000.0/1001, 48
	silent := stream(5 * time.Second)
	silent.Audio = nil
	radio := stream(5 * time.Second)
	radio.Video = nil
	for name, units := range map[string][]media.AccessUnit{
		"gop_2s":     stream(7 * time.Second).Units(),
		"gop_1.5s":   short.Units(),
		"gop_8.3s":   long.Units(),
		"film":       film.Units(),
		"video_only": silent.Units(),
		"audio_only": radio.Units(),
		"frames_lost": func() []media.AccessUnit {
			var kept []media.AccessUnit
			for _, u := range stream(5 * time.Second).Units() {
				if u.DTS < media.Second || u.DTS >= media.Second*7/4 {
					kept = append(kept, u)
				}
			}
			return kept
		}(),
	} {
		t.Run(name, func(t *testing.T) {
			r, s := cutAll(t, DefaultConfig(), units)
			f, _ := s.Format()
			fmt.Fprintf(&r.log, "target=%d part_target=%d stats=%+v\n", f.Target, f.PartTarget, s.Stats())
			golden := filepath.Join("testdata", name+".cuts")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, r.log.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), r.log.String()); diff != "" {
				t.Errorf("cuts differ (-want +got), -update rewrites:\n%s", diff)
			}
		})
	}
}

func TestSegmenter_SameUnitsGiveTheSameBytes(t *testing.T) {
	units := stream(5 * time.Second).Units()
	a, _ := cutAll(t, DefaultConfig(), units)
	b, _ := cutAll(t, DefaultConfig(), units)
	if len(a.all) == 0 || len(a.all) != len(b.all) {
		t.Fatalf("%d and %d parts", len(a.all), len(b.all))
	}
	for i := range a.all {
		if !bytes.Equal(a.all[i].Data, b.all[i].Data) {
			t.Errorf("part %d differs", i)
		}
	}
}

// Rules 2, 27 and 28 of package hlscheck, over frame rates and key frame intervals.
func TestSegmenter_KeepsItsTargets(t *testing.T) {
	for _, fps := range []float64{10, 15, 20, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60, 120} {
		for _, gop := range []float64{0.5, 1, 1.5, 2, 2.4, 3, 8.3} {
			t.Run(fmt.Sprintf("%g_fps_key_every_%gs", fps, gop), func(t *testing.T) {
				in := stream(20 * time.Second)
				in.FPS, in.GOP = fps, max(1, int(fps*gop+0.5))
				r, s := cutAll(t, DefaultConfig(), in.Units())
				f, ok := s.Format()
				if !ok {
					t.Fatal("no format was frozen")
				}
				r.checkTargets(f)
				for _, seg := range r.segments {
					for i, p := range seg.Parts {
						last := i == len(seg.Parts)-1
						if !last && !p.Independent && p.Duration*100 < f.PartTarget*85 {
							t.Errorf("rule 28: %s lasts %d, target %d", p.Name(), p.Duration, f.PartTarget)
						}
					}
				}
				if gop <= 2.4 && s.Stats().ForcedCuts > 0 {
					t.Errorf("%d forced cuts", s.Stats().ForcedCuts)
				}
				if gop > 2.5 && s.Stats().ForcedCuts == 0 {
					t.Error("no forced cut was counted")
				}
			})
		}
	}
}

// x264 puts a key frame where the scene changes, and the next one a whole interval
// after that: OBS and GStreamer in their usual settings.
func TestSegmenter_ToleratesKeyFramesAtSceneChanges(t *testing.T) {
	in := stream(0)
	in.FPS, in.GOP = 30, 60
	var units []media.AccessUnit
	var at time.Duration
	for i := range 30 {
		in.Length = 59 * time.Second / 30 // 59 frames: the actual interval with keyint=60
		if i%3 == 2 {
			in.Length = 21 * time.Second / 30
		}
		in.Offset, in.Epoch = media.TicksFromDuration(at), epoch().Add(at)
		units = append(units, in.Units()...)
		at += in.Length
	}
	r, s := cutAll(t, DefaultConfig(), units)
	if n := s.Stats().ForcedCuts; n > 0 {
		t.Errorf("%d forced cuts", n)
	}
	for _, seg := range r.segments {
		if !seg.Independent {
			t.Errorf("%s does not begin with a key frame", seg.Name())
		}
	}
}

// Rule 22: sums of durations stay within one frame of the true time, for two hours.
func TestSegmenter_DurationsDoNotDriftInTwoHours(t *testing.T) {
	in := mediatest.Stream{
		Video: mediatest.H264(64, 36), FPS: 30000.0 / 1001, GOP: 60,
		Length: 2 * time.Hour, Epoch: epoch(), BitRate: 8000,
	}
	r, _ := cutAll(t, DefaultConfig(), in.Units())
	var sum media.Ticks
	for _, s := range r.segments[:len(r.segments)-1] { // the last one is short
		sum += s.Duration
		truth := s.Start + s.Duration - r.segments[0].Start
		if d := sum - truth; d != 0 {
			t.Fatalf("after %s the sum of durations is off by %d ticks", s.Name(), d)
		}
		frame := media.Second * 1001 / 30000
		wantEnd := media.Ticks(float64(s.MSN+1-FirstMSN) * 60 * 1001 / 30000 * float64(media.Second))
		if d := truth - wantEnd; d > frame || d < -frame {
			t.Fatalf("%s ends %d ticks from its true end, one frame is %d", s.Name(), d, frame)
		}
	}
}

// A part is published when its last frame arrives, not when the next one does.
func TestSegmenter_PublishesAPartWithItsLastFrame(t *testing.T) {
	for _, fps := range []float64{10, 15, 20, 24000.0 / 1001, 24, 25, 30000.0 / 1001, 30, 48, 50, 60000.0 / 1001, 60, 120} {
		in := stream(6 * time.Second)
		in.FPS, in.GOP = fps, int(fps*2+0.5)
		r := &recorder{t: t}
		s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
		s.Start("aaaa")
		for _, u := range in.Units() {
			before := len(r.all)
			s.Write(u)
			if len(r.all) > before && r.all[before].Arrived != u.Arrived {
				t.Errorf("%g fps: part %s waited for a later unit", fps, r.all[before].Name())
			}
		}
		if len(r.all) < 18 {
			t.Errorf("%g fps: %d parts in 6 s", fps, len(r.all))
		}
	}
}

// Rules 28 and 39: the part that is expected to be the last of its segment is the last one, and
// no short part follows it, although frames come early and late, and a file that is played in a
// loop has a longer key frame interval at its end (ffmpeg -stream_loop).
func TestSegmenter_PredictsTheLastPartOfASegment(t *testing.T) {
	for _, fps := range []float64{15, 24, 25, 30000.0 / 1001, 30, 50, 60} {
		for _, gop := range []float64{1, 1.5, 2, 2.2, 8.3} {
			t.Run(fmt.Sprintf("%g_fps_key_every_%gs", fps, gop), func(t *testing.T) {
				in := stream(40 * time.Second)
				in.FPS, in.GOP = fps, int(fps*gop+0.5)
				units := in.Units()
				frame := media.Ticks(float64(media.Second) / fps)
				early := 2 * media.Millisecond
				random := rand.New(rand.NewPCG(7, uint64(in.GOP)))
				var late media.Ticks
				keys := 0
				for i := range units {
					u := &units[i]
					if u.Track.Video() {
						if u.Key {
							if keys++; keys%10 == 0 {
								late += 11 * media.Millisecond
							}
						}
						u.DTS += media.Ticks(random.Int64N(int64(2*early))) - early
					}
					u.DTS += late
				}
				r, s := cutAll(t, DefaultConfig(), units)
				format, _ := s.Format()
				for _, seg := range r.segments[4 : len(r.segments)-1] {
					for i, p := range seg.Parts {
						last := i == len(seg.Parts)-1
						if p.Gap || p.Duration < frame/2 || !last && !p.Independent && p.Duration*100 < format.PartTarget*85 {
							t.Errorf("rule 28: %s lasts %d, gap %t, target %d", p.Name(), p.Duration, p.Gap, format.PartTarget)
						}
					}
				}
			})
		}
	}
}

func TestSegmenter_SecondPublicationContinuesWithADiscontinuity(t *testing.T) {
	r := &recorder{t: t}
	s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
	for _, publication := range []string{"aaaa", "bbbb"} {
		s.Start(publication)
		in := stream(3 * time.Second)
		in.Video, in.Audio = mediatest.H264(1280, 72), mediatest.AAC()
		for _, u := range in.Units() {
			s.Write(u)
		}
		s.Finish()
	}
	var second *media.Segment
	for i, seg := range r.segments {
		if seg.MSN != int64(i)+FirstMSN {
			t.Errorf("segment %d has MSN %d", i, seg.MSN)
		}
		if seg.Publication == "bbbb" && second == nil {
			second = seg
		} else if seg.Discontinuity {
			t.Errorf("%s has a discontinuity", seg.Name())
		}
	}
	if second == nil || !second.Discontinuity {
		t.Errorf("the second publication's first segment is %+v", second)
	}
	first := r.segments[1]
	if end := first.ProgramDateTime.Add(first.Duration.Duration()); second.ProgramDateTime.Before(end) {
		t.Errorf("dates run back: %s ends at %s, %s begins at %s", first.Name(), end, second.Name(), second.ProgramDateTime)
	}
}

func TestSegmenter_ChangeOfParametersIsADiscontinuityAtTheKeyFrame(t *testing.T) {
	before, after := stream(3*time.Second), stream(3*time.Second)
	after.Audio = before.Audio
	after.Video = mediatest.H264(1280, 72)
	after.Offset = 3 * media.Second
	after.Epoch = epoch().Add(3 * time.Second)
	r, s := cutAll(t, DefaultConfig(), append(before.Units(), after.Units()...))
	var marked []*media.Segment
	for _, seg := range r.segments {
		if seg.Discontinuity {
			marked = append(marked, seg)
		}
	}
	if len(marked) != 1 || marked[0].Start < 3*media.Second-jitter || marked[0].Start > 3*media.Second+jitter || !marked[0].Independent {
		t.Errorf("discontinuities at %+v, want one at 3 s", marked)
	}
	if video, _ := s.Tracks(); video != after.Video {
		t.Error("Tracks does not return the new track")
	}
	if st := s.Stats(); st.DroppedVideo+st.DroppedAudio > 0 {
		t.Errorf("something was dropped: %+v", st)
	}
}

func TestSegmenter_LateAudioStartsAtTheNextKeyFrame(t *testing.T) {
	in := stream(7 * time.Second)
	var units []media.AccessUnit
	for _, u := range in.Units() {
		if u.Track.Video() || u.DTS >= 3*media.Second {
			units = append(units, u)
		}
	}
	r, _ := cutAll(t, DefaultConfig(), units)
	for _, seg := range r.segments {
		off := seg.Start - 4*media.Second
		if want := -jitter <= off && off <= jitter; seg.Discontinuity != want {
			t.Errorf("%s at %d: discontinuity=%t", seg.Name(), seg.Start, seg.Discontinuity)
		}
	}
}

func TestSegmenter_DropsFramesBeforeTheFirstKey(t *testing.T) {
	in := stream(4 * time.Second)
	r, s := cutAll(t, DefaultConfig(), in.Units()[40:])
	if len(r.segments) == 0 || !r.segments[0].Independent || r.segments[0].Start != 2*media.Second {
		t.Fatalf("first segment %+v", r.segments)
	}
	if s.Stats().DroppedVideo == 0 {
		t.Error("dropped frames were not counted")
	}
}

func TestSegmenter_TimeThatStandsStillDoesNotGrowMemory(t *testing.T) {
	in := stream(4 * time.Second)
	in.BitRate = 400_000_000
	units := in.Units()
	var held int
	r := &recorder{t: t}
	s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
	s.Start("aaaa")
	for i, u := range units {
		u.DTS = media.Ticks(i)
		s.Write(u)
		held = max(held, s.bytes, s.gather.bytes)
	}
	if held > 2*maxPartBytes {
		t.Errorf("%d bytes were held", held)
	}
}

func TestSegmenter_HoleIsNotAKeyFrameInterval(t *testing.T) {
	in := stream(20 * time.Second)
	in.GOP = 30
	var units []media.AccessUnit
	for _, u := range in.Units() {
		if u.DTS < 6*media.Second || u.DTS >= 8*media.Second+media.Second/5 {
			units = append(units, u)
		}
	}
	r, s := cutAll(t, DefaultConfig(), units)
	if got := s.Stats().LongestGOP; got > media.Second+jitter {
		t.Errorf("the longest interval is %d ticks, key frames come every %d", got, media.Second)
	}
	for _, seg := range r.segments[5 : len(r.segments)-1] {
		if seg.Duration < 19*media.Second/10 && seg.Start > 11*media.Second {
			t.Errorf("%s lasts %d", seg.Name(), seg.Duration)
		}
	}
}

func TestSegmenter_AudioMayBeAheadAllTheTime(t *testing.T) {
	in := stream(12 * time.Second)
	units := in.Units()
	var shifted []media.AccessUnit // audio arrives 0.8 s before the pictures with the same times
	audio := 0
	for _, u := range units {
		for audio < len(units) && units[audio].DTS <= u.DTS+4*media.Second/5 {
			if !units[audio].Track.Video() {
				shifted = append(shifted, units[audio])
			}
			audio++
		}
		if u.Track.Video() {
			shifted = append(shifted, u)
		}
	}
	r, s := cutAll(t, DefaultConfig(), shifted)
	if st := s.Stats(); st.GapParts+st.ForcedCuts+st.DroppedAudio > 0 {
		t.Errorf("%+v", st)
	}
	for _, seg := range r.segments {
		if !seg.Independent {
			t.Errorf("%s does not begin with a key frame", seg.Name())
		}
	}
}

// A publisher that is lost just after a key frame leaves no segment of one picture. One that stops
// there does.
func TestSegmenter_LostPublisherLeavesNoSegmentOfOnePicture(t *testing.T) {
	for _, lost := range []bool{true, false} {
		r := &recorder{t: t}
		s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
		s.Start("aaaa")
		for _, u := range stream(4*time.Second + 30*time.Millisecond).Units() {
			s.Write(u)
		}
		if lost {
			s.FinishLost()
		} else {
			s.Finish()
		}
		s.Start("bbbb")
		for _, u := range stream(3 * time.Second).Units() {
			s.Write(u)
		}
		s.Finish()
		var names []string
		for _, seg := range r.segments {
			names = append(names, seg.Name())
		}
		want := []string{"aaaa-1.ts", "aaaa-2.ts", "aaaa-3.ts", "bbbb-4.ts", "bbbb-5.ts"}
		if lost {
			want = []string{"aaaa-1.ts", "aaaa-2.ts", "bbbb-3.ts", "bbbb-4.ts"}
		}
		if diff := cmp.Diff(want, names); diff != "" {
			t.Errorf("lost=%t: %s", lost, diff)
		}
		if i := len(names) - 2; !r.segments[i].Discontinuity {
			t.Errorf("lost=%t: %s has no discontinuity", lost, names[i])
		}
	}
}
