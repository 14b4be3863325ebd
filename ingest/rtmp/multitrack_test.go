package rtmp

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/container/amf0"
	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
	"golive/media"
)

// ofTrack returns body as a multitrack packet of track id. The packet type is 0 for a configuration
// and 1 for a picture.
func ofTrack(id, packet byte, body []byte) []byte {
	return append(append(append([]byte{body[0]&0x70 | 0x86, packet}, "avc1"...), id), body[5-3*int(packet):]...)
}

func TestRow85_AllVideoTracksAreWritten(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	for _, id := range []byte{2, 0, 1} {
		c.video(0, ofTrack(id, 0, ingesttest.AVCConfig()))
	}
	for at := uint32(40); at < 200; at += 40 {
		for _, id := range []byte{2, 0, 1} {
			c.video(at, ofTrack(id, 1, ingesttest.Picture(true, 50+int(id))))
		}
		for _, id := range []int{2, 0, 1} {
			if u := s.Unit(t); u.Track.Number != id || len(u.Data) != 54+id || u.DTS.Duration().Milliseconds() != int64(at) {
				t.Errorf("at %d: track %d, %d bytes, DTS %d; want track %d", at, u.Track.Number, len(u.Data), u.DTS, id)
			}
		}
	}
	_ = c.conn.Close()
	_ = s.End(t)
	h.line(t, "additional video track began", "track=2", "width=320", "height=240")
	h.line(t, "session ended", "video_units=12", "repairs=0", "skipped=0")
	if n := len(s.Warned); n != 0 {
		t.Errorf("%d warnings, want none", n)
	}
}

func TestRow85_TracksInOneMessageHaveItsTime(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	body := func(packet byte, data []byte) []byte {
		b := append([]byte{0x96, 0x10 | packet}, "avc1"...)
		for id := range byte(2) {
			b = append(append(b, id, 0, 0, byte(len(data))), data...)
		}
		return b
	}
	c.video(0, body(0, ingesttest.AVCConfig()[5:]))
	for at := uint32(40); at < 200; at += 40 {
		c.video(at, body(1, ingesttest.Picture(true, 50)[2:]))
		first, second := s.Unit(t), s.Unit(t)
		if first.Track.Number != 0 || second.Track.Number != 1 || first.DTS != second.DTS || first.PTS != second.PTS || first.DTS.Duration().Milliseconds() != int64(at) {
			t.Errorf("units %+v and %+v, want tracks 0 and 1 at %d ms", first, second, at)
		}
	}
}

func TestRow85_OnlyTrackIsTheDefaultWhateverItsID(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, ofTrack(3, 0, ingesttest.AVCConfig()))
	c.video(40, ofTrack(3, 1, ingesttest.Picture(true, 50)))
	if u := s.Unit(t); u.Track.Number != 0 {
		t.Errorf("track %d, want 0", u.Track.Number)
	}
}

func TestRow85_TrackThatBeginsLateMayBecomeTheDefault(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, ofTrack(1, 0, ingesttest.AVCConfig()))
	for i := range uint32(50) {
		at, want := 40*i, []int{0}
		if i == 25 {
			c.video(at, ingesttest.AVCConfig())
		}
		if i >= 25 {
			c.video(at, ingesttest.Picture(i == 25, 50))
			want = []int{0, 1}
		}
		c.video(at, ofTrack(1, 1, ingesttest.Picture(i%25 == 0, 50)))
		for _, n := range want {
			if u := s.Unit(t); u.Track.Number != n || u.PTS.Duration().Milliseconds() != int64(at) {
				t.Errorf("at %d: track %d, PTS %d; want track %d", at, u.Track.Number, u.PTS, n)
			}
		}
	}
}

