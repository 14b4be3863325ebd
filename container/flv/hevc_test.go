package flv_test

import (
	"bytes"
	"errors"
	"testing"

	"golive/codec/hevc"
	"golive/container/flv"
	"golive/media"
)

// Parameter sets by x265, 176x100: Main, Main 10, and with 12 bits a sample.
const (
	vpsMain   = "40010c01ffff01600000030090000003000003001e959809"
	spsMain   = "42010101600000030090000003000003001ea0162069f796566924caf0168080000003008000000c84"
	ppsMain   = "4401c172b46240"
	spsMain12 = "4201012408000003009908000003000099b02081045296566924caf0168080000003008000000c84"
	spsMain10 = "42010102200000030090000003000003001ea0162069f6d96566924caf01680800001f480003a98040"
)

// NAL units that are cut short, by their types.
const (
	hevcIDR   = "2601af06"
	hevcCRA   = "2a01af06"
	hevcRASL  = "1201d006"
	hevcTrail = "0201d006"
	hevcAUD   = "460150"
)

// hvcc returns an HEVCDecoderConfigurationRecord of parameter sets.
func hvcc(t testing.TB, lengthSize int, sets ...string) []byte {
	t.Helper()
	b := raw(t, "0101600000009000000000001ef000fcfdf8f80000")
	b = append(b, 0x0c|byte(lengthSize-1), byte(len(sets)))
	for _, s := range sets {
		nal := raw(t, s)
		kind, _ := hevc.Type(nal)
		b = append(b, 0x80|byte(kind), 0, 1, byte(len(nal)>>8), byte(len(nal)))
		b = append(b, nal...)
	}
	return b
}

func hevcRecord(t testing.TB) []byte { return hvcc(t, 4, vpsMain, spsMain, ppsMain) }

// hvc1 returns a body of Enhanced RTMP with HEVC. Data is a configuration, or NAL units, if the
// packet type has no composition time.
func hvc1(t testing.TB, kind byte, data []byte) []byte {
	t.Helper()
	return append(append([]byte{0x90 | kind}, "hvc1"...), data...)
}

// Row 14 of docs/encoders.md: HEVC in its legacy and enhanced forms.
func TestDemuxer_Row14_ReadsHEVCInAllItsForms(t *testing.T) {
	data := nals(t, 4, hevcAUD, hevcIDR)
	legacy := func(id, kind byte, b []byte) []byte { return append([]byte{0x10 | id, kind, 0, 0, 40}, b...) }
	for _, c := range []struct {
		name            string
		config, picture []byte
		composition     media.Ticks
	}{
		{"Enhanced RTMP", hvc1(t, 0, hevcRecord(t)), hvc1(t, 1, append([]byte{0, 0, 40}, data...)), 40},
		{"without composition time", hvc1(t, 0, hevcRecord(t)), hvc1(t, 3, data), 0},
		{"codec id 12", legacy(12, 0, hevcRecord(t)), legacy(12, 1, data), 40},
		{"AVC's codec id", legacy(7, 0, hevcRecord(t)), legacy(7, 1, data), 40}, // as old builds of OBS sent it
		{"multitrack", hvc1(t, 0, hevcRecord(t)), ex(t, "96"+"03"+hexHVC1+"00", data), 0},
		{"Annex B", hvc1(t, 0, cat(t, "00000001", vpsMain, "00000001", spsMain, "000001", ppsMain)), hvc1(t, 3, cat(t, "00000001", hevcAUD, "000001", hevcIDR)), 0},
		{"parameter sets in the key frame", hvc1(t, 0, hvcc(t, 4)), hvc1(t, 3, nals(t, 4, vpsMain, spsMain, ppsMain, hevcAUD, hevcIDR)), 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := configured(t) // of H.264
			feed(t, d, c.config)
			u := unit(t, d, 900, c.picture)
			if v := u.Track; v.Codec != media.HEVC || v.CodecString != "hvc1.1.6.L30.90" || v.Width != 176 || v.Height != 100 || v.FrameRate != 25 ||
				len(v.VPS) != 1 || len(v.SPS) != 1 || len(v.PPS) != 1 {
				t.Errorf("track %+v", v)
			}
			if !u.Key || u.Access != media.AccessClosed || u.DTS != 900 || u.PTS != 900+c.composition*media.Millisecond {
				t.Errorf("unit %+v", u)
			}
			if !bytes.HasSuffix(u.Data, data) {
				t.Errorf("data %x, want %x", u.Data, data)
			}
			feed(t, d, c.config)
			if again := unit(t, d, 1800, c.picture); again.Track != u.Track && c.name != "parameter sets in the key frame" {
				t.Error("the same configuration made another track")
			}
		})
	}
}

