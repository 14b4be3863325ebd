package segmenter

import (
	"testing"
	"time"

	"golive/container/mpegts"
	"golive/media"
)

// If the second key frame comes soon, the first segment ends there, so that viewers wait less. Later
// segments have the usual duration.
func TestSegmenter_EndsTheFirstSegmentSoon(t *testing.T) {
	for _, c := range []struct {
		gop         int // pictures, of 30 a second
		first, next media.Ticks
	}{
		{6, 6 * media.Second / 10, 2 * media.Second},
		{15, media.Second / 2, 2 * media.Second},
		{30, media.Second, 2 * media.Second},
		{60, 2 * media.Second, 2 * media.Second},
	} {
		in := stream(9 * time.Second)
		in.GOP = c.gop
		r, s := cutAll(t, DefaultConfig(), in.Units())
		if len(r.segments) < 4 || s.Stats().ForcedCuts != 0 {
			t.Fatalf("key frames every %d pictures: %d segments, %+v", c.gop, len(r.segments), s.Stats())
		}
		for i, seg := range r.segments[:3] {
			want := c.next
			if i == 0 {
				want = c.first
			}
			if d := seg.Duration - want; d < -jitter || d > jitter || !seg.Independent {
				t.Errorf("key frames every %d pictures: segment %d lasts %v, want %v; independent: %v", c.gop, i, seg.Duration.Duration(), want.Duration(), seg.Independent)
			}
		}
	}
}

// A later publication continues a playlist that viewers play already: nobody waits for its first segment.
func TestSegmenter_DoesNotShortenTheFirstSegmentOfALaterPublication(t *testing.T) {
	in := stream(5 * time.Second)
	in.GOP = 15
	r := &recorder{t: t}
	s := New(DefaultConfig(), Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), r))
	for _, publication := range []string{"aaaa", "bbbb"} {
		s.Start(publication)
		for _, u := range in.Units() {
			s.Write(u)
		}
		s.Finish()
	}
	for _, seg := range r.segments {
		if seg.Publication == "bbbb" {
			if seg.Duration < 2*media.Second-jitter {
				t.Errorf("its first segment lasts %v", seg.Duration.Duration())
			}
			return
		}
	}
	t.Error("there is no segment of the second publication")
}
