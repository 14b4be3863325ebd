package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// logFile is the destination of a log. Its writes can block, or fail.
type logFile struct {
	mu     sync.Mutex
	stop   chan struct{} // nil while writes do not block
	room   int           // bytes that are taken before err
	err    error
	taken  bytes.Buffer
	writes int
}

func (r *logFile) Write(p []byte) (int, error) {
	r.mu.Lock()
	stop := r.stop
	r.mu.Unlock()
	if stop != nil {
		<-stop
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.writes++
	if r.err == nil {
		return r.taken.Write(p)
	}
	n := min(len(p), r.room)
	r.room -= n
	r.taken.Write(p[:n])
	return n, r.err
}

func (r *logFile) set(change func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change()
}

func (r *logFile) text() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.taken.String()
}

func line(t *testing.T, w io.Writer, text string) {
	t.Helper()
	if n, err := io.WriteString(w, text+"\n"); n != len(text)+1 || err != nil {
		t.Errorf("write of %q: %d, %v", text, n, err)
	}
}

func TestLogWriter_WritesEverythingBeforeItCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var r logFile
		l := newLogWriter(&r)
		for range 1000 {
			line(t, l, "golive started")
		}
		l.Close()
		if n := strings.Count(r.text(), "golive started\n"); n != 1000 || l.Lost() != 0 {
			t.Errorf("%d lines were written, %d lost, of 1000", n, l.Lost())
		}
		line(t, l, "too late")
		if l.Lost() != 1 {
			t.Errorf("%d lines lost, want that after the end", l.Lost())
		}
	})
}

func TestLogWriter_StoppedReaderDoesNotBlockAndLinesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := logFile{stop: make(chan struct{})}
		l := newLogWriter(&r)
		line(t, l, "first")
		synctest.Wait()
		long := strings.Repeat("x", 1<<10)
		for range 3 << 10 {
			line(t, l, long)
		}
		if lost := l.Lost(); lost < 2<<10 || lost > 2<<10+10 {
			t.Errorf("%d lines lost, want those over 1 MiB", lost)
		}
		began := time.Now()
		l.Close()
		if d := time.Since(began); d != logFlushTimeout {
			t.Errorf("the end waited for %s, want %s", d, logFlushTimeout)
		}
		close(r.stop)
	})
}

func TestLogWriter_LogsLostLinesWhenWritingSucceedsAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := logFile{err: errors.New("no space left on device"), room: 3}
		l := newLogWriter(&r)
		log := slog.New(slog.NewTextHandler(l, nil))
		stop := runInBackground(t.Context(), func(ctx context.Context) { l.logLost(ctx, log) })
		defer l.Close()
		defer stop()
		for range 5 {
			line(t, l, "lost")
			synctest.Wait()
		}
		time.Sleep(time.Minute)
		if r.text() != "los" || r.writes > 10 || l.Lost() != 5 {
			t.Errorf("%q in %d writes, %d lost; want no line about lines that is lost itself", r.text(), r.writes, l.Lost())
		}
		r.set(func() { r.err = nil })
		line(t, l, "taken")
		time.Sleep(2 * lostLinesInterval)
		// The line that was cut has its end first.
		if text := r.text(); !strings.HasPrefix(text, "los\ntaken\n") || strings.Count(text, "log lines were lost") != 1 || !strings.Contains(text, "lines=5") {
			t.Errorf("the log is %q", text)
		}
	})
}
