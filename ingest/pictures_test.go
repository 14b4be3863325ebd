package ingest

import (
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"golive/codec/h264"
	"golive/media"
)

// trackOf returns a track with the parameter sets of an AVCDecoderConfigurationRecord.
func trackOf(t *testing.T, record string) *media.Track {
	t.Helper()
	b, err := hex.DecodeString(record)
	if err != nil {
		t.Fatal(err)
	}
	c, err := h264.ParseAVCC(b)
	if err != nil {
		t.Fatal(err)
	}
	return &media.Track{Codec: media.H264, CodecString: c.CodecString, SPS: c.SPS, PPS: c.PPS, Width: c.Width, Height: c.Height}
}

// The records are from ffmpeg with x264, with some bytes of the SPS changed.
func TestPictures_WarnOfFormatsThatNotEveryDevicePlays(t *testing.T) {
	const (
		high     = "0164000bffe100186764000bacd9428df9301100000303e90000ea600f14299601000668ebe3cb22c0fdf8f800"
		baseline = "0142c028ffe100186742c028d900780227e5c04400000fa40003a9803c60c92001000568cb83cb20"
		yuv422   = "017a000dffe10018677a000db6cd94141fb01100000303e90000ea600f14299601000668ebe3cb22c0fefafa00"
		yuv444   = "01f4000dffe1001767f4000d919b28283f6022000007d20001d4c01e28532c01000668ebe3c44844fff8f800"
		gray     = "0164000dffe100196764000df36505421e3e3f016c800001f480007530078a14cb01000668ebe3cb22c0fcf8f800"
		fields   = "01640028ffe1001a67640028acd94078044fde0220000003002000000643e2c5b2c001000668fba3cb22c0fdf8f800"
	)
	for _, c := range []struct {
		name, record string
		want         []WarningCode
		text         string
	}{
		{"High", high, nil, ""},
		{"Baseline", baseline, nil, ""},
		{"4:2:2 of 10 bits", yuv422, []WarningCode{WarnPixelFormat, WarnBitDepth}, "4:2:2, profile High 4:2:2 (avc1.7a000d)"},
		{"4:4:4", yuv444, []WarningCode{WarnPixelFormat}, "4:4:4, profile High 4:4:4 (avc1.f4000d)"},
		{"monochrome", gray, []WarningCode{WarnPixelFormat}, "monochrome (4:0:0)"},
		{"interlaced", fields, []WarningCode{WarnInterlaced}, "interlaced"},
		{"level 6.2", strings.Replace(high, "6764000b", "6764003e", 1), []WarningCode{WarnLevel}, "the level is 6.2"},
		{"level 5.2", strings.Replace(high, "6764000b", "67640034", 1), nil, ""},
		{"High 10 of 8 bits", strings.Replace(high, "6764000b", "676e000b", 1), []WarningCode{WarnProfile}, "High 10 (avc1.6e000b)"},
		{"Scalable High", strings.Replace(high, "6764000b", "6756000b", 1), []WarningCode{WarnProfile}, "Scalable High"},
		{"Extended", strings.Replace(baseline, "6742c028", "6758c028", 1), []WarningCode{WarnProfile}, "Extended (avc1.58c028)"},
		{"CAVLC 4:4:4", strings.Replace(yuv444, "67f4000d", "672c000d", 1), []WarningCode{WarnPixelFormat}, "CAVLC 4:4:4 Intra"},
		{"the old High 4:4:4", strings.Replace(yuv444, "67f4000d", "6790000d", 1), []WarningCode{WarnPixelFormat}, "avc1.90000d"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var warnings warningList
			var p Pictures
			p.Check(&media.AccessUnit{Track: trackOf(t, c.record), Key: true}, &warnings)
			if !slices.Equal(warnings.codes, c.want) {
				t.Errorf("codes %q, want %q", warnings.codes, c.want)
			}
			if c.text != "" && !strings.Contains(warnings.texts[0], c.text) {
				t.Errorf("text %q, want one with %q", warnings.texts[0], c.text)
			}
			p.Check(&media.AccessUnit{Track: trackOf(t, high), Key: true}, &warnings)
			if len(warnings.codes) != 0 {
				t.Errorf("after another track the warnings %q are left", warnings.codes)
			}
		})
	}
}

