package ingest

import (
	"slices"
	"strings"
	"testing"

	"golive/internal/mediatest"
	"golive/media"
)

func TestPictures_WarnOfCodecsThatNotEveryDeviceDecodes(t *testing.T) {
	large := mediatest.AV1()
	large.Width, large.Height = 7680, 4320
	chroma := mediatest.AV1()
	chroma.Config = []byte("\x81\x20\x00\x00\x0a\x0a\x20\x00\x00\x03\x2d\xff\xc0\x2f\x80\x04") // profile 1: 4:4:4
	for _, c := range []struct {
		name  string
		track *media.Track
		want  []WarningCode
		text  string
	}{
		{"HEVC", mediatest.HEVC(), []WarningCode{WarnVideoCodec}, "HEVC (hvc1.1.6.L30.90)"},
		{"AV1", mediatest.AV1(), []WarningCode{WarnVideoCodec}, "AV1 (av01.0.00M.08)"},
		{"AV1 of 8K", large, []WarningCode{WarnVideoCodec, WarnPictureSize}, "7680×4320"},
		{"AV1 of 4:4:4", chroma, []WarningCode{WarnVideoCodec, WarnPixelFormat}, "4:4:4"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var warnings warningList
			var p Pictures
			p.Check(&media.AccessUnit{Track: c.track, Key: true, Access: media.AccessOpen}, &warnings)
			if !slices.Equal(warnings.codes, c.want) {
				t.Errorf("warned of %v, want %v", warnings.codes, c.want)
			}
			if !strings.Contains(strings.Join(warnings.texts, "\n"), c.text) {
				t.Errorf("no %q in %v", c.text, warnings.texts)
			}
			p.Check(&media.AccessUnit{Track: trackOf(t, "0164000bffe100186764000bacd9428df9301100000303e90000ea600f14299601000668ebe3cb22c0fdf8f800"), Key: true}, &warnings)
			if len(warnings.codes) > 0 {
				t.Errorf("after H.264 the warnings %v are left", warnings.codes)
			}
		})
	}
}
