package flv_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/container/flv"
	"golive/media"
)

func TestDemuxer_ReadsAnAVCUnit(t *testing.T) {
	d := configured(t)
	body := video(1, 80, nals(t, 4, sei, idr))
	u := unit(t, d, 9000, body)
	if u.DTS != 9000 || u.PTS != 9000+80*90 || !u.Key {
		t.Errorf("DTS %d, PTS %d, Key %v; want 9000, %d, true", u.DTS, u.PTS, u.Key, 9000+80*90)
	}
	if &u.Data[0] != &body[5] || len(u.Data) != len(body)-5 {
		t.Error("the data does not alias the body")
	}
	want := &media.Track{
		Codec: media.H264, CodecString: "avc1.64000d", NALLengthSize: 4, Width: 320, Height: 240, FrameRate: 25,
		SPS: [][]byte{raw(t, spsLarge)}, PPS: [][]byte{raw(t, ppsLarge)},
	}
	if diff := cmp.Diff(want, u.Track); diff != "" {
		t.Errorf("track (-want +got):\n%s", diff)
	}
}

func TestDemuxer_KeyFollowsTheBitstream(t *testing.T) {
	d := configured(t)
	for _, c := range []struct {
		name      string
		firstByte byte
		data      []byte
		key       bool
	}{
		{"IDR picture marked as an inter frame", 0x27, nals(t, 4, idr), true},
		{"inter frame marked as a key frame", 0x17, nals(t, 4, inter), false},
		{"recovery point of an open GOP", 0x17, nals(t, 4, "0606018080", "6188840000"), true},
		{"second slice is IDR", 0x17, nals(t, 4, aud, sei, idr, idr), true},
		{"reserved frame type", 0x07, nals(t, 4, idr), true},
	} {
		body := frame(c.data)
		body[0] = c.firstByte
		if u := unit(t, d, 0, body); u.Key != c.key {
			t.Errorf("%s: Key = %v, want %v", c.name, u.Key, c.key)
		}
	}
}

func TestDemuxer_ReadsNALLengthSizes(t *testing.T) {
	for _, size := range []int{1, 2, 4} {
		d := flv.NewDemuxer()
		feed(t, d, config(avcc(t, size, []string{spsLarge}, []string{ppsLarge})))
		u := unit(t, d, 0, frame(nals(t, size, sei, idr)))
		if u.Track.NALLengthSize != size || !u.Key {
			t.Errorf("size %d: NALLengthSize %d, Key %v", size, u.Track.NALLengthSize, u.Key)
		}
	}
	_, ok, err := flv.NewDemuxer().Video(0, config(avcc(t, 3, []string{spsLarge}, []string{ppsLarge})))
	if ok || !isSyntax(err) {
		t.Errorf("size 3: %v, %v; want a SyntaxError", ok, err)
	}
}

// Row 11 of docs/encoders.md: an end of sequence of 2 or 5 bytes.
func TestDemuxer_Row11_AcceptsEndOfSequence(t *testing.T) {
	for _, body := range []string{"1702000000", "1702", "17020000", "9261766331"} {
		feed(t, configured(t), raw(t, body))
	}
}

