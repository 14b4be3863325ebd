//go:build !linux

package transcode

import (
	"os"
	"os/exec"
	"time"
)

// isolate does nothing: only Linux ends a child when its parent is gone. Elsewhere ffmpeg ends
// when it reads the end of its input.
func isolate(*exec.Cmd) {}

func lowerPriority(int, int) error { return nil }

// killGroup kills a process that was not waited for.
func killGroup(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// processUsage is the state of a process, which is known on Linux only.
type processUsage struct {
	stopped bool
	cpu     time.Duration
}

func usageOf(int) (u processUsage, ok bool) { return u, false }
