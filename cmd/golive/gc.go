package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcGrowth is how much a large heap may grow before a collection, in percent. Most of it
	// is slabs without pointers, which the collector does not scan: compared with 25, 5 takes
	// a sixth less memory for no more CPU time (make bench-cost), and memory limits the number
	// of streams.
	gcGrowth = 5
	// gcModerateGrowth is the same while it is at most gcModerateLimit times the headroom. The heap
	// of 100 streams with low latency has 2 GiB: with 5 instead of 10 it is collected twice as
	// often, which takes an eighth of the CPU time, for 4 percent less memory.
	gcModerateGrowth = 10
	gcModerateLimit  = 3
	// maxGCHeadroom is the least growth before a collection, in bytes, if there is enough
	// memory. Each request makes garbage, and each collection scans the stack of each
	// viewer: with a growth of a tenth of a small heap there were 27 collections a second
	// for 1,000 viewers, a third of all CPU time.
	maxGCHeadroom = 64 << 20
	// minGCHeadroom is the same on the smallest machine, in bytes.
	minGCHeadroom = 8 << 20
	// headroomShare limits the headroom to 1/headroomShare of the memory.
	headroomShare = 16
	// runtimeMinimum is the heap size, in bytes, below which the runtime does not collect
	// with GOGC=100; it is proportional to GOGC.
	runtimeMinimum = 4 << 20
	// gcInterval is how often the live heap is measured.
	gcInterval = time.Second
)

// tuneGC adjusts the garbage collector to the growth and the headroom, and sets its memory
// limit from the control group, until ctx is done. GOGC and GOMEMLIMIT in the environment
// take precedence.
func tuneGC(ctx context.Context) {
	limit := memoryLimit(os.DirFS("/"))
	if os.Getenv("GOMEMLIMIT") == "" && limit.group > 0 {
		// Memory outside the Go heap needs some of it: thread stacks, mapped files.
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
		// A change stops the world for a moment: skip small ones.
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

// gcHeadroom returns the headroom in bytes for the available memory.
func gcHeadroom(available int64) uint64 {
	return uint64(min(max(available/headroomShare, minGCHeadroom), maxGCHeadroom))
}

// gcPercent returns GOGC for the number of reachable bytes: live heap, stacks and globals, as
// the runtime counts them.
func gcPercent(reachable, headroom uint64) int {
	reachable = max(reachable, runtimeMinimum)
	growth := max(headroom, min(reachable*gcModerateGrowth/100, headroom*gcModerateLimit))
	return max(gcGrowth, int(growth*100/reachable))
}
