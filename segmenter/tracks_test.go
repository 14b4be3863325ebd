package segmenter

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/internal/hlscheck"
	"golive/internal/mediatest"
	"golive/media"
)

// Row 63 of docs/encoders.md: audio that stops is replaced by silence until it returns.
func TestSegmenter_AudioThatStopsIsReplacedBySilence(t *testing.T) {
	for _, rate := range []int{8000, 22050, 44100, 48000} {
		t.Run(fmt.Sprint(rate), func(t *testing.T) {
			in := stream(90 * time.Second)
			in.Audio.SampleRate = rate
			units := exclude(in.Units(), func(u *media.AccessUnit) bool {
				return !u.Track.Video() && u.DTS >= 4*media.Second && u.DTS < 64*media.Second
			})
			r := &recorder{t: t}
			s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
			s.Start("aaaa")
			for _, u := range units {
				s.Write(u)
				_, silent := s.Silent()
				if at := u.DTS; silent && (at < 6*media.Second-jitter || at > 67*media.Second) || !silent && at > 7*media.Second && at < 65*media.Second {
					t.Fatalf("at %.2f s: silent %t", at.Seconds(), silent)
				}
			}
			s.Finish()
			f, _ := s.Format()
			r.checkParts(f)
			p := r.readBack()
			if n := r.discontinuities(); n > 0 {
				t.Errorf("%d discontinuities", n)
			}
			if got, most := p.longest[hlscheck.AAC], s.audioState.period*3/2+jitter; got > most {
				t.Errorf("no audio for %d ticks, want at most %d", got, most)
			}
			if n := s.Stats().DroppedAudio; n > 1 {
				t.Errorf("%d audio frames were dropped", n)
			}
		})
	}
}

// Audio stops and starts again periodically.
func TestSegmenter_AudioThatStopsAndStartsIsNotADiscontinuity(t *testing.T) {
	for _, period := range []media.Ticks{media.Second, 3 * media.Second, 7 * media.Second} {
		in := stream(60 * time.Second)
		r, s := cutAll(t, DefaultConfig(), exclude(in.Units(), func(u *media.AccessUnit) bool {
			return !u.Track.Video() && u.DTS/period%2 == 1
		}))
		f, _ := s.Format()
		r.checkParts(f)
		p := r.readBack()
		if n := r.discontinuities(); n > 0 || p.longest[hlscheck.AAC] > media.Second/10 {
			t.Errorf("every %d ticks: %d discontinuities, no audio for %d ticks", period, n, p.longest[hlscheck.AAC])
		}
	}
}

// Audio that is always behind the video is not taken for silent.
func TestSegmenter_LateAudioIsKept(t *testing.T) {
	for _, late := range []media.Ticks{media.Second / 3, media.Second, 2 * media.Second} {
		in := stream(40 * time.Second)
		units := in.Units()
		var wire []media.AccessUnit
		next := 0
		for _, u := range units {
			if !u.Track.Video() {
				continue
			}
			wire = append(wire, u)
			for next < len(units) && units[next].DTS <= u.DTS-late {
				if !units[next].Track.Video() {
					wire = append(wire, units[next])
				}
				next++
			}
		}
		r, s := cutAll(t, DefaultConfig(), wire)
		if n := s.Stats().DroppedAudio; n > 150 {
			t.Errorf("%d ticks late: %d frames were dropped", late, n)
		}
		if _, silent := s.Silent(); silent {
			t.Errorf("%d ticks late: the audio is reported as silent", late)
		}
		r.readBack()
	}
}

