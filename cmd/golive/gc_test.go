package main

import (
	"math"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/fstest"
)

func TestGCPercent_IsTheGrowthButNotLessThanTheHeadroom(t *testing.T) {
	for reachable, want := range map[uint64]int{0: 1600, 1 << 20: 1600, 10 << 20: 640, 64 << 20: 100, 640 << 20: 10, 1920 << 20: 10, 3840 << 20: 5, 8 << 30: 5} {
		if got := gcPercent(reachable, maxGCHeadroom); got != want {
			t.Errorf("%d reachable bytes: GOGC=%d, want %d", reachable, got, want)
		}
	}
}

// The runtime's own minimum of the heap grows with GOGC: 4 MiB for 100.
func TestGCPercent_FirstCollectionIsAtTheHeadroom(t *testing.T) {
	for _, available := range []int64{64 << 20, 256 << 20, 512 << 20, 1 << 30, 64 << 30} {
		headroom := gcHeadroom(available)
		if first := uint64(gcPercent(0, headroom)) * runtimeMinimum / 100; first > headroom {
			t.Errorf("with %d MiB the first collection is at a heap of %d MiB, want %d", available>>20, first>>20, headroom>>20)
		}
	}
}

func TestGCPercent_GoalOfTheRuntimeIsBounded(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent(0, maxGCHeadroom)))
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	// A small live heap and the stacks and globals of this test are in it, too.
	if most := uint64(maxGCHeadroom + 64<<20); m.NextGC > most {
		t.Errorf("the next collection is at %d MiB, want %d at most", m.NextGC>>20, most>>20)
	}
}

func TestGCHeadroom_IsAShareOfASmallMachine(t *testing.T) {
	for available, want := range map[int64]uint64{
		64 << 20:      minGCHeadroom,
		256 << 20:     16 << 20,
		512 << 20:     32 << 20,
		1 << 30:       maxGCHeadroom,
		math.MaxInt64: maxGCHeadroom,
	} {
		if got := gcHeadroom(available); got != want {
			t.Errorf("of %d bytes: headroom %d, want %d", available, got, want)
		}
	}
}

func TestMemoryLimit_IsTheLeastOfAllGroupsAround(t *testing.T) {
	const meminfo = "MemTotal:        1048576 kB\nMemFree:          1000 kB\n"
	tests := []struct {
		name  string
		files map[string]string
		want  machineMemory
		least int64
	}{
		{"nothing is known", nil, machineMemory{}, math.MaxInt64},
		{"machine without a limit", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/user.slice\n", "sys/fs/cgroup/user.slice/memory.max": "max\n",
		}, machineMemory{total: 1 << 30}, 1 << 30},
		{"systemd's MemoryMax of a slice around the service", map[string]string{
			"proc/meminfo": meminfo, "proc/self/cgroup": "0::/video.slice/golive.service\n",
			"sys/fs/cgroup/video.slice/golive.service/memory.max": "max\n", "sys/fs/cgroup/video.slice/memory.max": "268435456\n",
		}, machineMemory{total: 1 << 30, group: 256 << 20}, 256 << 20},
		{"container with its own root", map[string]string{
			"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "134217728\n",
		}, machineMemory{group: 128 << 20}, 128 << 20},
		{"version 1, with the host's path in a container", map[string]string{
			"proc/self/cgroup":                           "12:cpu,cpuacct:/docker/abc\n11:memory:/docker/abc\n1:name=systemd:/docker/abc\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "536870912\n",
		}, machineMemory{group: 512 << 20}, 512 << 20},
		{"version 1 without a limit", map[string]string{
			"proc/self/cgroup":                           "4:memory:/\n",
			"sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
		}, machineMemory{}, math.MaxInt64},
		{"lines that make no sense", map[string]string{
			"proc/meminfo": "MemTotal:\nMemTotal: much kB\n", "proc/self/cgroup": "\n0\n::\nx:memory\n", "sys/fs/cgroup/memory.max": "-5\n",
		}, machineMemory{}, math.MaxInt64},
	}
	for _, test := range tests {
		root := fstest.MapFS{}
		for name, text := range test.files {
			root[name] = &fstest.MapFile{Data: []byte(text)}
		}
		got := memoryLimit(root)
		if got != test.want || got.available() != test.least {
			t.Errorf("%s: %+v, available %d; want %+v, %d", test.name, got, got.available(), test.want, test.least)
		}
	}
}
