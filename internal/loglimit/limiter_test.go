package loglimit

import (
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// lines returns what was logged, a line each.
func lines(log *strings.Builder) []string {
	return strings.Split(strings.TrimSuffix(log.String(), "\n"), "\n")
}

// newLimiter returns a Limiter of so many lines a second, a logger, and what is logged.
func newLimiter(most int) (*Limiter, *slog.Logger, *strings.Builder) {
	var b strings.Builder
	log := slog.New(slog.NewTextHandler(&b, nil))
	return New(log, most), log, &b
}

func TestLimiter_LogsTheFirstAndCountsTheRestEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log, text := newLimiter(2)
		var all sync.WaitGroup
		for range 1000 {
			all.Go(func() { l.Log(log, slog.LevelWarn, "refused", "full", "remote", "a") })
		}
		all.Wait()
		l.Log(log, slog.LevelWarn, "refused", "address")
		time.Sleep(Interval + time.Millisecond)
		l.Log(log, slog.LevelWarn, "refused", "full")
		time.Sleep(Interval)
		synctest.Wait()
		got := lines(text)
		want := []string{"reason=full remote=a", "reason=full remote=a", "reason=address", "count=998", "count=1"}
		if len(got) != len(want) {
			t.Fatalf("%d lines, want %d: %q", len(got), len(want), got)
		}
		for i, w := range want {
			if !strings.HasSuffix(got[i], w) || !strings.Contains(got[i], "level=WARN") {
				t.Errorf("line %d: %q, want %q at its end", i, got[i], w)
			}
		}
	})
}

func TestLimiter_RemovesKindsThatDoNotRecur(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log, text := newLimiter(1)
		for range 3 {
			l.Log(log, slog.LevelInfo, "refused", "now and then")
			time.Sleep(10 * time.Second)
			synctest.Wait()
		}
		if got := lines(text); len(got) != 3 || strings.Contains(text.String(), "more") {
			t.Errorf("lines are %q", got)
		}
		if len(l.kinds) != 0 {
			t.Errorf("%d kinds are kept, want none", len(l.kinds))
		}
	})
}

func TestLimiter_FlushLogsWhatIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, log, text := newLimiter(1)
		for range 5 {
			l.Log(log, slog.LevelInfo, "refused", "often")
		}
		l.Flush()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if got := lines(text); len(got) != 2 || !strings.HasSuffix(got[1], "count=4") {
			t.Errorf("lines are %q", got)
		}
		l.Log(log, slog.LevelInfo, "refused", "often")
		if got := lines(text); len(got) != 3 {
			t.Errorf("lines after a flush are %q", got)
		}
	})
}

func TestLimiter_LogsEveryDebugLine(t *testing.T) {
	var text strings.Builder
	log := slog.New(slog.NewTextHandler(&text, &slog.HandlerOptions{Level: slog.LevelDebug}))
	l := New(log, 1)
	for range 5 {
		l.Log(log, slog.LevelDebug, "refused", "often")
	}
	if got := lines(&text); len(got) != 5 {
		t.Errorf("lines are %q", got)
	}
}