// Row 64 of docs/encoders.md: when the video stops, the last key frame is repeated until the
// next one.
func TestSegmenter_LastKeyFrameIsRepeatedWhenVideoStops(t *testing.T) {
	for _, at := range []media.Ticks{4*media.Second + 1, 5 * media.Second} { // after a key frame, and within a GOP
		in := stream(90 * time.Second)
		units := exclude(in.Units(), func(u *media.AccessUnit) bool {
			return u.Track.Video() && u.DTS >= at && u.DTS < 64*media.Second+media.Second/2
		})
		r := &recorder{t: t}
		s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
		s.Start("aaaa")
		for _, u := range units {
			s.Write(u)
			silent, _ := s.Silent()
			if now := u.DTS; silent && (now < 6*media.Second || now > 66*media.Second+jitter) || !silent && now > 9*media.Second && now < 64*media.Second {
				t.Fatalf("at %.2f s: silent %t", now.Seconds(), silent)
			}
		}
		s.Finish()
		f, _ := s.Format()
		r.checkParts(f)
		p := r.readBack()
		if n := r.discontinuities(); n > 0 || s.Stats().GapParts > 0 {
			t.Errorf("%d discontinuities, %+v", n, s.Stats())
		}
		if got := p.longest[hlscheck.H264]; got > defaultRepeatAfter+media.Second {
			t.Errorf("no picture for %.2f s", got.Seconds())
		}
		if got := p.longest[hlscheck.AAC]; got > media.Second/20 {
			t.Errorf("no audio for %.2f s", got.Seconds())
		}
		for _, seg := range r.segments[5:] {
			// The video resumes within a GOP, whose next key frame may be too far away for the
			// segment.
			again := seg.Start > 64*media.Second+media.Second/2 && seg.Start < 66*media.Second
			if !seg.Independent && !again {
				t.Errorf("%s at %.2f s is not independent", seg.Name(), seg.Start.Seconds())
			}
		}
	}
}

// skippableTrack returns a track whose pictures can be repeated with skipped pictures.
func skippableTrack(tb testing.TB) *media.Track {
	tb.Helper()
	t := mediatest.H264(1920, 108)
	var err1, err2 error
	var sps, pps []byte
	sps, err1 = hex.DecodeString("6742c028d900780227e5c04400000fa40003a9803c60c920")
	pps, err2 = hex.DecodeString("68cb83cb20")
	if err := errors.Join(err1, err2); err != nil {
		tb.Fatal(err)
	}
	t.SPS, t.PPS = [][]byte{sps}, [][]byte{pps}
	return t
}

// Rows 61 and 64 of docs/encoders.md: while a picture is repeated, each part has several
// pictures of few bytes, and is marked independent if it has an IDR picture.
func TestSegmenter_RepeatsWithSkippedPictures(t *testing.T) {
	for name, stop := range map[string]func(u *media.AccessUnit) bool{
		"slides": func(u *media.AccessUnit) bool { return u.DTS%(4*media.Second) > 0 },
		"irregular slides": func(u *media.AccessUnit) bool {
			return u.DTS%(2*media.Second) > 0 || u.DTS > 0 && u.DTS%(6*media.Second) == 0
		},
		"one picture":    func(u *media.AccessUnit) bool { return u.DTS > 0 },
		"stops at a key": func(u *media.AccessUnit) bool { return u.DTS > 4*media.Second },
		"stops in a GOP": func(u *media.AccessUnit) bool { return u.DTS > 5*media.Second },
	} {
		t.Run(name, func(t *testing.T) {
			in := stream(40 * time.Second)
			in.Video = skippableTrack(t)
			r, s := cutAll(t, DefaultConfig(), exclude(in.Units(), func(u *media.AccessUnit) bool { return u.Track.Video() && stop(u) }))
			f, _ := s.Format()
			r.checkParts(f)
			p := r.readBack()
			if got := p.longest[hlscheck.H264]; got > defaultRepeatAfter+media.Second/2 {
				t.Errorf("no picture for %.2f s", got.Seconds())
			}
			if n := r.discontinuities(); n > 0 || s.Stats().GapParts > 0 {
				t.Errorf("%d discontinuities, %+v", n, s.Stats())
			}
			for _, seg := range r.segments {
				if !seg.Independent {
					t.Errorf("%s is not independent", seg.Name())
				}
				for i, part := range seg.Parts {
					data := part.Data
					if i > 0 {
						data = slices.Concat(seg.Parts[0].Data[:2*188], data) // PAT and PMT
					}
					ts, err := hlscheck.Demux(t.Context(), data)
					if err != nil {
						t.Fatalf("%s: %v", part.Name(), err)
					}
					pictures, keys := ts.Video().Units, 0
					for _, u := range pictures {
						if u.Key {
							keys++
						}
					}
					if part.Independent != (keys > 0) {
						t.Errorf("%s: independent %t, %d key frames", part.Name(), part.Independent, keys)
					}
					waits := strings.HasPrefix(name, "stops") && part.Start+part.Duration > 4*media.Second && part.Start < 7*media.Second
					if len(pictures) < 2 && part.Duration > 2*skipEvery && !waits {
						t.Errorf("%s at %.3f s, %.3f s long, has %d pictures", part.Name(), part.Start.Seconds(), part.Duration.Seconds(), len(pictures))
					}
				}
			}
		})
	}
}

