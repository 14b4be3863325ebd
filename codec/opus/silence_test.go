package opus_test

import (
	"testing"

	"golive/codec/opus"
)

func TestSilence_HasTheRequestedDuration(t *testing.T) {
	for _, want := range []int{120, 240, 480, 960} {
		for channels, stereo := range map[int]byte{1: 0, 2: 4} {
			p := opus.Silence(channels, want)
			if n, err := opus.Samples(p); n != want || err != nil || p[0]&4 != stereo {
				t.Errorf("%d channels: packet % x has %d samples, want %d: %v", channels, p, n, want, err)
			}
		}
	}
	if p := opus.Silence(2, 1920); p != nil {
		t.Errorf("40 ms: packet % x, want none", p)
	}
	if p := opus.Silence(6, 960); p != nil {
		t.Errorf("six channels: packet % x, want none", p)
	}
}
