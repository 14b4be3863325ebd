package ingest

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// logEvery is how often the lines of one kind are summed up.
	logEvery = time.Second
	// logFull is how many lines of one kind are logged before that.
	logFull = 10
)

// LogLimiter logs the first lines of one kind, and then each second how many more there
// were: peers can cause any number of them. It may be used by many goroutines.
type LogLimiter struct {
	log *slog.Logger // for the counts

	mu    sync.Mutex
	kinds map[string]*lineKind
}

// lineKind is what lines of one message and one reason have in common.
type lineKind struct {
	timer *time.Timer
	full  int // lines logged; each second without more of them takes one off
	more  int // lines counted since the timer fired
}

// NewLogLimiter returns a limiter that logs counts to log.
func NewLogLimiter(log *slog.Logger) *LogLimiter { return &LogLimiter{log: log} }

// logAt logs a line at the level.
func logAt(log *slog.Logger, level slog.Level, msg string, attrs ...any) {
	at := map[slog.Level]func(string, ...any){slog.LevelDebug: log.Debug, slog.LevelInfo: log.Info, slog.LevelWarn: log.Warn, slog.LevelError: log.Error}
	at[level](msg, attrs...)
}

// Add logs the line, or counts it. Lines at debug level are logged in any case.
func (l *LogLimiter) Add(log *slog.Logger, level slog.Level, msg, reason string, attrs ...any) {
	attrs = append([]any{"reason", reason}, attrs...)
	if level < slog.LevelInfo {
		logAt(log, level, msg, attrs...)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kinds == nil {
		l.kinds = map[string]*lineKind{}
	}
	kind := msg + " " + reason
	k := l.kinds[kind]
	if k == nil {
		k = &lineKind{}
		l.kinds[kind] = k
		k.timer = time.AfterFunc(logEvery, func() { l.tell(level, kind, msg, reason) })
	}
	if k.full >= logFull {
		k.more++
		return
	}
	k.full++
	logAt(log, level, msg, attrs...)
}

// tell logs how many lines were not logged since the last time.
func (l *LogLimiter) tell(level slog.Level, kind, msg, reason string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.kinds[kind]
	switch {
	case k == nil: // flushed
		return
	case k.more > 0:
		logAt(l.log, level, msg+", and more like it", "reason", reason, "count", k.more)
		k.more = 0
	default:
		k.full--
	}
	if k.full == 0 {
		delete(l.kinds, kind)
		return
	}
	k.timer.Reset(logEvery)
}

// Flush logs what is counted, and stops.
func (l *LogLimiter) Flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for kind, k := range l.kinds {
		k.timer.Stop()
		if k.more > 0 {
			l.log.Info("lines were not logged", "kind", kind, "count", k.more)
		}
	}
	l.kinds = nil
}
