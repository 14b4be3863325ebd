//go:build !linux

package childprocess

import (
	"os"
	"os/exec"
	"time"
)

// Isolate does nothing: only Linux can send a child a signal when its parent exits. Without one,
// ffmpeg exits at the end of its input.
func Isolate(*exec.Cmd) {}

// LowerPriority does nothing.
func LowerPriority(int, int) error { return nil }

// KillGroup kills a process that was not waited for.
func KillGroup(pid int) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Kill()
}

// Usage is the state of a process, which is known on Linux only.
type Usage struct {
	Stopped bool
	CPU     time.Duration
}

// UsageOf returns false.
func UsageOf(int) (u Usage, ok bool) { return u, false }
