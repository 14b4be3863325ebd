package hevc

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/google/go-cmp/cmp"
)

// stream is the configuration of a stream by ffmpeg 5.1 with libx265, such as
//
//	ffmpeg -f lavfi -i testsrc2=s=176x100:r=25 -t 0.2 -c:v libx265 -pix_fmt yuv420p -tag:v hvc1
type stream struct {
	name, head, vps, sps, pps string
	codec                     string
	width, height             int
	rate                      float64
	chroma, depth             int
}

func streams() []stream {
	return []stream{
		{
			"Main", "0101600000009000000000001ef000fcfdf8f800000f",
			"40010c01ffff01600000030090000003000003001e959809",
			"42010101600000030090000003000003001ea0162069f796566924caf0168080000003008000000c84",
			"4401c172b46240", "hvc1.1.6.L30.90", 176, 100, 25, 1, 8,
		},
		{
			"Main 10", "0102200000009000000000001ef000fcfdfafa00000f",
			"40010c01ffff02200000030090000003000003001e959809",
			"42010102200000030090000003000003001ea0162069f6d96566924caf01680800001f480003a98040",
			"4401c172b46240", "hvc1.2.4.L30.90", 176, 100, 30000.0 / 1001, 1, 10,
		},
		{
			"4:2:2 of 12 bits, High tier", "01240800000099080000000099f000fcfefcfc00000f",
			"40010c01ffff2408000003009908000003000099959809",
			"4201012408000003009908000003000099b02081045296566924caf0168080000003008000000c84",
			"4401c172b42240", "hvc1.4.10.H153.99.8", 64, 64, 25, 2, 12,
		},
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// record returns the HEVCDecoderConfigurationRecord, with an SEI message among the arrays.
func (s stream) record() []byte {
	b := append(unhex(s.head), 4)
	for kind, nal := range [][]byte{unhex(s.vps), unhex(s.sps), unhex(s.pps), {39 << 1, 1, 4, 0, 0x80}} {
		b = append(b, byte(32+kind), 0, 1)
		b = binary.BigEndian.AppendUint16(b, uint16(len(nal)))
		b = append(b, nal...)
	}
	return b
}

func TestParseHVCC_ReadsWhatX265Writes(t *testing.T) {
	for _, s := range streams() {
		t.Run(s.name, func(t *testing.T) {
			c, err := ParseHVCC(s.record())
			if err != nil {
				t.Fatal(err)
			}
			want := &Config{
				VPS: [][]byte{unhex(s.vps)}, SPS: [][]byte{unhex(s.sps)}, PPS: [][]byte{unhex(s.pps)}, NALLengthSize: 4,
				Profile: parseProfile(unhex(s.head)[1:]), Width: s.width, Height: s.height, FrameRate: s.rate,
				ChromaFormatIDC: s.chroma, BitDepth: s.depth,
			}
			if diff := cmp.Diff(want, c); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
			if got := c.CodecString(); got != s.codec {
				t.Errorf("codec %s, want %s", got, s.codec)
			}
			again, err := FromParameterSets(c.VPS, c.SPS, c.PPS)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c, again); diff != "" {
				t.Errorf("config of the parameter sets (-record +sets):\n%s", diff)
			}
		})
	}
}

func TestParseHVCC_AcceptsARecordWithoutParameterSets(t *testing.T) {
	c, err := ParseHVCC(append(unhex(streams()[0].head), 0))
	if err != nil {
		t.Fatal(err)
	}
	if c.CodecString() != "hvc1.1.6.L30.90" || len(c.SPS) != 0 || c.Width != 0 {
		t.Errorf("config %+v", c)
	}
}

func TestProfile_StringFollowsTheStandard(t *testing.T) {
	for want, p := range map[string]Profile{
		"1.6.L93.B0":           {IDC: 1, Compatibility: 0x60000000, Constraints: [6]byte{0xb0}, LevelIDC: 93}, // the example of the standard
		"A4.41.H120.B0.23":     {Space: 1, IDC: 4, Compatibility: 0x82000000, Constraints: [6]byte{0xb0, 0x23}, LevelIDC: 120, High: true},
		"1.2.L30":              {IDC: 1, Compatibility: 0x40000000, LevelIDC: 30},
		"2.4.L30.0.0.0.0.0.FF": {IDC: 2, Compatibility: 0x20000000, Constraints: [6]byte{5: 0xff}, LevelIDC: 30},
	} {
		if got := p.String(); got != want {
			t.Errorf("profile %s, want %s", got, want)
		}
	}
}

func TestParseHVCC_RefusesInvalidRecords(t *testing.T) {
	whole := streams()[0].record()
	for _, c := range []struct {
		name   string
		change func(b []byte) []byte
		want   string
	}{
		{"nothing", func([]byte) []byte { return nil }, "need 23 bytes, have 0 at offset 0"},
		{"a later version", func(b []byte) []byte { b[0] = 2; return b }, "version is 2"},
		{"lengths of 3 bytes", func(b []byte) []byte { b[21] = 0xfe; return b }, "NAL length size is 3 at offset 21"},
		{"an array cut off", func(b []byte) []byte { return b[:25] }, "need 3 bytes for an array, have 2 at offset 23"},
		{"a length cut off", func(b []byte) []byte { return b[:27] }, "need 2 bytes for a NAL unit's length, have 1 at offset 26"},
		{"a NAL unit cut off", func(b []byte) []byte { return b[:40] }, "need 24 bytes for a NAL unit, have 12 at offset 28"},
		{"an SPS of one byte", func([]byte) []byte {
			return append(unhex(streams()[0].head), 1, 33, 0, 1, 0, 2, 0x42, 1)
		}, "SPS: need 15 bytes"},
		{"too many SPS", func([]byte) []byte {
			b := append(unhex(streams()[0].head), 1, 33, 0, 65)
			for range 65 {
				b = append(b, 0, 2, 0x42, 1)
			}
			return b
		}, "more than 64 parameter sets of a kind"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseHVCC(c.change(append([]byte(nil), whole...)))
			if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("config %+v, error %v, want one with %q", got, err, c.want)
			}
		})
	}
	if _, err := FromParameterSets(nil, nil, nil); err == nil || !strings.Contains(err.Error(), "no SPS") {
		t.Errorf("error %v, want that there is no SPS", err)
	}
}

