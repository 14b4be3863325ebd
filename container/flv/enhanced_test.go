package flv_test

import (
	"bytes"
	"errors"
	"testing"

	"golive/container/flv"
	"golive/media"
)

const (
	hexAVC1 = "61766331"
	hexHVC1 = "68766331"
	hexMP4A = "6d703461"
)

// ex returns a body of Enhanced RTMP from its header in hexadecimal and its data.
func ex(t testing.TB, header string, data ...[]byte) []byte {
	t.Helper()
	return append(raw(t, header), bytes.Join(data, nil)...)
}

// Row 51 of docs/encoders.md: video with FourCCs (Enhanced RTMP).
func TestDemuxer_Row51_EnhancedVideo(t *testing.T) {
	d := flv.NewDemuxer()
	feed(t, d, ex(t, "90"+hexAVC1, large(t)))
	data := nals(t, 4, idr)

	body := ex(t, "91"+hexAVC1+"ffffd8", data) // 40 ms before its DTS
	u := unit(t, d, 9000, body)
	if u.PTS != 9000-40*90 || !u.Key || &u.Data[0] != &body[8] {
		t.Errorf("CodedFrames: PTS %d, Key %v", u.PTS, u.Key)
	}
	body = ex(t, "a3"+hexAVC1, nals(t, 4, inter))
	u = unit(t, d, 18_000, body)
	if u.PTS != 18_000 || u.Key || &u.Data[0] != &body[5] {
		t.Errorf("CodedFramesX: PTS %d, Key %v", u.PTS, u.Key)
	}
	feed(t, d, ex(t, "92"+hexAVC1))                     // SequenceEnd
	feed(t, d, ex(t, "94"+hexAVC1, []byte{2, 0, 1}))    // Metadata
	feed(t, d, ex(t, "98"+hexAVC1, []byte{1, 2, 3, 4})) // an unknown packet type
	if _, ok, err := d.Video(0, ex(t, "91"+hexAVC1+"0000")); ok || !isSyntax(err) {
		t.Errorf("composition time cut off: %v, %v", ok, err)
	}
	// A legacy and an enhanced header may carry the same track.
	if v := unit(t, d, 0, frame(data)); v.Track != u.Track {
		t.Error("the legacy header changed the track")
	}
}

// Row 51 of docs/encoders.md: ModEx packets (Enhanced RTMP).
func TestDemuxer_Row51_ModExIsReadOrSkipped(t *testing.T) {
	d := configured(t)
	for _, c := range []struct {
		name, header string
		pts          media.Ticks
	}{
		{"500,000 ns", "97" + "02" + "07a120" + "03" + hexAVC1, 45},
		{"after 40 ms of composition time", "97" + "02" + "07a120" + "01" + hexAVC1 + "000028", 3645},
		{"more than a millisecond", "97" + "02" + "0f4240" + "03" + hexAVC1, 0},
		{"too short", "97" + "01" + "07a1" + "03" + hexAVC1, 0},
		{"two of them", "97" + "02" + "07a120" + "07" + "00" + "aa" + "03" + hexAVC1, 45},
		{"one of an unknown type", "97" + "02" + "07a120" + "13" + hexAVC1, 0},
		{"a long one", "97" + "ff" + "0100" + string(bytes.Repeat([]byte("00"), 257)) + "03" + hexAVC1, 0},
	} {
		if u := unit(t, d, 0, ex(t, c.header, nals(t, 4, idr))); !u.Key || u.DTS != 0 || u.PTS != c.pts {
			t.Errorf("%s: key %v, DTS %d, PTS %d, want %d", c.name, u.Key, u.DTS, u.PTS, c.pts)
		}
	}
	for _, header := range []string{"97", "9702", "970200ffff", "97ffff", "97ffffff00"} {
		if _, ok, err := d.Video(0, raw(t, header)); ok || !isSyntax(err) {
			t.Errorf("%s: %v, %v; want a SyntaxError", header, ok, err)
		}
	}
}

