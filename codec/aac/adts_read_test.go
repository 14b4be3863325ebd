package aac

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// protected returns an ADTS frame with CRCs (ISO 14496-3 section 1.A.2.2) and the given
// raw data blocks. The CRCs are not computed.
func protected(channels int, blocks ...[]byte) []byte {
	size := 2 * len(blocks) // positions and the first CRC
	for _, b := range blocks {
		size += len(b)
		if len(blocks) > 1 {
			size += 2
		}
	}
	f := AppendADTSHeader(nil, ObjectTypeLC, 48000, channels, size)
	f[1] &^= 1
	f[6] |= byte(len(blocks) - 1)
	position := 0
	for _, b := range blocks[:len(blocks)-1] {
		position += len(b) + 2
		f = binary.BigEndian.AppendUint16(f, uint16(position))
	}
	f = append(f, 0xcc, 0xcc)
	for _, b := range blocks {
		f = append(f, b...)
		if len(blocks) > 1 {
			f = append(f, 0xcc, 0xcc)
		}
	}
	return f
}

func TestADTSReader_ReturnsTheRawFrames(t *testing.T) {
	one, two, three := []byte{0x21, 0x10, 0x04}, []byte{0x01, 0x18}, bytes.Repeat([]byte{0x22}, 700)
	header := func(channels, size int) []byte { return AppendADTSHeader(nil, ObjectTypeLC, 48000, channels, size) }
	plain := func(raw []byte) []byte { return append(header(2, len(raw)), raw...) }
	join := func(b ...[]byte) []byte { return bytes.Join(b, nil) }
	several := plain(one)
	several[6] |= 1
	for _, c := range []struct {
		name  string
		in    []byte
		whole bool
		want  [][]byte
	}{
		{"one", plain(one), true, [][]byte{one}},
		{"three", join(plain(one), plain(two), plain(three)), true, [][]byte{one, two, three}},
		{"MPEG-2", func() []byte { b := plain(one); b[1] |= 8; return b }(), true, [][]byte{one}},
		{"CRC", protected(2, one), true, [][]byte{one}},
		{"two blocks with CRC", join(protected(2, one, three), plain(two)), true, [][]byte{one, three, two}},
		{"four blocks with CRC", protected(2, one, two, three, one), true, [][]byte{one, two, three, one}},
		{"two blocks without their positions", several, true, nil},
		{"cut off", join(plain(one), plain(three)[:100]), false, [][]byte{one}},
		{"a byte after the frame", join(plain(one), []byte{0}), false, [][]byte{one}},
		{"no payload", header(2, 0), false, nil},
		{"reserved rate", func() []byte { b := plain(one); b[2] |= 0x3c; return b }(), false, nil},
		{"a layer", func() []byte { b := plain(one); b[1] |= 2; return b }(), false, nil},
		{"raw, with a sync word by chance", join([]byte{0xff, 0xf1}, three), false, nil},
		{"nothing", nil, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got [][]byte
			r := NewADTSReader(c.in)
			for {
				h, raw, ok := r.Next()
				if !ok {
					break
				}
				if want := (ADTSHeader{ObjectType: 2, SampleRate: 48000, Configuration: 2}); h != want {
					t.Errorf("header %v, want %v", h, want)
				}
				got = append(got, raw)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("frames (-want +got):\n%s", diff)
			}
			if IsADTS(c.in) != c.whole {
				t.Errorf("IsADTS is %t, want %t", !c.whole, c.whole)
			}
		})
	}
}

func TestParseADTS_ReadsHeaders(t *testing.T) {
	layout := unhex("a09908800400188000") // FFmpeg's for 5.1(side)
	frame := []byte{0x21, 0x10}
	lc := Config{ObjectType: 2, SampleRate: 48000, Channels: 2, SamplesPerUnit: 1024, CodecString: CodecLC}
	six := lc
	six.Channels, six.ProgramConfig = 6, layout
	for _, c := range []struct {
		name string
		h    ADTSHeader
		raw  []byte
		want *Config
	}{
		{"stereo", ADTSHeader{2, 48000, 2}, frame, &lc},
		{"layout in the frame", ADTSHeader{2, 48000, 0}, append(bytes.Clone(layout), frame...), &six},
		{"layout with a comment", ADTSHeader{2, 48000, 0}, append(append(layout[:8:8], 2, 'h', 'i'), frame...), &six},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, rest, err := ParseADTS(c.h, c.raw)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
			if !bytes.Equal(rest, frame) {
				t.Errorf("frame % x, want % x", rest, frame)
			}
		})
	}
	for _, h := range []ADTSHeader{{1, 48000, 2}, {3, 48000, 2}, {4, 48000, 2}} {
		if _, _, err := ParseADTS(h, frame); err == nil {
			t.Errorf("%v was accepted, want an UnsupportedError", h)
		} else if _, ok := errors.AsType[*UnsupportedError](err); !ok {
			t.Errorf("%v: error %v, want an UnsupportedError", h, err)
		}
	}
	for name, raw := range map[string][]byte{"no layout": frame, "layout cut off": layout[:5]} {
		_, _, err := ParseADTS(ADTSHeader{2, 48000, 0}, raw)
		if _, ok := errors.AsType[*SyntaxError](err); !ok {
			t.Errorf("%s: error %v, want a SyntaxError", name, err)
		}
	}
}

func TestAppendADTSHeader_WritesConfiguration0ForOtherLayouts(t *testing.T) {
	for channels, want := range map[int]byte{1: 1, 6: 6, 7: 0, 8: 7, 9: 0, 16: 0} {
		b := AppendADTSHeader(nil, ObjectTypeLC, 48000, channels, 10)
		if got := b[2]&1<<2 | b[3]>>6; got != want {
			t.Errorf("%d channels have configuration %d, want %d", channels, got, want)
		}
	}
}