func TestRow85_TrackThatCannotBeBroadcastIsSkippedAlone(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, append(ingesttest.Hex("9600"+"76703039"+"04"), 1, 2, 3)) // VP9, and before the first picture
	c.video(0, ingesttest.AVCConfig())
	for id := range byte(10) {
		c.video(0, ofTrack(20+id, 0, ingesttest.AVCConfig()))
	}
	for i := range uint32(60) {
		at := 40 * i
		c.video(at, ingesttest.Picture(true, 50))
		c.video(at, append(ingesttest.Hex("9603"+"76703039"+"04"), 1, 2, 3))
		if u := s.Unit(t); u.Track.Number != 0 {
			t.Fatalf("track %d, want 0", u.Track.Number)
		}
	}
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, append(ingesttest.Hex("9500"+"6d703461"+"01"), ingesttest.AACConfig()[2:]...))
	_ = c.conn.Close()
	_ = s.End(t)
	h.line(t, "additional tracks skipped")
	var last ingest.Warning
	for len(s.Warned) > 0 {
		if w := <-s.Warned; w.Code == ingest.WarnExtraTracks {
			last = w
		}
	}
	for _, want := range []string{
		"2 audio tracks are sent: only the first is broadcast", "11 video tracks are sent: only the first 8 are broadcast",
		"video track 4 is not broadcast: VP9 is not supported: ",
	} {
		if !strings.Contains(last.Text, want) {
			t.Errorf("warned %q, want %q", last.Text, want)
		}
	}
}

func TestRow85_KeyFramesThatAreNotAlignedAreWarnedOf(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	c.video(0, ofTrack(1, 0, ingesttest.AVCConfig()))
	for i := range 100 {
		c.video(40*uint32(i), ingesttest.Picture(i%10 == 0, 50))
		c.video(40*uint32(i), ofTrack(1, 1, ingesttest.Picture(i%12 == 0, 50)))
	}
	_ = c.conn.Close()
	_ = s.End(t)
	if got := ingesttest.Await(t, "the warning", s.Warned); got.Code != ingest.WarnKeysNotAligned || !strings.HasPrefix(got.Text, "video track 1: ") {
		t.Errorf("warned %+v, want key frames of track 1", got)
	}
	if n := len(s.Warned) + len(s.Cleared); n != 0 {
		t.Errorf("%d further changes of warnings, want none", n)
	}
}

// The information of the maps is also in the tracks.
func TestRow85_MetadataOfTracksIsIgnored(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	c.send(chunk.TypeDataAMF0, 1, 0, amf0.Append(nil, "@setDataFrame", "onMetaData", amf0.Object{
		{Name: "videoTrackIdInfoMap", Value: amf0.Object{
			{Name: "1", Value: amf0.Object{{Name: "width", Value: 1e300}, {Name: "framerate", Value: 0.01}}},
			{Name: "-9", Value: "nonsense"},
		}},
		{Name: "encoder", Value: "after the map"},
	}))
	c.video(0, ingesttest.AVCConfig())
	c.video(40, ingesttest.Picture(true, 50))
	s.Unit(t)
	_ = c.conn.Close()
	_ = s.End(t)
	h.line(t, "session ended", `encoder="after the map"`)
}

// The file was written by FFmpeg 8.1, which sends the same over RTMP: two tracks of H.264, with
// B-frames and a key frame each second, and two of AAC.
func TestRow85_FFmpeg8SendsTwoVideoAndTwoAudioTracks(t *testing.T) {
	file, err := os.ReadFile("testdata/ffmpeg-8.1-two-tracks.flv")
	if err != nil {
		t.Fatal(err)
	}
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	for r := flv.NewReader(bytes.NewReader(file)); ; {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		switch tag.Type {
		case flv.TagVideo:
			c.video(tag.Timestamp, tag.Body)
		case flv.TagAudio:
			c.audio(tag.Timestamp, tag.Body)
		}
	}
	_ = c.conn.Close()
	_ = s.End(t)
	h.line(t, "session ended", "video_units=40", "repairs=0", "skipped=0")
	var pictures, keys [2][]media.Ticks
	sounds := 0
	for len(s.Wrote) > 0 {
		u := <-s.Wrote
		if !u.Track.Video() {
			sounds++
			continue
		}
		n := u.Track.Number
		pictures[n] = append(pictures[n], u.PTS)
		if u.Key {
			keys[n] = append(keys[n], u.PTS)
		}
		if want := []int{128, 64}[n]; u.Track.Width != want {
			t.Fatalf("track %d is %d pixels wide, want %d", n, u.Track.Width, want)
		}
	}
	for n := range pictures {
		slices.Sort(pictures[n]) // the encoders reorder them in different ways
	}
	if diff := cmp.Diff(pictures[0], pictures[1]); diff != "" || len(keys[0]) != 2 {
		t.Errorf("presentation times (-track 0 +track 1):\n%s", diff)
	}
	if diff := cmp.Diff(keys[0], keys[1]); diff != "" {
		t.Errorf("key frames (-track 0 +track 1):\n%s", diff)
	}
	if sounds != 95 {
		t.Errorf("%d audio units, want the 95 of one track", sounds)
	}
}
