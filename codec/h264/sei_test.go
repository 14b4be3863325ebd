package h264

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func nal(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// cc returns an SEI message with the given caption constructs of three bytes each (CTA-708, cc_data).
func cc(constructs string) string {
	n := len(strings.ReplaceAll(constructs, " ", "")) / 6
	size := 10 + 3*n + 1
	return hex.EncodeToString([]byte{4, byte(size)}) + "b5003147413934 03" + hex.EncodeToString([]byte{0x40 | byte(n), 0xff}) + constructs + "ff"
}

func TestSupplement_ReadsRecoveryPoints(t *testing.T) {
	for _, c := range []struct {
		name, nal string
		want      Supplement
	}{
		{"of an open GOP, as x264 writes it", "06 06 01 c4 80", Supplement{RecoveryPoint: true, ExactMatch: true}},
		{"approximate", "06 06 01 84 80", Supplement{RecoveryPoint: true}},
		{"of a broken link", "06 06 01 e4 80", Supplement{RecoveryPoint: true, ExactMatch: true, BrokenLink: true}},
		{"after 39 frames", "06 06 02 05 10 80", Supplement{RecoveryPoint: true, RecoveryFrames: 39, ExactMatch: true}},
		{"after 65535 frames", "06 06 05 00 00 03 80 00 40 80", Supplement{RecoveryPoint: true, RecoveryFrames: 65535, ExactMatch: true}},
		{"after 65536 frames, which is too many", "06 06 05 00 00 03 80 00 c0 80", Supplement{}},
		{"behind other messages", "06 05 03 010203 01 01 ff 06 01 c4 80", Supplement{RecoveryPoint: true, ExactMatch: true}},
		{"behind a message of 256 bytes", "06 05 ff 01" + strings.Repeat("55", 256) + "06 01 c4 80", Supplement{RecoveryPoint: true, ExactMatch: true}},
		{"behind emulation prevention", "06 05 04 000003 000003 00 06 01 c4 80", Supplement{}},
		{"behind a message with emulation prevention", "06 05 04 00000301 00 06 01 c4 80", Supplement{RecoveryPoint: true, ExactMatch: true}},
		{"of no bytes", "06 06 00 80", Supplement{}},
		{"cut off", "06 06 05 c4", Supplement{}},
		{"of a size beyond the end", "06 06 ff ff ff", Supplement{}},
		{"all zeros", "06 06 08 0000 03 0000 03 0000 03 0000 80", Supplement{}},
		{"in a slice", "41 06 01 c4 80", Supplement{}},
		{"in nothing", "", Supplement{}},
		{"in a unit of one byte", "06", Supplement{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got Supplement
			got.Read(nal(t, c.nal))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("supplement (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSupplement_ReadsWhichCaptionsThereAre(t *testing.T) {
	for _, c := range []struct {
		name, nal string
		want      Captions
	}{
		{"text in field 1", "06" + cc("fc c8e5") + "80", CC1},
		{"field 1 filled up", "06" + cc("fc 8080 fd 8080") + "80", CC1},
		{"CC1 and CC3 selected", "06" + cc("fc 9420 fd 1520") + "80", CC1 | CC3},
		{"CC2 and CC4 selected", "06" + cc("fc 1c20 fd 9d20") + "80", CC1 | CC2 | CC4},
		{"extended data services in field 2", "06" + cc("fd 0103") + "80", 0},
		{"not valid", "06" + cc("f8 9420 f9 1520") + "80", 0},
		{"service 1", "06" + cc("ff 0222 fe 4849") + "80", Service(1)},
		{"service 2 beside field 1", "06" + cc("fc 8080 ff 0242 fe 4849") + "80", CC1 | Service(2)},
		{"service 9", "06" + cc("ff 02e2 fe 0948") + "80", Service(9)},
		{"service 63, which has no bit", "06" + cc("ff 02e2 fe 3f48") + "80", 0},
		{"an empty service block", "06" + cc("ff 0120 fe 0000") + "80", 0},
		{"service 7 or more, cut off", "06" + cc("ff 02e2") + "80", 0},
		{"two messages in one unit", "06" + cc("fc 9420") + cc("ff 0222 fe 4849") + "80", CC1 | Service(1)},
		{"behind other user data", "06 04 03 b50031" + cc("fc 9420") + "80", CC1},
		{"bar data", "06 04 0b b5003147413934 06 41 ff 80 80", 0},
		{"of another provider", "06" + strings.Replace(cc("fc 9420"), "b50031", "b5002f", 1) + "80", 0},
		{"cut off", "06 04 0d b50031474139", 0},
		{"more announced than there are", "06 04 0d b5003147413934 03 5f ff fc9420 80", CC1},
		{"with emulation prevention", "06" + strings.Replace(cc("fc 0000 fc 0000 fd 1520"), "fc 0000", "fc 000003", 1) + "80", CC1 | CC3},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got Supplement
			got.Read(nal(t, c.nal))
			if got.Captions != c.want {
				t.Errorf("captions %b, want %b", got.Captions, c.want)
			}
		})
	}
}

func TestReadSlice_RecognizesIntraSlices(t *testing.T) {
	for _, c := range []struct {
		name, nal string
		want      Slice
		ok        bool
	}{
		{"I", "61 88 84", Slice{First: true, Intra: true}, true},
		{"I of one type in the picture", "61 b8", Slice{First: true, Intra: true}, true},
		{"P", "41 9a 24", Slice{First: true}, true},
		{"B", "01 9e", Slice{First: true}, true},
		{"SI", "41 96", Slice{First: true, Intra: true}, true},
		{"second slice, of PPS 2", "61 42 18", Slice{Intra: true, PPS: 2}, true},
		{"without a PPS", "61 b0", Slice{}, false},
		{"slice 139263, behind emulation prevention", "61 00 00 03 20 00 01 10", Slice{}, false},
		{"header alone", "61", Slice{}, false},
		{"empty", "", Slice{}, false},
		{"zeros", "61 00 00 03 00 00 03 00 00 03 00", Slice{}, false},
	} {
		got, ok := ReadSlice(nal(t, c.nal))
		if ok != c.ok || got != c.want {
			t.Errorf("%s: %+v %t, want %+v %t", c.name, got, ok, c.want, c.ok)
		}
	}
}

func FuzzSupplement(f *testing.F) {
	f.Add(nal(f, "06 06 01 c4 80"))
	f.Add(nal(f, "06 06 05 00 00 03 80 00 40 80"))
	f.Add(nal(f, "06"+cc("fc 9420 fd 1520 ff 02e2 fe 0948")+"80"))
	f.Add(nal(f, "06 05 ff ff ff ff ff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := bytes.Clone(b)
		var s Supplement
		s.Read(b)
		ReadSlice(b)
		if s.RecoveryFrames < 0 || s.RecoveryFrames > maxRecoveryFrames || !s.RecoveryPoint && (s.RecoveryFrames != 0 || s.ExactMatch || s.BrokenLink) {
			t.Errorf("supplement %+v", s)
		}
		if !bytes.Equal(b, before) {
			t.Error("the bytes were changed")
		}
	})
}

func TestParseAVCC_ReadsTheProfilesBeyondHigh(t *testing.T) {
	for _, c := range []struct {
		profile byte
		chroma  uint64
		want    string
	}{
		{ProfileCAVLC444, 3, "avc1.2c001e"},
		{ProfileScalable, 1, "avc1.53001e"},
		{ProfileScalableHigh, 1, "avc1.56001e"},
		{ProfileHigh10, 1, "avc1.6e001e"},
		{ProfileMultiviewHigh, 1, "avc1.76001e"},
		{ProfileHigh422, 2, "avc1.7a001e"},
		{ProfileStereoHigh, 1, "avc1.80001e"},
		{profileHigh444Old, 2, "avc1.90001e"},
		{ProfileHigh444, 2, "avc1.f4001e"},
	} {
		sps := high(c.chroma, 2)
		if c.chroma == 3 {
			sps = high444(2)
		}
		sps[1] = c.profile
		got, err := ParseAVCC(avcc(sps))
		if err != nil {
			t.Errorf("profile %d: %v", c.profile, err)
			continue
		}
		if got.CodecString != c.want || got.ProfileIDC != c.profile || got.ChromaFormatIDC != int(c.chroma) || got.BitDepth != 10 || got.Width != 320 || ProfileName(c.profile) == "" {
			t.Errorf("profile %d: config %+v, want %s with 10 bits, 320 wide", c.profile, got, c.want)
		}
	}
	if _, err := ParseAVCC(avcc(high444(7))); !errors.As(err, new(*SyntaxError)) {
		t.Errorf("bit depth 15: error %v, want a SyntaxError", err)
	}
}
