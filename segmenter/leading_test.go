package segmenter

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
	"time"

	"golive/codec/h264"
	"golive/media"
)

// openGOPs returns a stream of x264: 60 pictures at 25 a second in three GOPs. The first begins
// with an IDR picture, the others with recovery points.
func openGOPs(t *testing.T) (units []media.AccessUnit) {
	t.Helper()
	stream, err := os.ReadFile("../codec/h264/testdata/opengop_cabac.h264")
	if err != nil {
		t.Fatal(err)
	}
	const frame = media.Second / 25
	track := &media.Track{Codec: media.H264, NALLengthSize: 4, Width: 64, Height: 36}
	var u media.AccessUnit
	for nal := range bytes.SplitSeq(stream[3:], []byte{0, 0, 1}) {
		u.Data = append(binary.BigEndian.AppendUint32(u.Data, uint32(len(nal))), nal...)
		switch h264.Type(nal) {
		case h264.SPS:
			track.SPS = [][]byte{nal}
		case h264.PPS:
			track.PPS = [][]byte{nal}
		case h264.SEI: // of a recovery point
			u.Key, u.Access = true, media.AccessOpen
		case h264.IDR, h264.NonIDR:
			u.Key = u.Key || h264.Type(nal) == h264.IDR
			u.Track, u.DTS = track, media.Ticks(len(units))*frame
			u.Arrived = epoch().Add(u.DTS.Duration())
			units = append(units, u)
			u = media.AccessUnit{}
		default:
		}
	}
	shown := []media.Ticks{
		0, 4, 2, 1, 3, 8, 6, 5, 7, 12, 10, 9, 11, 16, 14, 13, 15,
		20, 18, 17, 19, 24, 22, 21, 23, 28, 26, 25, 27, 32, 30, 29, 31, 36, 34, 33, 35,
		40, 38, 37, 39, 44, 42, 41, 43, 48, 46, 45, 47, 52, 50, 49, 51, 56, 54, 53, 55, 59, 57, 58,
	}
	if len(units) != len(shown) {
		t.Fatalf("%d pictures", len(units))
	}
	for i := range units {
		const reorder = 2
		units[i].PTS = (shown[i] + reorder) * frame
	}
	return units
}

// Row 58 of docs/encoders.md: recovery points instead of IDR pictures.
func TestSegmenter_Row58_MakesOpenGroupsClosedWhereASegmentBegins(t *testing.T) {
	cfg := DefaultConfig()
	cfg.SegmentDuration = 600 * time.Millisecond
	delimiter := []byte{0, 0, 0, 1, byte(h264.AUD)} // before each picture
	for from, want := range map[int]struct{ segments, replaced, dropped int }{
		0:  {3, 6, 0},
		17: {2, 6, 0},  // begun at a recovery point
		20: {1, 3, 17}, // begun after it
	} {
		r, s := cutAll(t, cfg, openGOPs(t)[from:])
		if len(r.segments) != want.segments || s.Stats().DroppedVideo != uint64(want.replaced+want.dropped) || s.Stats().GapParts != 0 {
			t.Errorf("from %d: %d segments, %+v, want %+v", from, len(r.segments), s.Stats(), want)
		}
		pictures := 0
		for _, seg := range r.segments {
			if !seg.Independent || !seg.Parts[0].Independent {
				t.Errorf("from %d: %s is not independent", from, seg.Name())
			}
			if first := seg.Parts[0].Data; !bytes.Contains(first, []byte{0, 0, 1, 0x65}) && !bytes.Contains(first, []byte{0, 0, 1, 0x45}) {
				t.Errorf("from %d: %s has no IDR picture", from, seg.Name())
			}
			for _, p := range seg.Parts {
				pictures += bytes.Count(p.Data, delimiter)
			}
		}
		if all := 60 - from - want.dropped; pictures != all {
			t.Errorf("from %d: %d pictures, want %d", from, pictures, all)
		}
	}
}

// In the middle of a segment, where no player joins, the pictures are unchanged.
func TestSegmenter_Row58_KeepsOpenGroupsInTheMiddleOfASegment(t *testing.T) {
	r, s := cutAll(t, DefaultConfig(), openGOPs(t))
	if len(r.segments) != 1 || s.Stats().DroppedVideo != 0 {
		t.Errorf("%d segments, %+v", len(r.segments), s.Stats())
	}
}
