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

// Process is a running program.
type Process struct {
	// Logs holds its standard output and standard error.
	Logs *Log

	tb     testing.TB
	cmd    *exec.Cmd
	target int           // target of signals: a process, or -1 times its group
	done   chan struct{} // closed when it has ended, after which err is set
	err    error
}

// Launch starts a program in its own process group, with env added to the test's environment.
// The end of the test kills the whole group.
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

// begin starts cmd; the caller must end it. It does not use CommandContext with the test's
// context, which is cancelled before Cleanup and would kill a process that should stop by
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

// Publish starts an ffmpeg that publishes a file in real time without transcoding. options are
// input options.
func Publish(tb testing.TB, file, url string, options ...string) *Process {
	tb.Helper()
	args := append([]string{"ffmpeg", "-v", "warning", "-nostdin", "-re"}, options...)
	return Launch(tb, nil, append(args, "-i", file, "-c", "copy", "-f", "flv", url)...)
}

// PublishLooped publishes the file in a loop, with increasing timestamps.
func PublishLooped(tb testing.TB, file, url string) *Process {
	tb.Helper()
	return Publish(tb, file, url, "-stream_loop", "-1")
}

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done returns a channel that is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends a signal to the process group, if it still exists.
func (p *Process) Signal(sig syscall.Signal) { _ = syscall.Kill(p.target, sig) }

// Kill kills the process.
func (p *Process) Kill() {
	select {
	case <-p.done:
	default:
		p.Signal(syscall.SIGKILL)
		<-p.done
	}
}

// Quit stops an encoder cleanly.
func (p *Process) Quit() {
	p.tb.Helper()
	p.Signal(syscall.SIGINT)
	select {
	case <-p.done: // the status after a signal is not meaningful
	case <-time.After(Timeout(10 * time.Second)):
		p.tb.Errorf("%s did not stop on SIGINT:\n%s", p.name(), p.Logs)
		p.Kill()
	}
}

// Wait waits until the process exits, which must be with status 0.
func (p *Process) Wait(limit time.Duration) {
	p.tb.Helper()
	if err := p.end(Timeout(limit)); err != nil {
		p.tb.Fatalf("%s: %v\n%s", p.name(), err, p.Logs)
	}
}

// end waits until the process exits, and returns nil for exit code 0. It kills the process
// after limit.
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
