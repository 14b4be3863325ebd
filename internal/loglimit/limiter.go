package loglimit

import (
	"log/slog"
	"sync"
	"time"
)

// Interval is how often the number of further lines is logged.
const Interval = time.Second

// Limiter logs the first lines of each kind, and then each second the number of further
// ones. It may be used by many goroutines.
type Limiter struct {
	log     *slog.Logger // for the counts
	perKind int          // number of lines of one kind that are logged before the rest is counted

	mu    sync.Mutex
	kinds map[string]*kind
}

// kind is the state of one kind of line.
type kind struct {
	timer      *time.Timer
	logged     int // number of logged lines; decremented in each Interval without further ones
	suppressed int // further lines since the timer last fired
}

// New returns a Limiter that logs up to most lines of a kind, and the numbers of the others
// to log.
func New(log *slog.Logger, most int) *Limiter {
	return &Limiter{log: log, perKind: most, kinds: map[string]*kind{}}
}

// Log logs the line to log, or counts it. Lines at debug level are always logged.
func (l *Limiter) Log(log *slog.Logger, level slog.Level, msg, reason string, attrs ...any) {
	attrs = append([]any{"reason", reason}, attrs...)
	if level < slog.LevelInfo {
		Write(log, level, msg, attrs...)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	name := msg + " " + reason
	k := l.kinds[name]
	if k == nil {
		k = &kind{}
		l.kinds[name] = k
		k.timer = time.AfterFunc(Interval, func() { l.logSuppressed(name, k, level, msg, reason) })
	}
	if k.logged >= l.perKind {
		k.suppressed++
		return
	}
	k.logged++
	Write(log, level, msg, attrs...)
}

// logSuppressed logs the number of further lines of k, and resets it.
func (l *Limiter) logSuppressed(name string, k *kind, level slog.Level, msg, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.kinds[name] != k: // flushed
		return
	case k.suppressed > 0:
		Write(l.log, level, msg+", and more like it", "reason", reason, "count", k.suppressed)
		k.suppressed = 0
	default:
		k.logged--
	}
	if k.logged == 0 {
		delete(l.kinds, name)
		return
	}
	k.timer.Reset(Interval)
}

// Flush logs the numbers of further lines, and stops the timers. The Limiter may be used
// again.
func (l *Limiter) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for name, k := range l.kinds {
		k.timer.Stop()
		if k.suppressed > 0 {
			l.log.Info("lines suppressed", "kind", name, "count", k.suppressed)
		}
	}
	clear(l.kinds)
}

// Write logs one line at a variable level, without a context.
func Write(log *slog.Logger, level slog.Level, msg string, attrs ...any) {
	write := log.Info
	switch level {
	case slog.LevelDebug:
		write = log.Debug
	case slog.LevelWarn:
		write = log.Warn
	case slog.LevelError:
		write = log.Error
	default:
	}
	write(msg, attrs...)
}
