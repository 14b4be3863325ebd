package segmenter

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/internal/hlscheck"
	"golive/internal/mediatest"
	"golive/media"
)

// Sound that begins after gatherTime joins at a discontinuity, and no picture is lost for it: a track
// that begins then, or one whose first frames come late, as those of a converter that starts slowly.
func TestSegmenter_LosesNoPictureToSoundThatBeginsLate(t *testing.T) {
	for _, fps := range []float64{15, 30, 60} {
		for _, from := range []media.Ticks{0, 500, 1700, 2100, 3900} {
			for _, late := range []media.Ticks{0, 600, 1600, 2100, 4000} {
				t.Run(fmt.Sprintf("%g fps, sound from %d ms comes at %d ms", fps, from, from+late), func(t *testing.T) {
					in := mediatest.Stream{
						Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: fps, GOP: int(2 * fps),
						Length: 16 * time.Second, BitRate: 80_000, Epoch: epoch(),
					}
					from, comes := from*media.Millisecond, (from+late)*media.Millisecond
					var units []media.AccessUnit
					for _, u := range in.Units() {
						if u.Track.Video() || u.DTS >= from {
							units = append(units, u)
						}
					}
					// Frames of the time before comes are received then, all at once.
					received := func(u media.AccessUnit) media.Ticks {
						if u.Track.Video() {
							return u.DTS
						}
						return max(u.DTS, comes)
					}
					slices.SortStableFunc(units, func(a, b media.AccessUnit) int { return int(received(a) - received(b)) })
					r := &recorder{t: t}
					s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
					s.Start("aaaa")
					for _, u := range units {
						s.Write(u)
					}
					s.Finish()
					f, _ := s.Format()
					r.checkParts(f)
					if dropped := s.Stats().DroppedAudio; from == 0 && comes < gatherTime && dropped > 0 {
						t.Errorf("%d frames of sound were dropped", dropped)
					}
					if dropped := s.Stats().DroppedVideo; dropped > 0 {
						t.Errorf("%d pictures were dropped", dropped)
					}
					discontinuities, want := 0, 0
					if comes > gatherTime {
						want = 1
					}
					for _, seg := range r.segments {
						if seg.Discontinuity {
							discontinuities++
						}
					}
					if discontinuities != want {
						t.Errorf("%d discontinuities, want %d", discontinuities, want)
					}
				})
			}
		}
	}
}

// A publication begins with the sound that follows its pictures, none of which is lost.
func TestSegmenter_WaitsForSoundThatFollows(t *testing.T) {
	for _, late := range []media.Ticks{300, 1000, 2000, 3900} {
		t.Run(fmt.Sprintf("%d ms", late), func(t *testing.T) {
			in := stream(10 * time.Second)
			r := &recorder{t: t}
			s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
			s.Start("aaaa")
			var sound []media.AccessUnit
			for _, u := range in.Units() {
				if now := u.DTS; u.Track.Video() {
					u.AudioFollows = now < late*media.Millisecond+media.Second/10
					s.Write(u)
					for len(sound) > 0 && now >= late*media.Millisecond {
						s.Write(sound[0])
						sound = sound[1:]
					}
					continue
				}
				sound = append(sound, u)
			}
			s.Finish()
			f, _ := s.Format()
			r.checkParts(f)
			if stats := s.Stats(); stats.DroppedVideo > 0 || stats.DroppedAudio > 0 || stats.GapParts > 0 {
				t.Errorf("%+v", stats)
			}
			for _, seg := range r.segments {
				if seg.Discontinuity {
					t.Errorf("%s is discontinuous", seg.Name())
				}
			}
			c := r.readBack()
			if longest := c.longest[hlscheck.AAC]; longest > 2500 {
				t.Errorf("there is a hole of %d in the sound", longest)
			}
		})
	}
}