// Rows 12 and 14 of docs/encoders.md: known codecs are refused by name, other codec ids are
// skipped.
func TestDemuxer_Row12_Row14_VideoCodecsByName(t *testing.T) {
	for _, c := range []struct{ body, codec string }{
		{"2200", "Sorenson H.263"},
		{"24", "VP6"},
		{"1d", "AV1"},
		{"90" + hex.EncodeToString([]byte("hev1")), "HEVC of FourCC hev1"},
		{"90" + hex.EncodeToString([]byte("vvc1")), "VVC"},
		{"93" + hex.EncodeToString([]byte("vp09")) + "0000", "VP9"},
		{"1b01000000", ""},
		{"1f", ""},
		{"90ffffffff", ""},
		{"9061766331", ""}, // avc1 with an empty record
		{"90617663", ""},   // a FourCC cut off
		{"17", ""},
		{"1701", ""},
		{"17010000", ""},
		{"1703000000", ""},
	} {
		_, ok, err := configured(t).Video(0, raw(t, c.body))
		if ok {
			t.Errorf("%s: got a unit, want an error", c.body)
		}
		if refused, is := errors.AsType[*flv.UnsupportedError](err); c.codec != "" && (!is || refused.Codec != c.codec || refused.Kind != "video") {
			t.Errorf("%s: %v, want %s refused", c.body, err, c.codec)
		}
		if c.codec == "" && !isSyntax(err) {
			t.Errorf("%s: %v, want a SyntaxError", c.body, err)
		}
	}
}

// Rows 30 and 68 of docs/encoders.md: the demuxer only reads the signed 24 bits. The session's
// timeline repairs them, since it knows the earlier times.
func TestDemuxer_Row30_CompositionTimeIsReturnedAsSent(t *testing.T) {
	d := configured(t)
	for i, composition := range []int{0, 120, -40, -40, 0, -8388608, 8388607, 80} {
		dts := media.TicksFromMillis(int64(1000 + 40*i))
		u := unit(t, d, dts, video(1, composition, nals(t, 4, idr)))
		if want := dts + media.TicksFromMillis(int64(composition)); u.DTS != dts || u.PTS != want {
			t.Errorf("unit %d: DTS %d, PTS %d, want %d and %d", i, u.DTS, u.PTS, dts, want)
		}
	}
}

// Row 31 of docs/encoders.md: pictures before the sequence header.
func TestDemuxer_Row31_FramesBeforeConfiguration(t *testing.T) {
	d := flv.NewDemuxer()
	for _, units := range [][]string{{idr}, {inter}, {sei, idr}} {
		if _, ok, err := d.Video(0, frame(nals(t, 4, units...))); ok || !errors.Is(err, flv.ErrNoConfig) {
			t.Errorf("%v: %v, %v; want ErrNoConfig", units, ok, err)
		}
	}
	if _, ok, err := d.Audio(0, audio(1, []byte{0x21, 0})); ok || !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("audio: %v, %v; want ErrNoConfig", ok, err)
	}
	feed(t, d, config(large(t)))
	unit(t, d, 0, frame(nals(t, 4, idr)))
}

// Row 32 of docs/encoders.md: a repeated sequence header.
func TestDemuxer_Row32_RepeatedConfigurationIsNoNewTrack(t *testing.T) {
	d := configured(t)
	first := unit(t, d, 0, frame(nals(t, 4, idr)))
	feed(t, d, config(large(t)))
	again := unit(t, d, 0, frame(nals(t, 4, spsLarge, ppsLarge, idr)))
	if first.Track != again.Track {
		t.Error("the same parameter sets made another track")
	}
}

// Row 33 of docs/encoders.md: a changed sequence header.
func TestDemuxer_Row33_ChangedConfigurationIsANewTrack(t *testing.T) {
	d := configured(t)
	first := unit(t, d, 0, frame(nals(t, 4, idr)))
	feed(t, d, config(small(t)))
	second := unit(t, d, 0, frame(nals(t, 4, idr)))
	if second.Track == first.Track || second.Track.Width != 160 {
		t.Errorf("width %d after the change, want 160", second.Track.Width)
	}
	if first.Track.Width != 320 {
		t.Error("the old track was changed")
	}
}

// Row 33 of docs/encoders.md: after an invalid sequence header the valid one remains in use.
func TestDemuxer_Row33_BrokenConfigurationIsSkipped(t *testing.T) {
	d := configured(t)
	if _, ok, err := d.Video(0, config(large(t)[:20])); ok || !isSyntax(err) {
		t.Fatalf("%v, %v; want a SyntaxError", ok, err)
	}
	unit(t, d, 0, frame(nals(t, 4, idr)))
}

