package transcode

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"golive/internal/childprocess"
)

// child is a running ffmpeg.
type child struct {
	cmd *exec.Cmd
	// in is its standard input, outs are its outputs, errs is its standard error.
	in   *os.File
	outs []*os.File
	errs *os.File
	// exited is closed when it has exited. err is the result, valid after that.
	exited chan struct{}
	err    error
	killed atomic.Pointer[RestartReason]
}

// startChild starts ffmpeg with a number of outputs. The goroutine is locked to its thread
// until the child has exited.
func startChild(program string, args []string, outputs, niceness int) (*child, error) {
	c := &child{exited: make(chan struct{})}
	cmd := exec.Command(program, args...) //nolint:gosec,noctx // the operator's program; it is killed by group, not by context
	childprocess.Isolate(cmd)
	var theirs, ours []*os.File
	closeAll := func(files []*os.File) {
		for _, f := range files {
			_ = f.Close() // nothing was written
		}
	}
	for range outputs + 2 {
		r, w, err := os.Pipe()
		if err != nil {
			closeAll(theirs)
			closeAll(ours)
			return nil, fmt.Errorf("make a pipe: %w", err)
		}
		if len(ours) == 0 {
			r, w = w, r
		}
		ours, theirs = append(ours, r), append(theirs, w)
	}
	cmd.Stdin, cmd.Stderr, cmd.ExtraFiles = theirs[0], theirs[1], theirs[2:]
	c.cmd, c.in, c.errs, c.outs = cmd, ours[0], ours[1], ours[2:]
	err := cmd.Start()
	closeAll(theirs)
	if err != nil {
		closeAll(ours)
		return nil, err
	}
	// Without the permission the priority stays the same.
	_ = childprocess.LowerPriority(cmd.Process.Pid, niceness)
	return c, nil
}

// wait waits until the child has exited.
func (c *child) wait() {
	c.err = c.cmd.Wait()
	close(c.exited)
}

// kill kills the child and the processes that it has started, unless it has exited.
func (c *child) kill(reason RestartReason) {
	c.killed.CompareAndSwap(nil, &reason)
	select {
	case <-c.exited:
	default:
		_ = childprocess.KillGroup(c.cmd.Process.Pid) // it may have exited meanwhile
	}
}

// close closes our ends of the pipes.
func (c *child) close() {
	for _, f := range append([]*os.File{c.in, c.errs}, c.outs...) {
		_ = f.Close() // in may be closed already
	}
}

// How many lines of standard error are kept, and how long a line may be in bytes.
const (
	firstLines = 5
	lastLines  = 10
	maxLine    = 500
)

// messages keeps the first and the last lines that a child wrote to standard error.
type messages struct {
	mu          sync.Mutex
	first, last []string
	count       int
}

// read reads lines until the end.
func (m *messages) read(r io.Reader, each func(line string)) {
	br := bufio.NewReaderSize(r, maxLine)
	for {
		b, isPrefix, err := br.ReadLine()
		if err != nil {
			return
		}
		line := strings.ToValidUTF8(strings.TrimSpace(string(b)), "?")
		for isPrefix && err == nil {
			_, isPrefix, err = br.ReadLine()
		}
		if line != "" {
			m.add(line)
			each(line)
		}
	}
}

func (m *messages) add(line string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.count++
	if len(m.first) < firstLines {
		m.first = append(m.first, line)
		return
	}
	if len(m.last) == lastLines {
		m.last = append(m.last[:0], m.last[1:]...)
	}
	m.last = append(m.last, line)
}

// newest returns the last line, or "".
func (m *messages) newest() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	if all := slices.Concat(m.first, m.last); len(all) > 0 {
		return all[len(all)-1]
	}
	return ""
}

// String returns the lines, with the number of lines that were left out.
func (m *messages) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	lines := m.first
	if left := m.count - len(m.first) - len(m.last); left > 0 {
		lines = append(slices.Clip(lines), fmt.Sprintf("(%d lines)", left))
	}
	return strings.Join(append(slices.Clip(lines), m.last...), "; ")
}
