package hlscheck

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/asticode/go-astits"
)

func TestDemux_ReadsEveryAccessUnit(t *testing.T) {
	s := newTSStream(t, astits.StreamTypeH264Video)
	data := slices.Concat(s.segment(2), s.segment(1))
	ts, err := Demux(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	video, audio := ts.Video(), ts.Audio()
	if len(video.Units) != 90 {
		t.Errorf("%d video access units, want 90", len(video.Units))
	}
	if want := (90*48_000/fps + 1023) / 1024; len(audio.Units) != want {
		t.Errorf("%d audio frames, want %d", len(audio.Units), want)
	}
	for i, p := range video.Units {
		if p.DTS != 126_000+int64(i)*3000 || p.PTS != p.DTS+3000 || p.Key != (i%60 == 0) {
			t.Fatalf("video unit %d: DTS %d, PTS %d, random access %t", i, p.DTS, p.PTS, p.Key)
		}
	}
}

func TestDemux_UnwrapsTimestamps(t *testing.T) {
	s := newTSStream(t, astits.StreamTypeH264Video)
	s.offset = ticksPerWrap - 45_000
	ts, err := Demux(t.Context(), s.segment(2))
	if err != nil {
		t.Fatal(err)
	}
	for _, stream := range ts.Streams {
		for i := 1; i < len(stream.Units); i++ {
			if step := stream.Units[i].DTS - stream.Units[i-1].DTS; step < 1900 || step > 3000 {
				t.Fatalf("PID %d: step of %d ticks at unit %d", stream.ID, step, i)
			}
		}
	}
	if got, want := PictureMD5(ts.Video().Payloads()...), pictures(60); got != want {
		t.Errorf("pictures' MD5 %s, want %s", got, want)
	}
	if last := ts.Video().Units[59].DTS; last < ticksPerWrap {
		t.Errorf("last DTS %d did not pass 2^33: the test misses the wrap", last)
	}
}

func TestDemux_ReadsALargePictureBeforeOneOfASingleTransportPacket(t *testing.T) {
	s := newTSStream(t, astits.StreamTypeH264Video)
	large := bytes.Repeat(annexB(picture(0x65, 1)), 300) // its length does not fit the field
	s.pes(videoPID, 0xe0, 0, 0, large, true)
	s.pes(videoPID, 0xe0, 3000, 3000, annexB([]byte{0x41, 0xaa}), false)
	ts, err := Demux(t.Context(), s.buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if got := ts.Video().Units; len(got) != 2 || len(got[0].Data) != len(large) {
		t.Errorf("%d pictures were read", len(got))
	}
}

func TestDemux_RefusesAWrongLengthOfAPESPacket(t *testing.T) {
	s := newTSStream(t, astits.StreamTypeH264Video)
	data := s.segment(1)
	at := bytes.LastIndex(data, []byte{0, 0, 1, 0xe0})
	data[at+5]++
	if _, err := Demux(t.Context(), data); err == nil || !strings.Contains(err.Error(), "PES_packet_length") {
		t.Errorf("error %v, want one that names the length", err)
	}
}

func TestDemux_RefusesOtherThanTransportStreams(t *testing.T) {
	s := newTSStream(t, astits.StreamTypeH264Video)
	good := s.segment(1)
	for name, data := range map[string][]byte{
		"empty":           nil,
		"cut in a packet": good[:len(good)-5],
		"text":            bytes.Repeat([]byte("x"), 2*PacketSize),
		"without tables":  good[2*PacketSize:],
	} {
		if _, err := Demux(t.Context(), data); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestContinuity_IsCheckedAcrossPiecesAndFindsALostPacket(t *testing.T) {
	s := newTSStream(t, astits.StreamTypeH264Video)
	one, two, three := s.segment(1), s.segment(1), s.segment(1)
	var c Continuity
	if faults := slices.Concat(c.Check(one), c.Check(two), c.Check(three)); len(faults) > 0 {
		t.Errorf("valid stream: %v", faults)
	}
	for at := 0; at*PacketSize < len(two); at += 7 {
		var c Continuity
		cut := slices.Concat(two[:at*PacketSize], two[(at+1)*PacketSize:])
		if faults := slices.Concat(c.Check(one), c.Check(cut), c.Check(three)); len(faults) == 0 {
			t.Errorf("packet %d lost: no fault", at)
		}
	}
	c.Reset()
	if faults := c.Check(one); len(faults) > 0 {
		t.Errorf("after Reset: %v", faults)
	}
}

func TestPictureMD5_IgnoresWhatContainersAdd(t *testing.T) {
	bare := annexB(picture(0x65, 1), picture(0x41, 2))
	packaged := [][]byte{
		slices.Concat(annexB([]byte{9, 0xf0}, testSPS, testPPS), []byte{0, 0, 1}, picture(0x65, 1)),
		slices.Concat([]byte{0, 0, 1}, picture(0x41, 2), []byte{0, 0}),
	}
	if PictureMD5(bare) != PictureMD5(packaged...) {
		t.Error("delimiters, parameter sets or start code lengths changed the MD5")
	}
	if PictureMD5(bare) == PictureMD5(annexB(picture(0x65, 1), picture(0x41, 3))) {
		t.Error("different pictures have the same MD5")
	}
}

func TestAudioFrames_SplitsAPESAndTimesItsFrames(t *testing.T) {
	s := &Stream{Codec: AAC, Timescale: second, ADTS: true, Units: []Unit{
		{PTS: 1000, Data: slices.Concat(adts(48_000, []byte{1}), adts(48_000, []byte{2, 2}))},
		{PTS: 4840, Data: adts(48_000, []byte{3})},
	}}
	frames, err := AudioFrames(s)
	if err != nil {
		t.Fatal(err)
	}
	var got []int64
	for _, f := range frames {
		got = append(got, f.PTS, int64(len(f.Data)))
	}
	if want := []int64{1000, 1, 2920, 2, 4840, 1}; !slices.Equal(got, want) {
		t.Errorf("PTS and sizes %v, want %v", got, want)
	}
	if !frames[0].First || frames[1].First || !frames[2].First {
		t.Error("First does not mark the frames that begin a PES")
	}
	s.Units[0].Data = s.Units[0].Data[:len(s.Units[0].Data)-1]
	if _, err := AudioFrames(s); err == nil || !strings.Contains(err.Error(), "unit 0") {
		t.Errorf("truncated frame: error %v", err)
	}
}

// pictures returns the MD5 of the first n pictures of a tsStream with one key frame.
func pictures(n int64) string {
	nals := [][]byte{picture(0x65, 0)}
	for i := int64(1); i < n; i++ {
		nals = append(nals, picture(0x41, i))
	}
	return PictureMD5(annexB(nals...))
}
