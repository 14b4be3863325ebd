package harness

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// Sleep stops the browser with all its processes for d, as a computer that sleeps does. Linux
// only.
func (b *Browser) Sleep(tb testing.TB, d time.Duration) {
	tb.Helper()
	b.SleepDuring(func() { Pause(tb.Context(), d) })
}

// SleepDuring is like Sleep, but lasts until call returns.
func (b *Browser) SleepDuring(call func()) {
	pids := descendants(chromedp.FromContext(b.ctx).Browser.Process().Pid)
	signal := func(sig syscall.Signal) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, sig) // it may have exited
		}
	}
	signal(syscall.SIGSTOP)
	defer signal(syscall.SIGCONT)
	call()
}

// descendants returns a process and all that it started.
func descendants(pid int) []int {
	children := map[int][]int{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue // it has exited meanwhile
		}
		// Fields 1 and 4 of proc(5)'s stat; the second, in brackets, may hold spaces.
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+2:]))
		parent, err2 := strconv.Atoi(fields[1])
		if err == nil && err2 == nil {
			children[parent] = append(children[parent], child)
		}
	}
	all := []int{pid}
	for i := 0; i < len(all); i++ {
		all = append(all, children[all[i]]...)
	}
	return all
}
