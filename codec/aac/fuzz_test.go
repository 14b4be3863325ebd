package aac

import (
	"bytes"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

func FuzzParseASC(f *testing.F) {
	f.Add([]byte{0x11, 0x90, 0x56, 0xe5, 0x00})
	f.Add([]byte{0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80})
	f.Add([]byte{0xf8, 0xe6, 0x40, 0x00})
	f.Add([]byte{0x17, 0x80, 0x56, 0x0c, 0x10})
	for _, l := range layouts() {
		f.Add(l.asc)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseASC(b)
		if err != nil {
			return
		}
		// ADTS can carry every accepted configuration, and another reader finds it there.
		raw := append(bytes.Clone(c.ProgramConfig), 0)
		h := AppendADTSHeader(nil, c.ObjectType, c.SampleRate, c.Channels, len(raw))
		var got mpeg4audio.ADTSPackets
		if err := got.Unmarshal(append(h, raw...)); err != nil {
			t.Fatalf("ADTS header of %+v: %v", c, err)
		}
		if off := got[0].SampleRate - c.SampleRate; 200*off > got[0].SampleRate || -200*off > got[0].SampleRate {
			t.Errorf("ADTS header of %+v says %d Hz", c, got[0].SampleRate)
		}
		n := int(got[0].ChannelConfig)
		if n == 7 {
			n = 8
		}
		if n != c.Channels && (n != 0 || c.ProgramConfig == nil) {
			t.Errorf("ADTS header of %+v says %d channels", c, n)
		}
		if c.ProgramConfig == nil {
			return
		}
		p, rest, err := cutProgramConfig(raw)
		if err != nil || len(rest) != 1 {
			t.Fatalf("the layout % x reads as %+v with %d bytes after it, %v; want 1 byte", c.ProgramConfig, p, len(rest), err)
		}
		if p.channels() != c.Channels || !bytes.Equal(p.element(), c.ProgramConfig) {
			t.Errorf("the layout % x reads as %+v", c.ProgramConfig, p)
		}
	})
}

// FuzzADTSReader checks that the frames are consecutive parts of the input, and that reading
// their configurations does not panic.
func FuzzADTSReader(f *testing.F) {
	one := AppendADTSHeader(nil, ObjectTypeLC, 48000, 2, 3)
	one = append(one, 0x21, 0x10, 0x04)
	f.Add(one)
	f.Add(append(bytes.Clone(one), one...))
	f.Add(append(bytes.Clone(one), one[:9]...))
	f.Add(protected(1, []byte{0x21, 0x10}))
	f.Add(protected(3, []byte{0x21, 0x10}, []byte{0x21}, []byte{0x21, 0x11, 0x12}))
	layout := AppendADTSHeader(nil, ObjectTypeLC, 48000, 7, 14)
	f.Add(append(layout, 0xa0, 0x99, 0x08, 0x80, 0x04, 0x00, 0x18, 0x80, 0x00, 0x21, 0x10, 0x04, 0x60, 0x8c))
	f.Fuzz(func(t *testing.T, b []byte) {
		whole, starts := IsADTS(b), StartsADTS(b)
		r := NewADTSReader(b)
		total, n := 0, 0
		for {
			h, raw, ok := r.Next()
			if !ok {
				break
			}
			n++
			total += len(raw)
			if len(raw) == 0 || total > len(b) || n > len(b) {
				t.Fatalf("frame %d has %d bytes, all together %d of %d", n, len(raw), total, len(b))
			}
			if c, frame, err := ParseADTS(h, raw); err == nil {
				if len(frame) > len(raw) || c.Channels == 0 || c.SampleRate != h.SampleRate {
					t.Fatalf("%v gives %+v, %d bytes of %d", h, c, len(frame), len(raw))
				}
			}
		}
		if n > 0 && !starts || whole && !starts {
			t.Errorf("%d frames, starts %t, whole %t", n, starts, whole)
		}
	})
}
