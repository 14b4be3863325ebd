package segmenter

import (
	"testing"
	"time"

	"golive/media"
)

// withRecoveryPoints returns a stream whose key frames after the first are recovery points.
func withRecoveryPoints(access media.Access, length time.Duration) []media.AccessUnit {
	units, seen := stream(length).Units(), false
	for i := range units {
		if u := &units[i]; u.Track.Video() && u.Key {
			if seen {
				u.Access = access
			}
			seen = true
		}
	}
	return units
}

// Row 58 of docs/encoders.md: recovery points instead of IDR pictures.
func TestSegmenter_Row58_CutsAtRecoveryPoints(t *testing.T) {
	for _, c := range []struct {
		access media.Access
		parts  bool // those that begin a segment are independent
	}{{media.AccessOpen, true}, {media.AccessGradual, false}} {
		r, s := cutAll(t, DefaultConfig(), withRecoveryPoints(c.access, 10*time.Second))
		if n := s.Stats().ForcedCuts; n != 0 || s.Stats().LongestGOP != 2*media.Second || len(r.segments) != 5 {
			t.Errorf("access %d: %d forced cuts, %d segments, %d ticks between key frames", c.access, n, len(r.segments), s.Stats().LongestGOP)
		}
		for i, seg := range r.segments {
			if seg.Independent != (i == 0) {
				t.Errorf("access %d: %s: independent %t", c.access, seg.Name(), seg.Independent)
			}
			for j, p := range seg.Parts {
				if want := j == 0 && (i == 0 || c.parts); p.Independent != want {
					t.Errorf("access %d: part %s: independent %t", c.access, p.Name(), p.Independent)
				}
			}
		}
	}
}

func TestSegmenter_Row58_CutsAStreamWithOneKeyFrame(t *testing.T) {
	in := stream(10 * time.Second)
	in.GOP = 10_000
	r, s := cutAll(t, DefaultConfig(), in.Units())
	if s.Stats().ForcedCuts != 4 || len(r.segments) != 5 {
		t.Errorf("%d segments, %+v", len(r.segments), s.Stats())
	}
}

func TestSegmenter_Row58_JoinsAtARecoveryPointWithoutItsLeadingPictures(t *testing.T) {
	const frame = media.Second / 30
	video := stream(0).Video
	at := func(decoded, shown int, key bool) media.AccessUnit {
		dts := media.Ticks(decoded) * frame
		return media.AccessUnit{
			Track: video, DTS: dts, PTS: media.Ticks(shown) * frame, Key: key, Access: media.AccessOpen,
			Data: []byte{0, 0, 0, 2, 0x41, byte(decoded)}, Arrived: epoch().Add(dts.Duration()),
		}
	}
	// Decoding order: P, I, B, B, P, B, B, then another group.
	units := []media.AccessUnit{
		at(0, 2, false), at(1, 5, true), at(2, 3, false), at(3, 4, false), at(4, 8, false), at(5, 6, false), at(6, 7, false),
		at(7, 11, true), at(8, 9, false), at(9, 10, false),
	}
	r, s := cutAll(t, DefaultConfig(), units)
	if n := s.Stats().DroppedVideo; n != 3 {
		t.Errorf("%d pictures were dropped, want the one before the recovery point and its two leading pictures", n)
	}
	if len(r.segments) != 1 || r.segments[0].Start != frame || r.segments[0].Independent {
		t.Errorf("%s", &r.log)
	}
}

// No player joins in the middle of a segment, so all pictures of an open GOP are kept there.
// These pictures cannot be parsed, so that the GOP cannot be made a closed one.
func TestSegmenter_Row58_LeavesOutLeadingPicturesWhereASegmentBegins(t *testing.T) {
	const frame = media.Second / 30
	video := stream(0).Video
	var units []media.AccessUnit
	for i := range 300 { // I B B P P P …, a GOP each second
		u := media.AccessUnit{
			Track: video, DTS: media.Ticks(i) * frame, PTS: media.Ticks(i+1) * frame, Key: i%30 == 0, Access: media.AccessOpen,
			Data: []byte{0, 0, 0, 2, 0x41, byte(i)}, Arrived: epoch().Add(media.Ticks(i * int(frame)).Duration()),
		}
		switch i % 30 {
		case 0:
			u.PTS += 2 * frame
		case 1, 2:
			u.PTS -= frame
		}
		if i == 0 {
			u.Access = media.AccessClosed
		}
		units = append(units, u)
	}
	r, s := cutAll(t, DefaultConfig(), units)
	if n := s.Stats().DroppedVideo; n != 8 || len(r.segments) != 5 {
		t.Errorf("%d pictures of %d segments were left out, want two of each but the first", n, len(r.segments))
	}
	if s.Stats().LongestGOP != media.Second || s.Stats().GapParts != 0 || s.FrameRate() != 30 {
		t.Errorf("%+v, %v frames a second", s.Stats(), s.FrameRate())
	}
	for _, seg := range r.segments {
		for i, p := range seg.Parts {
			if p.Independent != (i == 0) {
				t.Errorf("%s: independent %t", p.Name(), p.Independent)
			}
		}
	}
}
