package h264

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNext_ReadsUnitsOfEveryLengthSize(t *testing.T) {
	for _, c := range []struct {
		name       string
		data       []byte
		lengthSize int
		want       [][]byte
		rest       int // bytes that could not be read
	}{
		{"four bytes", []byte{0, 0, 0, 2, 0x67, 1, 0, 0, 0, 1, 0x68}, 4, [][]byte{{0x67, 1}, {0x68}}, 0},
		{"two bytes", []byte{0, 2, 0x67, 1, 0, 1, 0x68}, 2, [][]byte{{0x67, 1}, {0x68}}, 0},
		{"one byte", []byte{2, 0x67, 1, 1, 0x68}, 1, [][]byte{{0x67, 1}, {0x68}}, 0},
		{"none", nil, 4, nil, 0},
		{"empty units", []byte{0, 0, 0, 0, 0, 0, 0, 1, 0x41, 0, 0, 0, 0}, 4, [][]byte{{0x41}}, 0},
		{"length cut", []byte{0, 0, 0, 1, 0x41, 0, 0}, 4, [][]byte{{0x41}}, 2},
		{"unit cut", []byte{0, 0, 0, 1, 0x41, 0, 0, 0, 2, 0x41}, 4, [][]byte{{0x41}}, 5},
		{"length of 2^32-1", []byte{0xff, 0xff, 0xff, 0xff, 0x41}, 4, nil, 5},
		{"length size of 3", []byte{0, 0, 1, 0x41}, 3, nil, 4},
		{"length size of 0", []byte{0x41}, 0, nil, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			var got [][]byte
			rest := c.data
			for {
				nal, more, ok := Next(rest, c.lengthSize)
				rest = more
				if !ok {
					break
				}
				got = append(got, nal)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("NAL units (-want +got):\n%s", diff)
			}
			if len(rest) != c.rest {
				t.Errorf("%d bytes are left, want %d", len(rest), c.rest)
			}
		})
	}
}

func TestNext_ReturnsUnitsWithLimitedCapacity(t *testing.T) {
	data := []byte{1, 0x41, 1, 0x42}
	nal, _, _ := Next(data, 1)
	_ = append(nal, 0)
	if data[2] != 1 {
		t.Error("appending to a unit wrote over the next one")
	}
}

func TestType_TakesTheLowBits(t *testing.T) {
	for want, nal := range map[NALType][]byte{
		0: nil, NonIDR: {0x41}, IDR: {0x65}, SEI: {0x06}, SPS: {0x67}, PPS: {0x68}, AUD: {0x09, 0xf0},
	} {
		if got := Type(nal); got != want {
			t.Errorf("type of % x is %d, want %d", nal, got, want)
		}
	}
}
