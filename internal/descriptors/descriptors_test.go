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
			t.Errorf("limit %d leaves %d descriptors to the server itself, too few: %+v", limit, left, s)
		}
		if s.HTTP < s.All/4 || s.RTMP < 8 || s.Reads < 4 || s.Admin < 4 {
			t.Errorf("limit %d: a share is too small: %+v", limit, s)
		}
	}
}

func TestDivide_DividesVeryFewDescriptors(t *testing.T) {
	for limit := range 64 {
		if s := Divide(limit); s.HTTP < 1 || s.RTMP < 1 || s.Reads < 1 || s.Admin < 1 {
			t.Errorf("limit %d: shares are %+v, want at least 1 each", limit, s)
		}
	}
}

func TestLimit_IsWithinItsBounds(t *testing.T) {
	if n := Limit(); n < 16 || n > maxLimit {
		t.Errorf("limit is %d, want from 16 to %d", n, maxLimit)
	}
}
