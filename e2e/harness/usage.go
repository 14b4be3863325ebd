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

// parseStat reads fields 5, 14 and 15 of proc(5)'s stat; the second, in brackets, may
// hold spaces.
func parseStat(tb testing.TB, stat string) (ticks float64, group int) {
	tb.Helper()
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+2:])
	group, err := strconv.Atoi(fields[2])
	user, err1 := strconv.ParseFloat(fields[11], 64)
	system, err2 := strconv.ParseFloat(fields[12], 64)
	if err != nil || err1 != nil || err2 != nil {
		tb.Fatalf("stat: %q", stat)
	}
	return user + system, group
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
