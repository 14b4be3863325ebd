package harness

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// ticksPerSecond is the unit of CPU time in /proc, fixed for user space.
const ticksPerSecond = 100

// CPUSeconds returns the CPU time that the process group of a process has used so far, in user
// and system mode. Linux only.
func CPUSeconds(tb testing.TB, pid int) float64 {
	tb.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		tb.Fatal(err)
	}
	var ticks float64
	found := false
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			continue // it has exited meanwhile
		}
		used, group := parseStat(tb, string(text))
		if self := file == fmt.Sprintf("/proc/%d/stat", pid); self || group == pid {
			ticks += used
			found = found || self
		}
	}
	if !found {
		tb.Fatalf("process %d is gone", pid)
	}
	return ticks / ticksPerSecond
}

// CPUSecondsWithChildren returns the CPU time that a process and the children that it has waited for
// have used so far, in user and system mode. Linux only.
func CPUSecondsWithChildren(tb testing.TB, pid int) float64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		tb.Fatal(err)
	}
	return sumTicks(tb, statFields(string(text))[11:15]) / ticksPerSecond
}

// parseStat reads fields 5, 14 and 15 of proc(5)'s stat.
func parseStat(tb testing.TB, stat string) (ticks float64, group int) {
	tb.Helper()
	fields := statFields(stat)
	group, err := strconv.Atoi(fields[2])
	if err != nil {
		tb.Fatalf("stat: %q", stat)
	}
	return sumTicks(tb, fields[11:13]), group
}

// statFields returns the fields of stat from the third on; the second, in brackets, may hold spaces.
func statFields(stat string) []string {
	return strings.Fields(stat[strings.LastIndexByte(stat, ')')+2:])
}

func sumTicks(tb testing.TB, fields []string) (sum float64) {
	tb.Helper()
	for _, field := range fields {
		ticks, err := strconv.ParseFloat(field, 64)
		if err != nil {
			tb.Fatalf("stat: %q", fields)
		}
		sum += ticks
	}
	return sum
}

// ResidentBytes returns the resident memory of a process. Linux only.
func ResidentBytes(tb testing.TB, pid int) float64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		tb.Fatal(err)
	}
	pages, err := strconv.ParseFloat(strings.Fields(string(text))[1], 64)
	if err != nil {
		tb.Fatal(err)
	}
	return pages * float64(os.Getpagesize())
}
