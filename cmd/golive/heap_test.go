package main

import "testing"

func TestPercentFor_IsTheGrowthButNotLessThanTheHeadroom(t *testing.T) {
	for live, want := range map[uint64]int{0: 6400, 10 << 20: 640, 64 << 20: 100, 640 << 20: 10, 8 << 30: 5} {
		if got := percentFor(live); got != want {
			t.Errorf("%d live bytes: GOGC=%d, want %d", live, got, want)
		}
	}
}
