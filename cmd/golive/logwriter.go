package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	// maxPendingLog is the maximum size of the buffered log, in bytes.
	maxPendingLog = 1 << 20
	// logFlushTimeout is how long the process waits at its end for the log to be written.
	logFlushTimeout = time.Second
	// lostLinesInterval is how often lost lines are logged.
	lostLinesInterval = time.Second
)

// logWriter is an io.Writer that never blocks and never fails, so that no broadcaster or
// viewer waits for the reader of the log. Lines that are written faster than they are read,
// or cannot be written (the pipe is closed, the disk is full), are dropped and counted.
type logWriter struct {
	to   io.Writer
	wake chan struct{} // has an element while there may be something to write
	done chan struct{} // closed when everything was written after Close

	mu       sync.Mutex
	pending  []byte
	closed   bool
	lost     int  // dropped lines
	reported int  // dropped lines that were logged
	failing  bool // the last write failed
}

// newLogWriter returns a logWriter that writes to w in the background until it is closed.
func newLogWriter(w io.Writer) *logWriter {
	l := &logWriter{to: w, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go l.run()
	return l
}

// Write implements io.Writer. p must be one or more whole lines.
func (l *logWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	if l.closed || len(l.pending)+len(p) > maxPendingLog {
		l.lost += lines(p)
	} else {
		l.pending = append(l.pending, p...)
	}
	l.mu.Unlock()
	l.signal()
	return len(p), nil
}

// Close writes what is pending, waiting at most logFlushTimeout.
func (l *logWriter) Close() {
	l.mu.Lock()
	l.closed = true
	l.mu.Unlock()
	l.signal()
	select {
	case <-l.done:
	case <-time.After(logFlushTimeout):
	}
}

// Lost returns the number of dropped lines.
func (l *logWriter) Lost() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.lost
}

// logLost logs, until ctx is done, how many lines were dropped, once lines can be written
// again.
func (l *logWriter) logLost(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(lostLinesInterval)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			if n := l.takeUnreported(); n > 0 {
				log.Warn("log lines were lost", "lines", n, "hint", "the reader of golive's stderr was too slow, closed it, or its disk was full")
			}
		case <-ctx.Done():
			return
		}
	}
}

// takeUnreported returns the number of lines that were dropped since its last call; 0 as long as
// another line would be dropped as well.
func (l *logWriter) takeUnreported() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failing || len(l.pending) > maxPendingLog/2 {
		return 0
	}
	n := l.lost - l.reported
	l.reported = l.lost
	return n
}

func (l *logWriter) signal() {
	select {
	case l.wake <- struct{}{}:
	default:
	}
}

// run writes what is pending until the writer is closed.
func (l *logWriter) run() {
	defer close(l.done)
	var batch []byte
	torn := false // the last line was written partly
	for range l.wake {
		l.mu.Lock()
		batch, l.pending = l.pending, batch[:0]
		closed := l.closed
		l.mu.Unlock()
		if len(batch) > 0 {
			torn = l.write(batch, torn)
		}
		if closed {
			return
		}
	}
}

// write writes the lines of batch, counts those that were dropped, and reports whether the
// last one is incomplete.
func (l *logWriter) write(batch []byte, torn bool) bool {
	if torn {
		if _, err := l.to.Write([]byte("\n")); err == nil {
			torn = false
		}
	}
	n, err := 0, io.ErrShortWrite
	if !torn {
		n, err = l.to.Write(batch)
		torn = n > 0 && batch[n-1] != '\n'
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failing = err != nil
	l.lost += lines(batch[n:])
	return torn
}

// lines returns the number of lines in p, the last of which may be incomplete.
func lines(p []byte) int {
	n := bytes.Count(p, []byte("\n"))
	if len(p) > 0 && p[len(p)-1] != '\n' {
		n++
	}
	return n
}