func TestType_RecognizesRandomAccessPoints(t *testing.T) {
	for kind := range NALType(64) {
		got, ok := Type([]byte{byte(kind) << 1, 1})
		if !ok || got != kind || got.IRAP() != (16 <= kind && kind <= 23) || got.IDR() != (kind == 19 || kind == 20) {
			t.Errorf("type %d was read as %d, %t; IRAP %t, IDR %t", kind, got, ok, got.IRAP(), got.IDR())
		}
	}
	if _, ok := Type([]byte{0x42}); ok {
		t.Error("a type was read from half a NAL unit header")
	}
}

// FuzzParseHVCC checks that accepted configurations are within bounds, and that their picture size
// is that of another reader.
func FuzzParseHVCC(f *testing.F) {
	for _, s := range streams() {
		f.Add(s.record())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseHVCC(b)
		if err != nil {
			return
		}
		if c.CodecString() == "" || c.Width < 0 || c.Width > maxSide || c.Height > maxSide || c.BitDepth > 16 || len(c.SPS) > 0 && c.Width*c.Height == 0 {
			t.Errorf("config %+v", c)
		}
		if len(c.SPS) == 0 {
			return
		}
		sps, err := hevc.ParseSPSNALUnit(c.SPS[0])
		if err != nil {
			return
		}
		if w, h := sps.ImageSize(); int(w) != c.Width || int(h) != c.Height {
			t.Errorf("size %dx%d, another reader has %dx%d", c.Width, c.Height, w, h)
		}
	})
}