func TestDemuxer_Row80_FindsWhereDecodingOfHEVCCanStart(t *testing.T) {
	d := flv.NewDemuxer()
	feed(t, d, hvc1(t, 0, hevcRecord(t)))
	for _, c := range []struct {
		name, slice string
		key         bool
		access      media.Access
	}{
		{"IDR_W_RADL", hevcIDR, true, media.AccessClosed},
		{"IDR_N_LP", "2801af06", true, media.AccessClosed},
		{"CRA", hevcCRA, true, media.AccessOpen},
		{"BLA_W_LP", "2001af06", true, media.AccessOpen},
		{"BLA_N_LP", "2401af06", true, media.AccessClosed},
		{"RASL", hevcRASL, false, 0},
		{"TRAIL_R", hevcTrail, false, 0},
	} {
		// The frame type in the body is always that of a predicted picture, and is ignored.
		u := unit(t, d, 0, hvc1(t, 3, nals(t, 4, c.slice)))
		if u.Key != c.key || u.Access != c.access {
			t.Errorf("%s: key %v, access %v; want %v, %v", c.name, u.Key, u.Access, c.key, c.access)
		}
	}
}

func TestDemuxer_Row80_FollowsParameterSetsOfHEVC(t *testing.T) {
	d := flv.NewDemuxer()
	feed(t, d, hvc1(t, 0, hevcRecord(t)))
	first := unit(t, d, 0, hvc1(t, 3, nals(t, 4, hevcIDR))).Track
	if same := unit(t, d, 0, hvc1(t, 3, nals(t, 4, vpsMain, spsMain, ppsMain, hevcIDR))).Track; same != first {
		t.Error("the same parameter sets in a key frame made another track")
	}
	if same := unit(t, d, 0, hvc1(t, 3, nals(t, 4, spsMain10, hevcTrail))).Track; same != first {
		t.Error("parameter sets between key frames made another track at once")
	}
	feed(t, d, hvc1(t, 3, nals(t, 4, spsMain10))) // before the next key frame
	ten := unit(t, d, 0, hvc1(t, 3, nals(t, 4, hevcIDR))).Track
	if ten == first || ten.CodecString != "hvc1.2.4.L30.90" || !bytes.Equal(ten.VPS[0], first.VPS[0]) {
		t.Errorf("track %+v", ten)
	}
	feed(t, d, config(large(t)))
	if u := unit(t, d, 0, frame(nals(t, 4, idr))); u.Track.Codec != media.H264 {
		t.Errorf("after a configuration of H.264 the track is %+v", u.Track)
	}
	// The configuration from before H.264 is no longer valid.
	if _, ok, err := d.Video(0, hvc1(t, 3, nals(t, 4, hevcIDR))); ok || !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("HEVC without a configuration: %v, %v; want ErrNoConfig", ok, err)
	}
}

func TestDemuxer_Row80_RefusesUnsupportedHEVC(t *testing.T) {
	refused := func(d *flv.Demuxer, body []byte, codec string) {
		t.Helper()
		_, ok, err := d.Video(0, body)
		if e, is := errors.AsType[*flv.UnsupportedError](err); ok || !is || e.Codec != codec || e.Reason == "" {
			t.Errorf("error %v, want %s refused", err, codec)
		}
	}
	d := flv.NewDemuxer()
	feed(t, d, hvc1(t, 0, hvcc(t, 4, vpsMain)))
	refused(d, hvc1(t, 3, nals(t, 4, hevcIDR)), "HEVC without parameter sets")
	if _, ok, err := d.Video(0, hvc1(t, 3, nals(t, 4, hevcTrail))); ok || !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("the picture after the refused one: %v, %v; want ErrNoConfig", ok, err)
	}
	feed(t, d, hvc1(t, 0, hevcRecord(t)))
	unit(t, d, 0, hvc1(t, 3, nals(t, 4, hevcIDR)))

	twelve := hvc1(t, 0, hvcc(t, 4, vpsMain, spsMain12, ppsMain))
	refused(d, twelve, "HEVC with 12 bits a sample")
	refused(d, twelve, "HEVC with 12 bits a sample")
	refused(d, hvc1(t, 3, nals(t, 4, hevcIDR)), "HEVC with 12 bits a sample")
	for _, body := range [][]byte{
		hvc1(t, 0, nil), hvc1(t, 0, hevcRecord(t)[:30]), hvc1(t, 1, []byte{0, 0}), {0x1c}, {0x1c, 1, 0}, {0x1c, 9, 0, 0, 0, 1},
	} {
		if _, ok, err := d.Video(0, body); ok || !isSyntax(err) {
			t.Errorf("%x: %v, %v; want a SyntaxError", body, ok, err)
		}
	}
}
