package flv_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/codec/aac"
	"golive/container/flv"
	"golive/media"
)

// adts returns an ADTS frame: a header and raw.
func adts(rate, channels int, raw ...byte) []byte {
	return append(aac.AppendADTSHeader(nil, aac.ObjectTypeLC, rate, channels, len(raw)), raw...)
}

// all returns the access units that d reads from an audio body.
func all(t *testing.T, d *flv.Demuxer, dts media.Ticks, body []byte) []media.AccessUnit {
	t.Helper()
	var units []media.AccessUnit
	u, ok, err := d.Audio(dts, body)
	if err != nil {
		t.Fatal(err)
	}
	for ok {
		units = append(units, u)
		u, ok = d.MoreAudio()
	}
	return units
}

// Row 57 of docs/encoders.md: AAC frames with ADTS headers.
func TestDemuxer_Row57_LearnsFromADTS(t *testing.T) {
	const asc48k = "119056e500"
	frame := []byte{0x21, 0x10, 0x04}
	for _, c := range []struct {
		name     string
		asc      string
		body     []byte
		rate     int
		channels int
		codec    string
	}{
		{"without a sequence header", "", adts(44100, 2, frame...), 44100, 2, "mp4a.40.2"},
		{"with a sequence header that agrees", asc48k, adts(48000, 2, frame...), 48000, 2, "mp4a.40.2"},
		{"with one of another sample rate", asc48k, adts(44100, 2, frame...), 44100, 2, "mp4a.40.2"},
		{"with one of another number of channels", asc48k, adts(48000, 1, frame...), 48000, 1, "mp4a.40.2"},
		{"with one that signals HE-AAC", "2b118800", adts(24000, 2, frame...), 24000, 2, "mp4a.40.5"},
		{"with one of HE-AAC at another rate", "2b118800", adts(48000, 2, frame...), 48000, 2, "mp4a.40.2"},
		{"with an ADTS header as the sequence header", "fff14c80013ffc", adts(48000, 2, frame...), 48000, 2, "mp4a.40.2"},
		{"8 kHz", "", adts(8000, 1, frame...), 8000, 1, "mp4a.40.2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := flv.NewDemuxer()
			if c.asc != "" {
				all(t, d, 0, audio(0, raw(t, c.asc)))
			}
			units := all(t, d, 900, audio(1, c.body))
			if len(units) != 1 || !bytes.Equal(units[0].Data, frame) || units[0].DTS != 900 || units[0].PTS != 900 || !units[0].Key {
				t.Fatalf("units %+v", units)
			}
			if got := units[0].Track; got.SampleRate != c.rate || got.Channels != c.channels || got.CodecString != c.codec || got.SamplesPerUnit != 1024 {
				t.Errorf("track %+v is wrong", got)
			}
			if c.asc != "" { // encoders repeat the sequence header every few seconds
				all(t, d, 0, audio(0, raw(t, c.asc)))
			}
			if again := all(t, d, 2820, audio(1, c.body)); again[0].Track != units[0].Track {
				t.Error("the same frames made another track")
			}
			// ADTS also occurs in Enhanced RTMP.
			if u := all(t, d, 4740, append([]byte{0x91, 'm', 'p', '4', 'a'}, c.body...)); len(u) != 1 || u[0].Track != units[0].Track || !bytes.Equal(u[0].Data, frame) {
				t.Errorf("in Enhanced RTMP: units %+v", u)
			}
		})
	}
}