func TestPictures_WarnOfSizesBeyond4K(t *testing.T) {
	for want, size := range map[string][2]uint{"": {4096, 2304}, "8192×4320": {8192, 4320}, "4112×16": {4112, 16}} {
		var warnings warningList
		var p Pictures
		p.Check(&media.AccessUnit{Track: &media.Track{Codec: media.H264, SPS: [][]byte{baselineSPS(size[0], size[1])}}, Key: true}, &warnings)
		if got := strings.Join(warnings.texts, ""); !strings.Contains(got, want) || (want == "") != (got == "") {
			t.Errorf("size %v: warning %q, want one with %q", size, got, want)
		}
	}
}

// baselineSPS returns an SPS of level 5.2. Width and height are multiples of 16.
func baselineSPS(width, height uint) []byte {
	var bits string
	golomb := func(v uint) {
		n := 0
		for (v+1)>>n > 1 {
			n++
		}
		bits += strings.Repeat("0", n)
		for i := n; i >= 0; i-- {
			bits += string('0' + rune((v+1)>>i&1))
		}
	}
	for _, v := range []uint{0, 0, 2, 1} { // id, frame_num, POC type, reference frames
		golomb(v)
	}
	bits += "0"
	golomb(width/16 - 1)
	golomb(height/16 - 1)
	bits += "11" + "00" + "1"
	sps := []byte{0x67, 66, 0xc0, 52}
	for len(bits)%8 != 0 {
		bits += "0"
	}
	for ; bits != ""; bits = bits[8:] {
		var c byte
		for _, b := range bits[:8] {
			c = c<<1 | byte(b-'0')
		}
		sps = append(sps, c)
	}
	return sps
}

func TestPictures_WarnOfOtherAccessPoints(t *testing.T) {
	track := &media.Track{Codec: media.H264}
	for _, c := range []struct {
		name   string
		access []media.Access // of a key frame every 2 s
		want   string
	}{
		{"IDR pictures", []media.Access{0, 0, 0}, ""},
		{"open", []media.Access{0, media.AccessOpen, media.AccessOpen}, "open_gop"},
		{"gradual", []media.Access{0, media.AccessGradual}, "intra_refresh"},
		{"both", []media.Access{media.AccessOpen, media.AccessGradual}, "open_gop intra_refresh"},
		{"scene changes between", []media.Access{media.AccessOpen, 0, 0, 0}, "open_gop"},
		{"IDR pictures again", []media.Access{media.AccessOpen, media.AccessGradual, 0, 0, 0, 0}, ""},
	} {
		var warnings warningList
		var p Pictures
		for i, a := range c.access {
			p.Check(&media.AccessUnit{Track: track, DTS: media.Ticks(i) * 2 * media.Second, Key: true, Access: a}, &warnings)
		}
		if got := warnings.String(); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

func TestPictures_WarnOfMissingKeyFrames(t *testing.T) {
	track := &media.Track{Codec: media.H264}
	for _, first := range []bool{true, false} {
		var warnings warningList
		var p Pictures
		check := func(seconds float64, key bool) string {
			p.Check(&media.AccessUnit{Track: track, DTS: media.Ticks(seconds * float64(media.Second)), Key: key}, &warnings)
			return warnings.String()
		}
		check(100, first)
		if got := check(111.9, false); got != "" {
			t.Errorf("after 11.9 s: warnings %q, want none", got)
		}
		check(112, false)
		if got := check(120, false); got != "no_key_frames" || !strings.Contains(warnings.texts[0], "in 12s") {
			t.Errorf("after 20 s: warnings %q %q, want no_key_frames", got, warnings.texts)
		}
		check(121, true)
		if got := check(122, true); got != "" {
			t.Errorf("after more key frames: warnings %q, want none", got)
		}
		if got := check(140, false); got != "" {
			t.Errorf("18 s after the last of several key frames: warnings %q, want none", got)
		}
	}
}

// warningList is a Warner that keeps the warnings until they are cleared.
type warningList struct {
	codes []WarningCode
	texts []string
}

func (l *warningList) Warn(w Warning) {
	l.codes, l.texts = append(l.codes, w.Code), append(l.texts, w.Text)
}

func (l *warningList) ClearWarning(code WarningCode) {
	if i := slices.Index(l.codes, code); i >= 0 {
		l.codes, l.texts = slices.Delete(l.codes, i, i+1), slices.Delete(l.texts, i, i+1)
	}
}

func (l *warningList) String() string {
	var s []string
	for _, c := range l.codes {
		s = append(s, string(c))
	}
	return strings.Join(s, " ")
}