// Row 61 of docs/encoders.md: with audio, a picture every few seconds is shown continuously.
func TestSegmenter_SlidesWithAudioAreRepeated(t *testing.T) {
	for _, fps := range []float64{1.0 / 12, 0.2, 0.5, 1, 2, 3} {
		in := stream(100 * time.Second)
		in.FPS, in.GOP, in.BitRate = fps, 1, int(20_000*fps)
		r, s := cutAll(t, DefaultConfig(), in.Units())
		f, _ := s.Format()
		if f.PartTarget > media.Second/2 {
			t.Errorf("%.2f fps: PART-TARGET is %d", fps, f.PartTarget)
		}
		r.checkParts(f)
		p := r.readBack()
		if got := p.longest[hlscheck.H264]; got > media.Second+media.Second/20 {
			t.Errorf("%.2f fps: no picture for %.2f s", fps, got.Seconds())
		}
		if got, want := s.FrameRate(), max(2, fps); got < want-0.01 || got > want+0.01 {
			t.Errorf("%.2f fps: FRAME-RATE is %.3f", fps, got)
		}
		if n := r.discontinuities(); n > 0 || s.Stats().GapParts > 0 {
			t.Errorf("%.2f fps: %d discontinuities, %+v", fps, n, s.Stats())
		}
		for _, seg := range r.segments[1:] {
			if !seg.Independent {
				t.Errorf("%.2f fps: %s is not independent", fps, seg.Name())
			}
		}
	}
}

// Row 61 of docs/encoders.md, without audio: time between pictures advances by the clock.
func TestSegmenter_SlidesWithoutAudioAreRepeated(t *testing.T) {
	for _, fps := range []float64{1.0 / 12, 0.2, 0.5, 0.9} {
		in := mediatest.Stream{Video: mediatest.H264(640, 36), FPS: fps, GOP: 1, BitRate: int(20_000 * fps), Length: 100 * time.Second, Epoch: epoch()}
		r := &recorder{t: t}
		s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
		s.Start("aaaa")
		units := in.Units()
		for now := epoch(); len(units) > 0; now = now.Add(100 * time.Millisecond) {
			s.Advance(now)
			for len(units) > 0 && !units[0].Arrived.After(now) {
				s.Write(units[0])
				units = units[1:]
			}
			if at := now.Sub(epoch()); at > 4*time.Second && len(r.all) > 0 {
				last := r.all[len(r.all)-1]
				if behind := media.TicksFromDuration(at) - last.Start - last.Duration; behind > 3*media.Second/2 {
					t.Fatalf("%.2f fps: at %v the last part ended %.2f s ago", fps, at, behind.Seconds())
				}
			}
		}
		s.Finish()
		f, _ := s.Format()
		if f.PartTarget > media.Second {
			t.Errorf("%.2f fps: PART-TARGET is %d", fps, f.PartTarget)
		}
		r.checkParts(f)
		p := r.readBack()
		if got := p.longest[hlscheck.H264]; got > media.Second+media.Second/5 {
			t.Errorf("%.2f fps: no picture for %.2f s", fps, got.Seconds())
		}
		if s.Stats().GapParts > 0 {
			t.Errorf("%.2f fps: %+v", fps, s.Stats())
		}
	}
}

// A stalled uplink is not a slow stream: no pictures are repeated for it.
func TestSegmenter_AdvanceRepeatsNothingForAStalledUplink(t *testing.T) {
	for _, gop := range []int{1, 60} {
		in := stream(8 * time.Second)
		in.GOP = gop
		in.Audio = nil
		r := &recorder{t: t}
		s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
		s.Start("aaaa")
		stalled := false
		for _, u := range in.Units() {
			s.Write(u)
			before := len(r.all)
			if u.DTS == 6*media.Second { // a key frame
				stalled = true
				for i := range 100 {
					s.Advance(u.Arrived.Add(time.Duration(i) * 100 * time.Millisecond))
				}
				if len(r.all) != before {
					t.Errorf("GOP of %d: %d parts were made", gop, len(r.all)-before)
				}
			}
		}
		if !stalled {
			t.Errorf("GOP of %d: no unit at 6 s", gop)
		}
	}
}

