package segmenter

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"golive/container/fmp4"
	"golive/internal/hlscheck"
	"golive/internal/mediatest"
	"golive/media"
)

// cmafRecorder is an Output of CMAF that checks that the pictures of a segment leave no hole: each
// lasts until the next one begins, and together they last as long as the segment.
type cmafRecorder struct {
	*recorder
	// end is where the last picture ends, and the next one begins; -1 after a gap.
	end      int64
	pictures []hlscheck.Unit
	last     bool // the segment is the last of the broadcast: its sound may last longer than its pictures
}

func newCMAFRecorder(t *testing.T) *cmafRecorder {
	return &cmafRecorder{recorder: &recorder{t: t}, end: -1}
}

func (r *cmafRecorder) Close(s *media.Segment) {
	r.t.Helper()
	r.recorder.Close(s)
	if s.Size == 0 || s.Discontinuity {
		r.end = -1
	}
	if s.Size == 0 {
		return
	}
	contents, err := hlscheck.Demux(r.t.Context(), append(bytes.Clone(s.Init.Data), bytes.Join(s.Slabs(), nil)...))
	if err != nil {
		r.t.Fatal(err)
	}
	video := contents.Video()
	if video == nil || len(video.Units) == 0 {
		r.t.Errorf("segment %s has no picture", s.Name())
		return
	}
	begin := video.Units[0].DTS
	for _, u := range video.Units {
		// Where a part does not begin with a key frame, it is decoded a tick earlier.
		if off := media.Ticks(u.DTS - r.end); r.end >= 0 && (off < -1 || off > 1) {
			r.t.Errorf("segment %s: a picture is decoded at %d, and the one before it ends at %d", s.Name(), u.DTS, r.end)
		}
		r.end = u.DTS + u.Duration
	}
	if off := media.Ticks(r.end-begin) - s.Duration; !r.last && (off < -jitter || off > jitter) {
		r.t.Errorf("segment %s lasts %d, and its pictures %d", s.Name(), s.Duration, r.end-begin)
	}
	r.pictures = append(r.pictures, video.Units...)
}

// gapsInMedia returns the number of gap parts in segments that have media.
func (r *cmafRecorder) gapsInMedia() (n int) {
	for _, s := range r.segments {
		for _, p := range s.Parts {
			if p.Gap && s.Size > 0 {
				n++
			}
		}
	}
	return n
}

// withVideoGap returns the units as a publisher sends them whose pictures between from and to are lost:
// the sound of that time comes after the next picture. If a key frame is lost, that picture is one.
func withVideoGap(units []media.AccessUnit, from, to media.Ticks) []media.AccessUnit {
	var before, sound, after []media.AccessUnit
	key := false
	for _, u := range units {
		switch {
		case u.DTS <= from:
			before = append(before, u)
		case u.DTS >= to:
			if u.Track.Video() && key {
				u.Key, key = true, false
				u.Data[4] = 0x65
			}
			after = append(after, u)
		case u.Track.Video():
			key = key || u.Key
		default:
			sound = append(sound, u)
		}
	}
	// after begins with a picture, or with sound just before it.
	for i := range after {
		if after[i].Track.Video() {
			return append(append(append(before, after[i]), append(sound, after[:i]...)...), after[i+1:]...)
		}
	}
	return before
}

// reorder gives every second picture the presentation time of a B picture.
func reorder(units []media.AccessUnit) {
	const delay = 67 * media.Millisecond
	b := false
	for i := range units {
		u := &units[i]
		if !u.Track.Video() {
			continue
		}
		if b = !b && !u.Key; !b {
			u.PTS += delay
		}
	}
}

func TestSegmenter_LatePicturesLeaveNoHoleInASegment(t *testing.T) {
	for name, in := range map[string]mediatest.Stream{
		"H.264":      {Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30},
		"reordered":  {Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30},
		"video only": {Video: mediatest.H264(640, 36), FPS: 30},
		"HEVC":       {Video: mediatest.HEVC(), Audio: mediatest.AAC(), FPS: 25},
		"12 fps":     {Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 12},
		"60 fps":     {Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 60},
	} {
		in.GOP, in.Length, in.Epoch, in.BitRate = int(2*in.FPS), 10*time.Second, epoch(), 80_000
		for _, late := range []media.Ticks{130, 300, 700, 1100, 2700} {
			for from := media.Ticks(3000); from < 5000; from += 340 {
				t.Run(fmt.Sprintf("%s, %d ms at %d", name, late, from), func(t *testing.T) {
					units := withVideoGap(in.Units(), from*media.Millisecond, (from+late)*media.Millisecond)
					if name == "reordered" {
						reorder(units)
					}
					r := newCMAFRecorder(t)
					s := New(DefaultConfig(), Resume{}, NewPackager(media.CMAF, fmp4.NewMuxer(), r))
					s.Start("aaaa")
					want := map[int64]bool{}
					for _, u := range units {
						s.Write(u)
						if u.Track.Video() {
							want[int64(u.PTS+1400*media.Millisecond)] = true // the offset of the muxer
						}
					}
					r.last = true
					s.Finish()
					f, _ := s.Format()
					r.checkTargets(f)
					if gaps := r.gapsInMedia(); gaps > 0 {
						t.Errorf("%d gaps in segments with media", gaps)
					}
					for _, u := range r.pictures {
						if !want[u.PTS] {
							t.Errorf("a picture is presented at %d, which was not received", u.PTS)
						}
					}
					// A part of few pictures may end half a second after sound that is not there yet.
					if len(r.pictures) != len(want) || s.Stats().DroppedAudio > 0 && in.FPS > 12 {
						t.Errorf("%d of %d pictures, %+v", len(r.pictures), len(want), s.Stats())
					}
				})
			}
		}
	}
}
