package main

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// growth is how much the heap may grow before it is collected, in percent. Most of
	// it is slabs without pointers, which cost the collector nothing to keep: against
	// 25, 5 takes a sixth less memory for no more CPU time (make bench-cost), and memory
	// is what limits the number of streams.
	growth = 5
	// headroom is the least that it may grow, in bytes. Each request makes garbage,
	// and each collection looks at the stack of each viewer: a tenth of a small heap
	// was collected 27 times a second for 1,000 viewers, at a third of all CPU time.
	headroom = 64 << 20
	// lookEvery is how often what is live is looked at.
	lookEvery = time.Second
)

// tendHeap has the garbage collected by growth and headroom until stop is called.
func tendHeap(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var tending sync.WaitGroup
	tending.Go(func() {
		live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for percent := 0; ; {
			metrics.Read(live)
			// A change stops the world for a moment: not for trifles.
			if want := percentFor(live[0].Value.Uint64()); want > percent+percent/8 || want < percent-percent/8 {
				percent = want
				debug.SetGCPercent(percent)
			}
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		tending.Wait()
	}
}

// percentFor is GOGC for so many live bytes.
func percentFor(live uint64) int { return max(growth, int(headroom*100/max(live, 1<<20))) }
