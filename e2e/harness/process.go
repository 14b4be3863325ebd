package harness

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Process is a program at work.
type Process struct {
	// Logs is what it wrote, to both outputs.
	Logs *Log

	tb     testing.TB
	cmd    *exec.Cmd
	target int           // whom a signal is for: a process, or -1 times its group
	done   chan struct{} // closed when it has ended, after which err is set
	err    error
}

// Launch starts a program in a process group of its own, with env beside the test's
// environment. The test's end kills the whole group.
func Launch(tb testing.TB, env []string, args ...string) *Process {
	tb.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(cmd.Environ(), env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	p := begin(tb, cmd, &Log{})
	p.target = -p.target
	tb.Cleanup(p.Kill)
	return p
}

// begin starts cmd; the caller sees to its end. Not CommandContext with the test's
// context: that one is cancelled before Cleanup, and would kill what should stop by
// itself.
func begin(tb testing.TB, cmd *exec.Cmd, logs *Log) *Process {
	tb.Helper()
	cmd.Stdout, cmd.Stderr = logs, logs
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	p := &Process{Logs: logs, tb: tb, cmd: cmd, target: cmd.Process.Pid, done: make(chan struct{})}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	return p
}

// Publish is an ffmpeg that publishes a file in real time, as it is. Options come
// before the input.
func Publish(tb testing.TB, file, url string, options ...string) *Process {
	tb.Helper()
	args := append([]string{"ffmpeg", "-v", "warning", "-nostdin", "-re"}, options...)
	return Launch(tb, nil, append(args, "-i", file, "-c", "copy", "-f", "flv", url)...)
}

// PublishLooped repeats the file for ever, with growing timestamps.
func PublishLooped(tb testing.TB, file, url string) *Process {
	tb.Helper()
	return Publish(tb, file, url, "-stream_loop", "-1")
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends the whole group a signal; a group that is gone takes none.
func (p *Process) Signal(sig syscall.Signal) { _ = syscall.Kill(p.target, sig) }

// Kill ends the process without a word to its peers.
func (p *Process) Kill() {
	select {
	case <-p.done:
	default:
		p.Signal(syscall.SIGKILL)
		<-p.done
	}
}

// Quit ends a publication cleanly, as a person who presses q.
func (p *Process) Quit() {
	p.tb.Helper()
	p.Signal(syscall.SIGINT)
	select {
	case <-p.done: // the status after a signal says nothing
	case <-time.After(Patience(10 * time.Second)):
		p.tb.Errorf("%s did not stop on SIGINT:\n%s", p.name(), p.Logs)
		p.Kill()
	}
}

// Wait waits for the process's own end, which must be a good one.
func (p *Process) Wait(limit time.Duration) {
	p.tb.Helper()
	if err := p.end(Patience(limit)); err != nil {
		p.tb.Fatalf("%s: %v\n%s", p.name(), err, p.Logs)
	}
}

// end waits for the process's end: nil is exit code 0. When limit has passed it is
// killed.
func (p *Process) end(limit time.Duration) error {
	select {
	case <-p.done:
		return p.err
	case <-time.After(limit):
		p.Kill()
		return fmt.Errorf("killed after %v: %w", limit, p.err)
	}
}

func (p *Process) name() string { return filepath.Base(p.cmd.Path) }

// Run runs a command and returns what it wrote to its standard output.
func Run(tb testing.TB, args ...string) []byte {
	tb.Helper()
	out, _ := runBoth(tb, args...)
	return out
}

func runBoth(tb testing.TB, args ...string) (stdout, stderr []byte) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		tb.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out.Bytes(), errs.Bytes()
}
