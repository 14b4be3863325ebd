package hlscheck

import (
	"testing"
	"time"
)

func TestRendition_MeasuresBitRates(t *testing.T) {
	segment := func(msn int64, ms, size int) *FetchedSegment {
		return &FetchedSegment{Segment: Segment{MSN: msn, Duration: time.Duration(ms) * time.Millisecond}, Size: size}
	}
	r := &Rendition{
		Last: &Media{TargetDuration: 2 * time.Second, MediaSequence: 1},
		Segments: []*FetchedSegment{
			segment(0, 2000, 9_000_000), // left the list
			segment(1, 2000, 1000),      // 4 kbit/s
			segment(2, 500, 1000),       // too short to count alone; with its neighbour 6.4 kbit/s
			segment(3, 2000, 1000),
			segment(4, 2000, 0),   // not fetched
			segment(5, 900, 1000), // no neighbour
		},
	}
	peak, average, length := r.bitRates()
	if peak != 6400 || length != 5400*time.Millisecond || average != 4000*8*10/54 {
		t.Errorf("peak %d, average %d over %v", peak, average, length)
	}
}