// The frame rate drops and recovers, as when a screen is shared.
func TestSegmenter_VariableRatesKeepTheTargets(t *testing.T) {
	in := stream(60 * time.Second)
	units := exclude(in.Units(), func(u *media.AccessUnit) bool {
		second := int(u.DTS / media.Second)
		return u.Track.Video() && second%20 >= 10 && u.DTS%media.Second > media.Second/50
	})
	r, s := cutAll(t, DefaultConfig(), units)
	f, _ := s.Format()
	r.checkParts(f)
	r.readBack()
	if st := s.Stats(); st.DroppedVideo > 0 || st.GapParts > 0 || r.discontinuities() > 0 {
		t.Errorf("%+v", st)
	}
}

// Both tracks change at about the same time: there is one discontinuity, and no audio is lost.
func TestSegmenter_BothTracksChangeAtOneDiscontinuity(t *testing.T) {
	for name, audioDelay := range map[string]media.Ticks{"audio first": 0, "video first": 40 * media.Millisecond} {
		t.Run(name, func(t *testing.T) {
			before, after := stream(6*time.Second), stream(6*time.Second)
			after.Video, after.Audio = mediatest.H264(1280, 72), mediatest.AAC()
			after.Audio.SampleRate = 44100
			after.Offset, after.Epoch = 6*media.Second, epoch().Add(6*time.Second)
			units := before.Units()
			for _, u := range after.Units() {
				if !u.Track.Video() {
					u.DTS += audioDelay
					u.PTS = u.DTS
				}
				units = append(units, u)
			}
			r, s := cutAll(t, DefaultConfig(), units)
			if n := r.discontinuities(); n != 1 {
				t.Errorf("%d discontinuities, want 1", n)
			}
			if video, audio := s.Tracks(); video != after.Video || audio != after.Audio {
				t.Error("Tracks does not return the new tracks")
			}
			if st := s.Stats(); st.DroppedAudio > 0 || st.DroppedVideo > 0 {
				t.Errorf("%+v", st)
			}
			r.readBack()
		})
	}
}

// A change of one track is one discontinuity, and the other track continues.
func TestSegmenter_ChangeOfOneTrackLeavesTheOtherUninterrupted(t *testing.T) {
	for _, video := range []bool{true, false} {
		before, after := stream(7*time.Second), stream(7*time.Second)
		if video {
			after.Video, after.Audio = mediatest.H264(1280, 72), before.Audio
		} else {
			after.Video, after.Audio = before.Video, mediatest.AAC()
		}
		after.Offset, after.Epoch = 7*media.Second, epoch().Add(7*time.Second)
		r, s := cutAll(t, DefaultConfig(), append(before.Units(), after.Units()...))
		if n := r.discontinuities(); n != 1 {
			t.Errorf("video %t: %d discontinuities, want 1", video, n)
		}
		if v, a := s.Tracks(); v != after.Video || a != after.Audio {
			t.Errorf("video %t: Tracks does not return the new track", video)
		}
		p := r.readBack()
		if got := p.longest[hlscheck.AAC]; got > media.Second/20 {
			t.Errorf("video %t: no audio for %.2f s", video, got.Seconds())
		}
	}
}

// Slides with wrong or late timestamps are shown in order.
func TestSegmenter_SlidesWithWrongTimesStayInOrder(t *testing.T) {
	in := mediatest.Stream{Video: mediatest.H264(640, 36), FPS: 0.25, GOP: 1, BitRate: 20_000, Length: 60 * time.Second, Epoch: epoch()}
	units := in.Units()
	for i := range units {
		units[i].DTS = media.Ticks(i) * media.Second / 50 // as if the repair of timestamps took 4 s for an error
		units[i].PTS = units[i].DTS
	}
	r := &recorder{t: t}
	s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
	s.Start("aaaa")
	for now := epoch(); len(units) > 0; now = now.Add(50 * time.Millisecond) {
		s.Advance(now)
		for len(units) > 0 && !units[0].Arrived.After(now) {
			s.Write(units[0])
			units = units[1:]
		}
	}
	s.Finish()
	f, _ := s.Format()
	r.checkParts(f)
	if p := r.readBack(); p.longest[hlscheck.H264] > media.Second {
		t.Errorf("no picture for %d ticks", p.longest[hlscheck.H264])
	}
}
