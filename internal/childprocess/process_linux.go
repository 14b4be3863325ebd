package childprocess

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Isolate runs the command in a new process group, and has the kernel kill the child when the
// thread that starts it ends. The caller must lock its goroutine to the thread.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}

// LowerPriority sets the niceness of a process that was just started. The threads that it starts
// inherit it.
func LowerPriority(pid, niceness int) error {
	return unix.Setpriority(unix.PRIO_PROCESS, pid, niceness)
}

// KillGroup kills the process group of a process that was not waited for.
func KillGroup(pid int) error {
	err := unix.Kill(-pid, unix.SIGKILL)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

// Usage is the state of a process, from /proc/PID/stat (proc(5)).
type Usage struct {
	// Stopped is set if a signal has stopped it.
	Stopped bool
	// CPU is the processor time that it has used.
	CPU time.Duration
}

// UsageOf returns the state of a process.
func UsageOf(pid int) (u Usage, ok bool) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return u, false
	}
	// The name, in parentheses, may have spaces.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	const state, user, system = 0, 11, 12 // fields 3, 14 and 15
	if len(fields) <= system {
		return u, false
	}
	u.Stopped = fields[state][0] == 'T'
	const tick = time.Second / 100 // USER_HZ, the same in all Linux systems
	for _, f := range []int{user, system} {
		n, err := strconv.ParseInt(string(fields[f]), 10, 64)
		if err != nil {
			return u, false
		}
		u.CPU += time.Duration(n) * tick
	}
	return u, true
}