func TestDemuxer_SplitsABodyOfSeveralADTSFrames(t *testing.T) {
	d := flv.NewDemuxer()
	body := bytes.Join([][]byte{adts(48000, 2, 0x21, 1), adts(48000, 2, 0x21, 2), adts(48000, 2, 0x21, 3)}, nil)
	type unit struct {
		at   media.Ticks
		data []byte
	}
	var got []unit
	for _, u := range all(t, d, 90_000, audio(1, body)) {
		if u.PTS != u.DTS {
			t.Errorf("PTS %d, DTS %d, want the same", u.PTS, u.DTS)
		}
		got = append(got, unit{u.DTS, u.Data})
	}
	want := []unit{{90_000, []byte{0x21, 1}}, {91_920, []byte{0x21, 2}}, {93_840, []byte{0x21, 3}}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(unit{})); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
	// Frames that were not read are not returned with the next body.
	if _, ok, err := d.Audio(0, audio(1, body)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if u := all(t, d, 0, audio(1, adts(48000, 2, 0x21, 9))); len(u) != 1 || u[0].Data[1] != 9 {
		t.Errorf("units %+v, want the frame of the second body", u)
	}
	// The last frame is cut off.
	if u := all(t, d, 0, audio(1, body[:len(body)-1])); len(u) != 2 {
		t.Errorf("%d units, want the 2 complete ones", len(u))
	}
}

func TestDemuxer_ChangedADTSIsANewTrack(t *testing.T) {
	d := flv.NewDemuxer()
	first := all(t, d, 0, audio(1, adts(48000, 2, 0x21)))[0].Track
	second := all(t, d, 0, audio(1, adts(44100, 2, 0x21)))[0].Track
	third := all(t, d, 0, audio(1, append(adts(44100, 1, 0x01), adts(48000, 2, 0x21)...)))
	if second == first || second.SampleRate != 44100 || third[0].Track.Channels != 1 || third[1].Track.SampleRate != 48000 || third[1].Track.Channels != 2 {
		t.Errorf("tracks %+v, %+v, units %+v", first, second, third)
	}
}

func TestDemuxer_RawAACIsNotTakenForADTS(t *testing.T) {
	d := flv.NewDemuxer()
	all(t, d, 0, audio(0, raw(t, "1190")))
	for _, frame := range [][]byte{
		{0xff, 0xf1, 0x4c, 0x80, 0x10, 0x1f, 0xfc, 0x21}, // a header whose frame length is beyond the data
		{0xff, 0xf1, 0x4c, 0x80, 0x00, 0x1f, 0xfc, 0x21}, // whose frame length is too small
		{0xff, 0xf1, 0x21, 0x10},
		{0xff, 0xf9},
		{0xff},
		append(adts(48000, 2, 0x21), 0xff),
	} {
		if u := all(t, d, 0, audio(1, frame)); len(u) != 1 || !bytes.Equal(u[0].Data, frame) {
			t.Errorf("% x was read as %+v, want one raw frame", frame, u)
		}
	}
}

func TestDemuxer_BrokenADTSIsSkipped(t *testing.T) {
	d := flv.NewDemuxer()
	broken := adts(48000, 2, 0x21, 0x10)[:8]
	for range 2 {
		if _, ok, err := d.Audio(0, audio(1, broken)); ok || !isSyntax(err) {
			t.Errorf("a frame cut off: %t, %v; want a SyntaxError", ok, err)
		}
		all(t, d, 0, audio(1, adts(48000, 2, 0x21)))
	}
	if _, ok, err := d.Audio(0, audio(1, []byte{0x21, 0x10})); ok || !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("a raw frame after ADTS: %t, %v; want ErrNoConfig", ok, err)
	}
	blocks := adts(48000, 2, 0x21, 0x10)
	blocks[6] |= 1
	if _, ok, err := d.Audio(0, audio(1, blocks)); ok || !isSyntax(err) {
		t.Errorf("two blocks: %t, %v; want a SyntaxError", ok, err)
	}
}

// Row 59 of docs/encoders.md, with ADTS: FFmpeg writes the channel layout only before the first
// frame.
func TestDemuxer_ADTSLayoutIsReadInBand(t *testing.T) {
	layout := raw(t, "a09908800400188000")
	config := raw(t, "118004c844002000c40d4c61766335392e33372e31303056e500")
	frame := []byte{0x21, 0x10}
	without, with := adts(48000, 7, frame...), adts(48000, 7, append(bytes.Clone(layout), frame...)...)

	d := flv.NewDemuxer()
	if _, ok, err := d.Audio(0, audio(1, without)); ok || !isSyntax(err) {
		t.Errorf("a frame before its layout: %t, %v; want a SyntaxError", ok, err)
	}
	first := all(t, d, 0, audio(1, with))
	for _, body := range [][]byte{without, with, without} {
		if u := all(t, d, 0, audio(1, body)); u[0].Track != first[0].Track || !bytes.Equal(u[0].Data, frame) {
			t.Errorf("units %+v, want the first one's track", u)
		}
	}
	if got := first[0].Track; got.Channels != 6 || !bytes.Equal(got.ProgramConfig, layout) {
		t.Errorf("track %+v is wrong", got)
	}

	d = flv.NewDemuxer()
	all(t, d, 0, audio(0, config))
	if u := all(t, d, 0, audio(1, without)); u[0].Track.Channels != 6 || !bytes.Equal(u[0].Track.ProgramConfig, layout) {
		t.Errorf("track with the layout of the sequence header: %+v", u[0].Track)
	}
}