// Row 51 of docs/encoders.md: audio with FourCCs (Enhanced RTMP).
func TestDemuxer_Row51_EnhancedAudio(t *testing.T) {
	d := flv.NewDemuxer()
	demux := func(body []byte) (bool, error) {
		_, ok, err := d.Audio(90, body)
		return ok, err
	}
	if ok, err := demux(ex(t, "90"+hexMP4A, raw(t, ascLC48k))); ok || err != nil {
		t.Fatalf("SequenceStart: %v, %v", ok, err)
	}
	body := ex(t, "91"+hexMP4A, []byte{0x21, 0x10})
	u, ok, err := d.Audio(90, body)
	if !ok || err != nil || u.Track.SampleRate != 48_000 || u.DTS != 90 || u.PTS != 90 || !u.Key || &u.Data[0] != &body[5] {
		t.Errorf("CodedFrames: %+v, %v, %v", u, ok, err)
	}
	for _, header := range []string{"92" + hexMP4A, "94" + hexMP4A + "0102", "98" + hexMP4A, "95" + "01" + hexMP4A + "01" + "2110"} {
		if ok, err := demux(raw(t, header)); ok || err != nil {
			t.Errorf("%s: %v, %v; want no unit and no error", header, ok, err)
		}
	}
	for _, header := range []string{"97" + "00" + "00" + "01" + hexMP4A + "2110", "95" + "01" + hexMP4A + "00" + "2110"} {
		if ok, err := demux(raw(t, header)); !ok || err != nil {
			t.Errorf("%s: %v, %v; want a unit", header, ok, err)
		}
	}
	if _, extra := d.SkippedTracks(); extra != 1 {
		t.Errorf("%d extra audio tracks, want 1", extra)
	}
}

// Rows 13 and 51 of docs/encoders.md: audio codecs that are not supported.
func TestDemuxer_Row13_AudioCodecsByName(t *testing.T) {
	for _, c := range []struct{ body, codec string }{
		{"7f00", "G.711 A-law"},
		{"8f00", "G.711 mu-law"},
		{"bf00", "Speex"},
		{"5f00", "Nellymoser"},
		{"3f00", "PCM"},
		{"91664c614300", "FLAC"},
		{"9161632d3300", "AC-3"},
		{"9165632d3300", "E-AC-3"},
		{"af00f94640", "xHE-AAC (USAC)"},
		{"af000990", "AAC Main"},
		{"af00b990", "AAC-LD"},
		{"af00f8e64000", "AAC-ELD"},
		{"af001194", "AAC"},                                   // 960 samples
		{"af01fff10c80013ffc2110", "AAC Main"},                // in ADTS
		{"91" + "6d703461" + "fff1cc80013ffc2110", "AAC LTP"}, // the same, enhanced
		{"cf00", ""},
		{"91ffffffff", ""},
		{"9100", ""},
		{"af", ""},
		{"af0012", ""},
		{"af0200", ""},
	} {
		_, ok, err := flv.NewDemuxer().Audio(0, raw(t, c.body))
		if ok {
			t.Errorf("%s: got a unit, want an error", c.body)
		}
		if refused, is := errors.AsType[*flv.UnsupportedError](err); c.codec != "" && (!is || refused.Codec != c.codec || refused.Kind != "audio") {
			t.Errorf("%s: %v, want %s refused", c.body, err, c.codec)
		}
		if c.codec == "" && !isSyntax(err) {
			t.Errorf("%s: %v, want a SyntaxError", c.body, err)
		}
	}
}

func TestDemuxer_ReadsAnAACUnit(t *testing.T) {
	d := flv.NewDemuxer()
	configure := func(asc string) {
		t.Helper()
		if _, ok, err := d.Audio(0, audio(0, raw(t, asc))); ok || err != nil {
			t.Fatalf("configuration: %v, %v", ok, err)
		}
	}
	configure(ascLC48k)
	body := audio(1, []byte{0x21, 0x10, 0x04})
	u, ok, err := d.Audio(1920, body)
	if !ok || err != nil || u.DTS != 1920 || u.PTS != 1920 || !u.Key || &u.Data[0] != &body[2] {
		t.Fatalf("unit %+v, %v, %v", u, ok, err)
	}
	if c := u.Track; c.CodecString != "mp4a.40.2" || c.SampleRate != 48_000 || c.Channels != 2 || c.SamplesPerUnit != 1024 || c.ObjectType != 2 {
		t.Errorf("track %+v", c)
	}
	configure(ascLC48k)
	if v, _, _ := d.Audio(0, body); v.Track != u.Track {
		t.Error("the same configuration made another track")
	}
	configure(ascLC44k)
	if v, _, _ := d.Audio(0, body); v.Track == u.Track || v.Track.SampleRate != 44_100 {
		t.Errorf("sample rate %d after the change", v.Track.SampleRate)
	}
	if _, ok, err := d.Audio(0, audio(1, nil)); ok || err != nil {
		t.Errorf("empty frame: %v, %v; want no unit and no error", ok, err)
	}
}