// Row 34 of docs/encoders.md: several parameter sets in the sequence header, or none.
func TestDemuxer_Row34_SeveralOrNoParameterSets(t *testing.T) {
	d := flv.NewDemuxer()
	const second = "685b83cb20" // PPS 1 of SPS 0
	feed(t, d, config(avcc(t, 4, []string{spsLarge}, []string{ppsLarge, second})))
	if u := unit(t, d, 0, frame(nals(t, 4, idr))); len(u.Track.PPS) != 2 {
		t.Errorf("%d PPS, want 2", len(u.Track.PPS))
	}

	d = flv.NewDemuxer()
	feed(t, d, config(avcc(t, 2, nil, nil)))
	if _, ok, err := d.Video(0, frame(nals(t, 2, idr))); ok || !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("no parameter sets: %v, %v; want ErrNoConfig", ok, err)
	}
	u := unit(t, d, 0, frame(nals(t, 2, spsLarge, ppsLarge, idr)))
	if u.Track.Width != 320 || u.Track.NALLengthSize != 2 {
		t.Errorf("width %d, NALLengthSize %d", u.Track.Width, u.Track.NALLengthSize)
	}
	if v := unit(t, d, 0, frame(nals(t, 2, inter))); v.Track != u.Track {
		t.Error("the track changed after the key frame")
	}
	feed(t, d, config(avcc(t, 2, nil, nil)))
	if v := unit(t, d, 0, frame(nals(t, 2, inter))); v.Track != u.Track {
		t.Error("the repeated empty record removed the track")
	}
}

// Row 34 of docs/encoders.md: an encoder that gives each size its own ids keeps the sets of the last one.
func TestDemuxer_Row34_TheTrackIsThatOfTheSPSInUse(t *testing.T) {
	const (
		sps0, pps0, idr0 = "674d400adc28db011000000300100000030140f12278", "68ee0f2c80", "65888427a54106c4f15a79d6" // 160x96
		sps1, pps1, idr1 = "674d400a57109b011000000300100000030140f12278", "684ae0f2c8", "65884109ffa54106fbb4eda2" // 64x64
	)
	for name, start := range map[string]func(d *flv.Demuxer){
		"in the configuration": func(d *flv.Demuxer) {
			feed(t, d, config(avcc(t, 4, []string{sps0, sps1}, []string{pps0, pps1})))
		},
		"in band": func(d *flv.Demuxer) {
			feed(t, d, config(avcc(t, 4, []string{sps0}, []string{pps0})))
			unit(t, d, 0, frame(nals(t, 4, idr0)))
			unit(t, d, 0, frame(nals(t, 4, sps1, pps1, idr1)))
		},
	} {
		d := flv.NewDemuxer()
		start(d)
		for _, c := range []struct {
			picture, sps, pps string
			width             int
		}{{idr1, sps1, pps1, 64}, {idr0, sps0, pps0, 160}, {idr1, sps1, pps1, 64}} {
			u := unit(t, d, 0, frame(nals(t, 4, c.picture)))
			want := [][][]byte{{raw(t, c.sps)}, {raw(t, c.pps)}}
			if diff := cmp.Diff(want, [][][]byte{u.Track.SPS, u.Track.PPS}); diff != "" || u.Track.Width != c.width {
				t.Errorf("%s: width %d, want %d: %s", name, u.Track.Width, c.width, diff)
			}
			if again := unit(t, d, 0, frame(nals(t, 4, c.picture))); again.Track != u.Track {
				t.Errorf("%s: another key frame of the same SPS made another track", name)
			}
		}
	}
}

