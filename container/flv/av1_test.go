package flv_test

import (
	"bytes"
	"errors"
	"testing"

	"golive/container/flv"
	"golive/media"
)

// Configurations by libsvtav1, 96x64, with 8 and 10 bits; and frame OBUs that have only their first
// bits.
const (
	av1Header   = "0a0a000000032dffc02f8004"
	av1Record   = "81000c00" + av1Header
	av1Header10 = "0a0d000000032dffc02f8509100904"
	av1Key      = "320210ff" // a shown key frame
	av1Forward  = "320200ff" // a key frame that is shown later
	av1Existing = "1a0190"   // a frame header that shows a key frame of earlier
	av1Inter    = "320230ff"
	av1Delim    = "1200"
	av1Metadata = "2a0204ff"
)

func av01(t testing.TB, kind byte, parts ...string) []byte {
	t.Helper()
	return append(append([]byte{0x90 | kind}, "av01"...), cat(t, parts...)...)
}

func TestDemuxer_Row81_ReadsTemporalUnitsOfAV1(t *testing.T) {
	d := configured(t) // of H.264
	feed(t, d, av01(t, 0, av1Record))
	for _, c := range []struct {
		name string
		body []byte
		key  bool
		want string
	}{
		{"a key frame", av01(t, 1, av1Header, av1Key), true, av1Header + av1Key},
		{"packet type CodedFramesX", av01(t, 3, av1Header, av1Key), true, av1Header + av1Key},
		{"with a temporal delimiter", av01(t, 1, av1Delim, av1Header, av1Metadata, av1Key), true, av1Header + av1Metadata + av1Key},
		{"with several", av01(t, 1, av1Delim, av1Header, av1Delim, av1Key), true, av1Header + av1Key},
		{"without a sequence header", av01(t, 1, av1Key), true, av1Header + av1Key},
		{"a predicted frame", av01(t, 1, av1Delim, av1Inter), false, av1Inter},
		{"a forward key frame", av01(t, 1, av1Header, av1Forward, av1Inter), false, av1Header + av1Forward + av1Inter},
		{"a frame header that shows it", av01(t, 1, av1Existing), false, av1Existing},
	} {
		u := unit(t, d, 900, c.body)
		if u.Key != c.key || u.Access != media.AccessClosed || u.DTS != 900 || u.PTS != 900 {
			t.Errorf("%s: %+v", c.name, u)
		}
		if want := raw(t, c.want); !bytes.Equal(u.Data, want) {
			t.Errorf("%s: data %x, want %x", c.name, u.Data, want)
		}
		if v := u.Track; v.Codec != media.AV1 || v.CodecString != "av01.0.00M.08" || v.Width != 96 || v.Height != 64 || !bytes.Equal(v.Config, raw(t, av1Record)) {
			t.Errorf("%s: track %+v", c.name, v)
		}
	}
	first := unit(t, d, 0, av01(t, 1, av1Inter)).Track
	feed(t, d, av01(t, 0, av1Record))
	feed(t, d, av01(t, 1, av1Delim, av1Metadata)) // no picture
	if again := unit(t, d, 0, av01(t, 1, av1Header, av1Key)).Track; again != first {
		t.Error("the same sequence header made another track")
	}
	if v := unit(t, d, 0, av01(t, 1, av1Header10, av1Key)).Track; v == first || v.CodecString != "av01.0.00M.10.0.110.09.16.09.0" {
		t.Errorf("track %+v", v)
	}
}

func TestDemuxer_Row81_RefusesInvalidAV1(t *testing.T) {
	d := flv.NewDemuxer()
	if _, ok, err := d.Video(0, av01(t, 1, av1Key)); ok || !errors.Is(err, flv.ErrNoConfig) {
		t.Errorf("without a configuration: %v, %v; want ErrNoConfig", ok, err)
	}
	feed(t, d, av01(t, 0, "81000c00"))
	_, ok, err := d.Video(0, av01(t, 1, av1Key))
	if e, is := errors.AsType[*flv.UnsupportedError](err); ok || !is || e.Codec != "AV1 without a sequence header" {
		t.Errorf("error %v, want AV1 without a sequence header refused", err)
	}
	unit(t, d, 0, av01(t, 1, av1Header, av1Key))
	for _, body := range [][]byte{av01(t, 0), av01(t, 0, "82000c00"), av01(t, 1, "30ff"), av01(t, 1, "3205ff"), av01(t, 1, av1Key, "0a0a00")} {
		if _, ok, err := d.Video(0, body); ok || !isSyntax(err) {
			t.Errorf("%x: %v, %v; want a SyntaxError", body, ok, err)
		}
	}
	unit(t, d, 0, av01(t, 1, av1Inter))
}
