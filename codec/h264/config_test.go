package h264

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// records are AVCDecoderConfigurationRecords as ffmpeg with x264 sends them.
var records = map[string]string{
	"high":       "0164000bffe100186764000bacd9428df9301100000303e90000ea600f14299601000668ebe3cb22c0fdf8f800",
	"baseline":   "0142c028ffe100186742c028d900780227e5c04400000fa40003a9803c60c92001000568cb83cb20",
	"interlaced": "01640028ffe1001a67640028acd94078044fde0220000003002000000643e2c5b2c001000668fba3cb22c0fdf8f800",
	"4:4:4":      "01f4000dffe1001767f4000d919b28283f6022000007d20001d4c01e28532c01000668ebe3c44844fff8f800",
	"4:2:2 10":   "017a000dffe10018677a000db6cd94141fb01100000303e90000ea600f14299601000668ebe3cb22c0fefafa00",
	"monochrome": "0164000dffe100196764000df36505421e3e3f016c800001f480007530078a14cb01000668ebe3cb22c0fcf8f800",
}

func record(tb testing.TB, name string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(records[name])
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

func TestParseAVCC_ReadsRecordsOfEncoders(t *testing.T) {
	const ntsc = 30000.0 / 1001
	for name, want := range map[string]Config{
		"high":       {CodecString: "avc1.64000b", ProfileIDC: 100, LevelIDC: 11, Width: 160, Height: 90, FrameRate: ntsc, ChromaFormatIDC: 1, BitDepth: 8},
		"baseline":   {CodecString: "avc1.42c028", ProfileIDC: 66, ConstraintFlags: 0xc0, LevelIDC: 40, Width: 1920, Height: 1080, FrameRate: ntsc, ChromaFormatIDC: 1, BitDepth: 8},
		"interlaced": {CodecString: "avc1.640028", Interlaced: true, ProfileIDC: 100, LevelIDC: 40, Width: 1920, Height: 1080, FrameRate: 25, ChromaFormatIDC: 1, BitDepth: 8},
		"4:4:4":      {CodecString: "avc1.f4000d", ProfileIDC: 244, LevelIDC: 13, Width: 320, Height: 240, FrameRate: ntsc, ChromaFormatIDC: 3, BitDepth: 8},
		"4:2:2 10":   {CodecString: "avc1.7a000d", ProfileIDC: 122, LevelIDC: 13, Width: 320, Height: 240, FrameRate: ntsc, ChromaFormatIDC: 2, BitDepth: 10},
		"monochrome": {CodecString: "avc1.64000d", ProfileIDC: 100, LevelIDC: 13, Width: 322, Height: 242, FrameRate: ntsc, ChromaFormatIDC: 0, BitDepth: 8},
	} {
		t.Run(name, func(t *testing.T) {
			b := record(t, name)
			got, err := ParseAVCC(b)
			if err != nil {
				t.Fatal(err)
			}
			spsSize := int(b[7])
			want.NALLengthSize = 4
			want.SPS = [][]byte{b[8 : 8+spsSize]}
			want.PPS = [][]byte{b[8+spsSize+3:][:b[8+spsSize+2]]}
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseAVCC_KeepsAllParameterSets(t *testing.T) {
	sps, pps := baseline(20, 10), []byte{0x68, 1}
	b := []byte{1, 66, 0, 30, 0xfd, 2}
	b = appendSets(b, sps, pps) // a PPS in the wrong list
	b = append(b, 3)
	b = appendSets(b, []byte{}, []byte{0x68, 2}, sps)
	got, err := ParseAVCC(b)
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{SPS: [][]byte{sps, sps}, PPS: [][]byte{pps, {0x68, 2}}}
	if diff := cmp.Diff([]any{want.SPS, want.PPS, 2}, []any{got.SPS, got.PPS, got.NALLengthSize}); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
}

func TestParseAVCC_AcceptsARecordWithoutParameterSets(t *testing.T) {
	for _, b := range [][]byte{
		{1, 0x4d, 0x40, 0x1f, 0xff, 0xe0, 0},
		{1, 0x4d, 0x40, 0x1f, 0xff, 0xe0},
		{1, 0x4d, 0x40, 0x1f, 0x03, 0x00}, // reserved bits at 0
	} {
		got, err := ParseAVCC(b)
		if err != nil {
			t.Fatalf("% x: %v", b, err)
		}
		want := &Config{NALLengthSize: 4, CodecString: "avc1.4d401f", ProfileIDC: 77, ConstraintFlags: 0x40, LevelIDC: 31}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("% x (-want +got):\n%s", b, diff)
		}
	}
}

func TestParseAVCC_PrefersTheSPSToTheRecord(t *testing.T) {
	b := record(t, "high")
	copy(b[1:], []byte{0, 0, 0})
	got, err := ParseAVCC(b)
	if err != nil || got.CodecString != "avc1.64000b" {
		t.Errorf("codec string %q, want avc1.64000b: %v", got.CodecString, err)
	}
}

func TestParseAVCC_SharesNoBytes(t *testing.T) {
	b := record(t, "high")
	got, err := ParseAVCC(b)
	if err != nil {
		t.Fatal(err)
	}
	clear(b)
	if got.SPS[0][0] != 0x67 || got.PPS[0][0] != 0x68 {
		t.Error("the config changed with the record")
	}
}

func TestParseAVCC_ReportsWhatIsWrong(t *testing.T) {
	good := record(t, "high")
	for _, c := range []struct {
		name string
		b    []byte
		want string
	}{
		{"empty", nil, "need 6 bytes, have 0 at offset 0"},
		{"short", good[:5], "need 6 bytes, have 5 at offset 5"},
		{"version", []byte{0, 0, 0, 1, 0x67, 0x64}, "version is 0, not 1 at offset 0"},
		{"length size", append([]byte{1, 0, 0, 0, 0xfe, 0xe0}, 0), "NAL length size is 3 at offset 4"},
		{"no SPS length", good[:7], "need 2 bytes for a parameter set's length, have 1 at offset 6"},
		{"SPS cut", good[:20], "need 24 bytes for a parameter set, have 12 at offset 8"},
		{"PPS cut", good[:36], "need 6 bytes for a parameter set, have 1 at offset 35"},
		{"SPS of one byte", []byte{1, 66, 0, 30, 0xff, 0xe1, 0, 1, 0x67, 0}, "SPS: unreadable"},
		{"chroma format", avcc(high(4, 0)), "chroma format or bit depth out of range"},
		{"bit depth", avcc(high(1, 7)), "chroma format or bit depth out of range"},
		{"SPS too large", avcc(baseline(2000, 10)), "picture size out of range"},
		{"SPS too many macroblocks", avcc(baseline(900, 900)), "picture size out of range"},
		{"SPS all cropped away", avcc(baselineCropped(20, 10, 1<<31)), "picture size out of range"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseAVCC(c.b)
			if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("config %v, error %v, want one with %q", got, err, c.want)
			}
		})
	}
}

func TestParseAVCC_IgnoresAnInvalidVUI(t *testing.T) {
	for name, sps := range map[string][]byte{
		"cut":               baselineVUI(20, 10, func(w *bitWriter) { w.put(0b1, 1) }),
		"tick of 0":         baselineVUI(20, 10, timing(0, 60)),
		"10000 frames/s":    baselineVUI(20, 10, timing(1, 20000)),
		"no timing at all":  baseline(20, 10),
		"time scale of 0":   baselineVUI(20, 10, timing(1, 0)),
		"timing of 2^32 -1": baselineVUI(20, 10, timing(1, 1<<32-1)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseAVCC(avcc(sps))
			if err != nil {
				t.Fatal(err)
			}
			if got.Width != 320 || got.Height != 160 || got.FrameRate != 0 {
				t.Errorf("%dx%d at %v frames/s, want 320x160 at an unknown rate", got.Width, got.Height, got.FrameRate)
			}
		})
	}
}

func TestFromParameterSets_ReadsSetsLearnedInBand(t *testing.T) {
	sps, pps := baseline(20, 10), []byte{0x68, 1}
	got, err := FromParameterSets([][]byte{sps}, [][]byte{pps})
	if err != nil {
		t.Fatal(err)
	}
	want := &Config{
		SPS: [][]byte{sps}, PPS: [][]byte{pps}, NALLengthSize: 4, CodecString: "avc1.42001e",
		ProfileIDC: 66, LevelIDC: 30, Width: 320, Height: 160, ChromaFormatIDC: 1, BitDepth: 8,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("config (-want +got):\n%s", diff)
	}
	sps[0], pps[0] = 0, 0
	if got.SPS[0][0] != 0x67 || got.PPS[0][0] != 0x68 {
		t.Error("the config changed with the sets")
	}
}

func TestFromParameterSets_NeedsAnSPS(t *testing.T) {
	_, err := FromParameterSets([][]byte{{}, {0x65}}, [][]byte{{0x68, 1}})
	if _, ok := errors.AsType[*SyntaxError](err); !ok {
		t.Errorf("error %v, want a SyntaxError", err)
	}
}