// Rows 33 and 34 of docs/encoders.md: parameter sets that change in band.
func TestDemuxer_Row34_ParameterSetsChangeInAKeyFrame(t *testing.T) {
	d := configured(t)
	first := unit(t, d, 0, frame(nals(t, 4, idr)))
	if u := unit(t, d, 0, frame(nals(t, 4, spsSmall, ppsSmall, inter))); u.Track != first.Track {
		t.Error("parameter sets of a picture that is no key frame changed the track")
	}
	second := unit(t, d, 0, frame(nals(t, 4, spsSmall, ppsSmall, idr)))
	if second.Track == first.Track || second.Track.Width != 160 || len(second.Track.SPS) != 1 || len(second.Track.PPS) != 1 {
		t.Errorf("track %+v, want a new one, 160 wide", second.Track)
	}
	if !bytes.Equal(first.Track.SPS[0], raw(t, spsLarge)) {
		t.Error("the old track was changed")
	}
	feed(t, d, config(large(t))) // the repeated record changes nothing
	if u := unit(t, d, 0, frame(nals(t, 4, spsSmall, ppsSmall, idr))); u.Track != second.Track {
		t.Error("the same in-band parameter sets made another track")
	}
}

// A damaged slice may look like a PPS. Chromium refuses the key frames of a track with one that refers to no SPS.
func TestDemuxer_Row34_LeavesOutPPSWithoutTheirSPS(t *testing.T) {
	const damaged = "0861e00480093e4077cdffff0f450001179f" // PPS 2 of SPS 6
	d := configured(t)
	first := unit(t, d, 0, frame(nals(t, 4, idr)))
	feed(t, d, frame(nals(t, 4, damaged)))
	for range 2 {
		if u := unit(t, d, 0, frame(nals(t, 4, idr))); u.Track != first.Track {
			t.Errorf("in a tag of its own it changed the track: PPS %x", u.Track.PPS)
		}
	}
	if u := unit(t, d, 0, frame(nals(t, 4, damaged, idr))); u.Track != first.Track {
		t.Errorf("in a key frame it changed the track: PPS %x", u.Track.PPS)
	}

	d = flv.NewDemuxer()
	feed(t, d, config(avcc(t, 4, []string{spsLarge}, []string{ppsLarge, damaged})))
	if u := unit(t, d, 0, frame(nals(t, 4, idr))); !slices.EqualFunc(u.Track.PPS, [][]byte{raw(t, ppsLarge)}, bytes.Equal) {
		t.Errorf("in the record: PPS %x, want %s", u.Track.PPS, ppsLarge)
	}
	feed(t, d, config(avcc(t, 4, []string{spsLarge}, []string{damaged})))
	if u := unit(t, d, 0, frame(nals(t, 4, idr))); len(u.Track.PPS) != 1 {
		t.Error("the only PPS was left out; a player may be able to read it")
	}
}

func TestDemuxer_UsesParameterSetsFromATagOfTheirOwn(t *testing.T) {
	d := configured(t)
	first := unit(t, d, 0, frame(nals(t, 4, idr)))
	feed(t, d, frame(nals(t, 4, spsSmall)))
	feed(t, d, frame(nals(t, 4, ppsSmall)))
	if u := unit(t, d, 0, frame(nals(t, 4, inter))); u.Track != first.Track {
		t.Error("the track changed before the key frame")
	}
	if u := unit(t, d, 0, frame(nals(t, 4, idr))); u.Track.Width != 160 {
		t.Errorf("width %d, want 160", u.Track.Width)
	}
}

