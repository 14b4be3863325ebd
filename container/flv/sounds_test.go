package flv_test

import (
	"bytes"
	"errors"
	"testing"

	"golive/container/flv"
	"golive/media"
)

// Opus headers, and stereo packets of 20 and 10 ms, which have little more than their TOC byte.
const (
	opusStereo = "4f707573486561640102380180bb0000000000"
	opus51     = "4f707573486561640106380180bb00000000010402000401020305"
	opus71     = "4f707573486561640108380180bb0000000001050300010203040506" + "07"
	opus20ms   = "fc01"
	opus10ms   = "f401"
)

func enhancedAudio(t testing.TB, codec string, kind byte, parts ...string) []byte {
	t.Helper()
	return append(append([]byte{0x90 | kind}, codec...), cat(t, parts...)...)
}

func sound(t testing.TB, d *flv.Demuxer, body []byte) media.AccessUnit {
	t.Helper()
	u, ok, err := d.Audio(900, body)
	if !ok || err != nil {
		t.Fatalf("Audio(%x) = %v, %v; want a unit", body, ok, err)
	}
	return u
}

func refusedSound(t testing.TB, d *flv.Demuxer, body []byte, codec string) {
	t.Helper()
	_, ok, err := d.Audio(0, body)
	if e, is := errors.AsType[*flv.UnsupportedError](err); ok || !is || e.Codec != codec || e.Kind != "audio" || e.Reason == "" {
		t.Errorf("%x: %v, want %s refused", body, err, codec)
	}
}

func TestDemuxer_Row82_ReadsOpus(t *testing.T) {
	d := flv.NewDemuxer()
	if _, ok, err := d.Audio(0, enhancedAudio(t, "Opus", 1, opus20ms)); ok || !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("without a header: %v, %v; want ErrNoConfig", ok, err)
	}
	if _, ok, err := d.Audio(0, enhancedAudio(t, "Opus", 0, opusStereo)); ok || err != nil {
		t.Fatalf("header: %v, %v", ok, err)
	}
	u := sound(t, d, enhancedAudio(t, "Opus", 1, opus20ms))
	if v := u.Track; v.Codec != media.Opus || v.CodecString != "Opus" || v.Channels != 2 || v.SampleRate != 48000 || v.SamplesPerUnit != 960 ||
		!bytes.Equal(v.Config, raw(t, "000201380000bb80000000")) {
		t.Errorf("track %+v", v)
	}
	if !u.Key || u.DTS != 900 || u.PTS != 900 || !bytes.Equal(u.Data, raw(t, opus20ms)) {
		t.Errorf("unit %+v", u)
	}
	if _, ok := d.MoreAudio(); ok {
		t.Error("the tag has a second packet, want one")
	}
	// One packet of another duration is an exception, two are a new track.
	for i, want := range []int{960, 960, 480, 480} {
		body := enhancedAudio(t, "Opus", 1, opus10ms)
		if i == 0 {
			sound(t, d, body)
			body = enhancedAudio(t, "Opus", 1, opus20ms)
		}
		if v := sound(t, d, body); v.Track.SamplesPerUnit != want || want == 960 && v.Track != u.Track {
			t.Errorf("packet %d: track %+v, want %d samples a unit", i, v.Track, want)
		}
	}
	if _, _, err := d.Audio(0, enhancedAudio(t, "Opus", 0, opus51)); err != nil {
		t.Fatal(err)
	}
	if v := sound(t, d, enhancedAudio(t, "Opus", 1, opus20ms)).Track; v.Channels != 6 {
		t.Errorf("track %+v", v)
	}
}

func TestDemuxer_Row82_RefusesUnsupportedOpus(t *testing.T) {
	d := flv.NewDemuxer()
	refusedSound(t, d, enhancedAudio(t, "Opus", 0, opus71), "Opus with 8 channels")
	refusedSound(t, d, enhancedAudio(t, "Opus", 1, opus20ms), "Opus with 8 channels")
	refusedSound(t, d, enhancedAudio(t, "Opus", 0, "4f707573486561640102380180bb00000000ff"), "Opus with channel mapping family 255")
	refusedSound(t, d, raw(t, "df00"), "Opus") // the sound format that some encoders used before Enhanced RTMP
	for _, body := range [][]byte{
		enhancedAudio(t, "Opus", 0), enhancedAudio(t, "Opus", 0, "1190"), enhancedAudio(t, "Opus", 0, opusStereo[:20]),
	} {
		if _, ok, err := d.Audio(0, body); ok || !isSyntax(err) {
			t.Errorf("%x: %v, %v; want a SyntaxError", body, ok, err)
		}
	}
	if _, _, err := d.Audio(0, enhancedAudio(t, "Opus", 0, opusStereo)); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := d.Audio(0, enhancedAudio(t, "Opus", 1, "ff")); ok || !isSyntax(err) {
		t.Errorf("a packet cut off: %v, %v; want a SyntaxError", ok, err)
	}
}

// mp3Frame returns a frame of 128 kbit/s at 44.1 kHz.
func mp3Frame() []byte { return append([]byte{0xff, 0xfb, 0x90, 0x64}, make([]byte, 413)...) }

func TestDemuxer_Row13_ReadsMP3(t *testing.T) {
	for name, head := range map[string][]byte{"legacy": {0x2f}, "Enhanced RTMP": append([]byte{0x91}, ".mp3"...)} {
		d := flv.NewDemuxer()
		body := append(append(bytes.Clone(head), mp3Frame()...), mp3Frame()...)
		u := sound(t, d, body)
		if v := u.Track; v.Codec != media.MP3 || v.CodecString != "mp4a.40.34" || v.Channels != 2 || v.SampleRate != 44100 || v.SamplesPerUnit != 1152 {
			t.Errorf("%s: track %+v", name, v)
		}
		if !u.Key || u.DTS != 900 || !bytes.Equal(u.Data, mp3Frame()) {
			t.Errorf("%s: unit %+v", name, u)
		}
		next, ok := d.MoreAudio()
		if !ok || next.Track != u.Track || next.DTS != 900+2351 || !bytes.Equal(next.Data, mp3Frame()) {
			t.Errorf("%s: the second frame: %+v, %v", name, next, ok)
		}
		if _, ok := d.MoreAudio(); ok {
			t.Errorf("%s: a third frame", name)
		}
		if _, ok, err := d.Audio(0, append(bytes.Clone(head), mp3Frame()[:300]...)); ok || !isSyntax(err) {
			t.Errorf("%s: a frame cut off: %v, %v; want a SyntaxError", name, ok, err)
		}
	}
	d := flv.NewDemuxer()
	refusedSound(t, d, append([]byte{0xef, 0xff, 0xe3, 0x18, 0xc4}, make([]byte, 68)...), "MP3 of 8000 Hz")
	if _, ok, err := d.Audio(0, enhancedAudio(t, ".mp3", 0)); ok || err != nil {
		t.Errorf("a sequence start: %v, %v; want no unit and no error", ok, err)
	}
}
