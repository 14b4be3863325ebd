package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcGrowth is how much the heap may grow before it is collected, in percent. Most
	// of it is slabs without pointers, which cost the collector nothing to keep:
	// against 25, 5 takes a sixth less memory for no more CPU time (make bench-cost),
	// and memory is what limits the number of streams.
	gcGrowth = 5
	// maxGCHeadroom is the least that it may grow, in bytes, where there is memory
	// enough. Each request makes garbage, and each collection looks at the stack of
	// each viewer: a tenth of a small heap was collected 27 times a second for 1,000
	// viewers, at a third of all CPU time.
	maxGCHeadroom = 64 << 20
	// minGCHeadroom is the least that it may grow on the smallest machine, in bytes.
	minGCHeadroom = 8 << 20
	// headroomShare is the share of the memory that the headroom may have.
	headroomShare = 16
	// runtimeMinimum is the heap, in bytes, that the runtime lets be for GOGC=100
	// however little of it is live; it grows with GOGC.
	runtimeMinimum = 4 << 20
	// gcInterval is how often the live heap is measured.
	gcInterval = time.Second
)

// tuneGC has the garbage collected by gcGrowth and the headroom, and keeps to the
// memory of the control group, until ctx is done. GOGC and GOMEMLIMIT in the
// environment overrule it: the operator knows better.
func tuneGC(ctx context.Context) {
	limit := memoryLimit(os.DirFS("/"))
	if os.Getenv("GOMEMLIMIT") == "" && limit.group > 0 {
		// What is not Go's needs some of it: thread stacks, files that are mapped.
		debug.SetMemoryLimit(limit.group / 10 * 9)
	}
	if os.Getenv("GOGC") != "" {
		return
	}
	headroom := gcHeadroom(min(limit.available(), debug.SetMemoryLimit(-1)))
	samples := []metrics.Sample{
		{Name: "/gc/heap/live:bytes"},
		{Name: "/gc/scan/stack:bytes"},
		{Name: "/gc/scan/globals:bytes"},
	}
	tick := time.NewTicker(gcInterval)
	defer tick.Stop()
	for percent := 0; ; {
		metrics.Read(samples)
		var reachable uint64
		for _, s := range samples {
			reachable += s.Value.Uint64()
		}
		// A change stops the world for a moment: not for trifles.
		if want := gcPercent(reachable, headroom); want > percent+percent/8 || want < percent-percent/8 {
			percent = want
			debug.SetGCPercent(percent)
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// gcHeadroom returns how much garbage may lie about where so much memory can be had.
func gcHeadroom(available int64) uint64 {
	return uint64(min(max(available/headroomShare, minGCHeadroom), maxGCHeadroom))
}

// gcPercent returns GOGC for so many reachable bytes: live heap, stacks and globals,
// as the runtime counts them.
func gcPercent(reachable, headroom uint64) int {
	return max(gcGrowth, int(headroom*100/max(reachable, runtimeMinimum)))
}