// Row 35 of docs/encoders.md: Annex B inside FLV.
func TestDemuxer_Row35_AnnexB(t *testing.T) {
	const long, short = "00000001", "000001"
	for _, c := range []struct {
		name   string
		config []byte
		data   []byte
		want   []byte
	}{
		{"after a record", large(t), cat(t, long, aud, short, idr, "0000"), nals(t, 4, aud, "658884")},
		{"after a record with 2-byte lengths", avcc(t, 2, []string{spsLarge}, []string{ppsLarge}), cat(t, short, inter, short, "4101"), nals(t, 4, "419a24", "4101")},
		{"in the record", cat(t, long, spsLarge, long, ppsLarge), cat(t, long, "6588"), nals(t, 4, "6588")},
	} {
		d := flv.NewDemuxer()
		feed(t, d, config(c.config))
		u := unit(t, d, 0, frame(c.data))
		if !bytes.Equal(u.Data, c.want) {
			t.Errorf("%s: %x, want %x", c.name, u.Data, c.want)
		}
		if u.Track.NALLengthSize != 4 || u.Track.Width != 320 {
			t.Errorf("%s: NALLengthSize %d, width %d", c.name, u.Track.NALLengthSize, u.Track.Width)
		}
		if v := unit(t, d, 0, frame(c.data)); v.Track != u.Track {
			t.Errorf("%s: the track changed", c.name)
		}
	}
	u := unit(t, flv.NewDemuxer(), 0, frame(cat(t, long, spsSmall, long, ppsSmall, long, "6588")))
	if u.Track.Width != 160 || !bytes.Equal(u.Data, nals(t, 4, spsSmall, ppsSmall, "6588")) {
		t.Errorf("without a record: width %d, data %x", u.Track.Width, u.Data)
	}
	// A length of 256 to 511 begins like a start code.
	big := hex.EncodeToString(append([]byte{0x65}, make([]byte, 300)...))
	body := frame(nals(t, 4, big))
	if u := unit(t, configured(t), 0, body); &u.Data[0] != &body[5] {
		t.Error("a length was taken for a start code")
	}
}

// Rows 10 and 36 of docs/encoders.md: empty messages and frames.
func TestDemuxer_Row36_EmptyFrames(t *testing.T) {
	d := configured(t)
	for _, body := range [][]byte{
		nil,
		{},
		frame(nil), frame(make([]byte, 8)), frame(nals(t, 4, aud, sei)), frame(nals(t, 4, "0c80")),
		raw(t, "5700"), raw(t, "5701000000"), raw(t, "d200"),
	} {
		feed(t, d, body)
	}
	if _, ok, err := d.Audio(0, nil); ok || err != nil {
		t.Errorf("empty audio: %v, %v; want no unit and no error", ok, err)
	}
}

func TestDemuxer_SkipsTruncatedUnits(t *testing.T) {
	d := configured(t)
	whole := nals(t, 4, sei, idr)
	for n := 1; n < len(whole); n++ {
		if n == 8 { // the SEI alone is valid, and has no picture
			continue
		}
		_, ok, err := d.Video(0, frame(whole[:n]))
		if ok || !isSyntax(err) {
			t.Errorf("%d of %d bytes: %v, %v; want a SyntaxError", n, len(whole), ok, err)
		}
	}
	if _, ok, err := d.Video(0, frame(raw(t, "ffffffff65"))); ok || !isSyntax(err) {
		t.Errorf("length of 4 GB: %v, %v; want a SyntaxError", ok, err)
	}
	unit(t, d, 0, frame(whole))
}

func TestErrors_HaveOffsetAndProblem(t *testing.T) {
	_, _, err := configured(t).Video(0, frame(raw(t, "0000000865")))
	const truncated = "flv: read NAL unit at offset 5: truncated: its length is beyond the 5 bytes left"
	if err == nil || err.Error() != truncated {
		t.Errorf("%v, want %s", err, truncated)
	}
	_, _, err = configured(t).Video(0, raw(t, "1d01000000"))
	const refused = "flv: video codec AV1 is not supported: set the encoder to H.264 (AVC)"
	if err == nil || err.Error() != refused {
		t.Errorf("%v, want %s", err, refused)
	}
	err = &flv.SyntaxError{Op: "tag body", Err: io.ErrUnexpectedEOF}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error("the cause is lost")
	}
}

func isSyntax(err error) bool {
	_, ok := errors.AsType[*flv.SyntaxError](err)
	return ok
}
