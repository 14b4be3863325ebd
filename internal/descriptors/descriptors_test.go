package descriptors

import (
	"math"
	"testing"
)

func TestDivide_LeavesSomeForTheServerItself(t *testing.T) {
	for _, limit := range []int{64, 100, 256, 1024, 4096, 20_000, 65_536, 1 << 20, math.MaxInt} {
		s := Divide(limit)
		left := s.All - s.HTTP - s.RTMP - s.Reads
		if left < 32 || left < s.All/8 || s.Admin > left/2 {
			t.Errorf("%d: %d are left, %+v", limit, left, s)
		}
		if s.HTTP < s.All/4 || s.RTMP < 8 || s.Reads < 4 || s.Admin < 4 {
			t.Errorf("%d: somebody gets too few: %+v", limit, s)
		}
	}
}

func TestDivide_DividesVeryFewDescriptors(t *testing.T) {
	for limit := range 64 {
		if s := Divide(limit); s.HTTP < 1 || s.RTMP < 1 || s.Reads < 1 || s.Admin < 1 {
			t.Errorf("%d: %+v", limit, s)
		}
	}
}

func TestLimit_IsSomething(t *testing.T) {
	if n := Limit(); n < 16 || n > maxLimit {
		t.Errorf("%d", n)
	}
}
