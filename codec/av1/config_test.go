package av1

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/av1"
	"github.com/google/go-cmp/cmp"
)

func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Records of ffmpeg 5.1 with libsvtav1, 96x64: with 8 bits, and with 10 bits and
// -color_primaries bt2020 -color_trc smpte2084 -colorspace bt2020nc.
const (
	sdr = "81000c000a0a000000032dffc02f8004"
	hdr = "81004c000a0d000000032dffc02f8509100904"
)

func TestParseAV1C_ReadsRecordsOfSVTAV1(t *testing.T) {
	for _, c := range []struct {
		record, codec string
		want          Config
	}{
		{sdr, "av01.0.00M.08", Config{Width: 96, Height: 64, BitDepth: 8, Subsampling: [3]uint8{1, 1, 0}, Colour: [3]uint8{2, 2, 2}}},
		{hdr, "av01.0.00M.10.0.110.09.16.09.0", Config{Width: 96, Height: 64, BitDepth: 10, Subsampling: [3]uint8{1, 1, 0}, Colour: [3]uint8{9, 16, 9}}},
	} {
		t.Run(c.codec, func(t *testing.T) {
			b := unhex(t, c.record)
			c.want.SequenceHeader = b[4:]
			got, err := ParseAV1C(b)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
			if r := got.Record(); !bytes.Equal(r, b) {
				t.Errorf("record %x, want %x", r, b)
			}
			if s := got.CodecString(); s != c.codec {
				t.Errorf("codec %s, want %s", s, c.codec)
			}
		})
	}
}

func TestCodecString_FollowsTheISOBMFFBinding(t *testing.T) {
	for want, c := range map[string]Config{
		"av01.0.04M.10.0.112.09.16.09.0": {Level: 4, BitDepth: 10, Subsampling: [3]uint8{1, 1, 2}, Colour: [3]uint8{9, 16, 9}}, // the example of the binding
		"av01.0.08H.08":                  {Level: 8, HighTier: true, BitDepth: 8, Subsampling: [3]uint8{1, 1, 0}, Colour: [3]uint8{1, 1, 1}},
		"av01.1.13M.08.0.000.01.01.01.1": {Profile: 1, Level: 13, BitDepth: 8, Colour: [3]uint8{1, 1, 1}, FullRange: true},
		"av01.0.00M.08.1.110.02.02.02.0": {BitDepth: 8, Monochrome: true, Subsampling: [3]uint8{1, 1, 0}, Colour: [3]uint8{2, 2, 2}},
	} {
		if got := c.CodecString(); got != want {
			t.Errorf("codec %s, want %s", got, want)
		}
	}
}

func TestParseAV1C_RefusesInvalidRecords(t *testing.T) {
	for _, c := range []struct{ name, record, want string }{
		{"nothing", "", "need 4 bytes, have 0"},
		{"a later version", "82000c00", "begins with 0x82"},
		{"no OBU", "81000c00", "at offset 4: no sequence header"},
		{"another OBU", "81000c001200", "at offset 6: no sequence header"},
		{"an OBU without size", "81000c0008000000032dffc02f8004", "without a size"},
		{"an OBU cut off", "81000c000a0a0000", "need 10 bytes, have 2"},
		{"a sequence header cut off", "81000c000a0100", "unreadable"},
		{"a header alone", "81000c000a", "need 2 bytes, have 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseAV1C(unhex(t, c.record))
			if _, ok := errors.AsType[*SyntaxError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("config %+v, error %v, want one with %q", got, err, c.want)
			}
		})
	}
	if _, err := FromSequenceHeader(nil); err == nil {
		t.Error("FromSequenceHeader(nil) returned no error")
	}
}

// FuzzParseAV1C compares accepted configurations with those of another reader.
func FuzzParseAV1C(f *testing.F) {
	f.Add(unhex(f, sdr))
	f.Add(unhex(f, hdr))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseAV1C(b)
		if err != nil {
			return
		}
		if c.Width < 1 || c.Width > 1<<16 || c.Height < 1 || c.Height > 1<<16 || c.CodecString() == "" {
			t.Errorf("config %+v", c)
		}
		record, err := av1.DecodeAV1CodecConfRec(b)
		if err != nil {
			return
		}
		other, err := record.SequenceHeader()
		if err != nil {
			return
		}
		if int(other.Width()) != c.Width || int(other.Height()) != c.Height || int(other.BitDepth) != c.BitDepth || int(other.SeqLevelIdx0) != c.Level {
			t.Errorf("config %+v, another reader has %+v", c, other)
		}
	})
}
