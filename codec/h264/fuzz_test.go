package h264

import (
	"errors"
	"math"
	"testing"
)

func FuzzParseAVCC(f *testing.F) {
	for name := range records {
		f.Add(record(f, name))
	}
	f.Add(avcc(baselineCropped(20, 10, 1<<31)))
	f.Add(avcc(baselineVUI(20, 10, timing(0, 0))))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseAVCC(b)
		if err != nil {
			if _, ok := errors.AsType[*SyntaxError](err); !ok {
				t.Fatalf("error is a %T", err)
			}
			return
		}
		if (c.Width == 0) != (len(c.SPS) == 0) || c.Width < 0 || c.Height < 0 || c.Width > 16*maxSideMBs || c.Height > 16*maxSideMBs {
			t.Errorf("size %dx%d of %d SPS", c.Width, c.Height, len(c.SPS))
		}
		if math.IsNaN(c.FrameRate) || c.FrameRate < 0 || c.FrameRate > maxFrameRate {
			t.Errorf("frame rate %v", c.FrameRate)
		}
		if len(c.CodecString) != len("avc1.PPCCLL") || c.NALLengthSize == 3 {
			t.Errorf("codec string %q, NAL length size %d", c.CodecString, c.NALLengthSize)
		}
	})
}

func FuzzNext(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 0x67, 1, 0, 0, 0, 1, 0x68}, 4)
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0x41}, 4)
	f.Fuzz(func(t *testing.T, data []byte, lengthSize int) {
		rest, taken := data, 0
		for {
			nal, more, ok := Next(rest, lengthSize)
			if !ok {
				rest = more
				break
			}
			if len(nal) == 0 || len(more) >= len(rest) {
				t.Fatalf("a unit of %d bytes was read from %d bytes, %d are left", len(nal), len(rest), len(more))
			}
			rest, taken = more, taken+len(nal)
		}
		if taken+len(rest) > len(data) {
			t.Errorf("%d bytes of units and %d left of %d", taken, len(rest), len(data))
		}
	})
}

func FuzzCloser(f *testing.F) {
	for _, name := range openGOPs {
		sps, pps, units := openGOP(f, name)
		for _, u := range units[:min(len(units), 30)] {
			f.Add(sps, pps, units[20], u, uint8(4))
		}
	}
	f.Fuzz(func(t *testing.T, sps, pps, key, data []byte, lengthSize uint8) {
		c, err := NewCloser(sps, [][]byte{pps}, int(lengthSize))
		if err != nil {
			return
		}
		if out, err := c.Close(key); err == nil {
			// A closed picture can be followed, and the same picture can be closed again.
			if _, err := c.Follow(out); err != nil {
				t.Errorf("following the closed picture: %v", err)
			}
			if _, err := c.Close(key); err != nil {
				t.Errorf("closing the picture again: %v", err)
			}
		}
		for _, step := range []func([]byte) ([]byte, error){c.Follow, c.Replace, c.Follow} {
			out, err := step(data)
			if _, ok := errors.AsType[*SyntaxError](err); err != nil && !ok {
				t.Fatalf("error is a %T", err)
			}
			if len(out) > 2*len(data)+20<<10 {
				t.Errorf("%d bytes from a picture of %d", len(out), len(data))
			}
			for nal, rest, ok := Next(out, int(lengthSize)); ok; nal, rest, ok = Next(rest, int(lengthSize)) {
				if len(nal) > len(out) {
					t.Error("a NAL unit is longer than the access unit")
				}
			}
		}
	})
}
