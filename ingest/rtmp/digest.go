package rtmp

import (
	"log/slog"
	"sync"
	"time"
)

const (
	// digestEvery is how often the lines of one kind are summed up.
	digestEvery = time.Second
	// digestFull is how many lines of one kind are logged before that.
	digestFull = 10
)

// digest logs the first lines of one kind, and then each second how many more there
// were: peers can cause any number of them.
type digest struct {
	log *slog.Logger // for the counts

	mu    sync.Mutex
	kinds map[string]*kindOfLine
}

// kindOfLine is what lines of one message and one reason have in common.
type kindOfLine struct {
	timer *time.Timer
	full  int // lines logged; each second without more of them takes one off
	more  int // lines counted since the timer fired
}

// logAt logs a line at the level.
func logAt(log *slog.Logger, level slog.Level, msg string, attrs ...any) {
	at := map[slog.Level]func(string, ...any){slog.LevelDebug: log.Debug, slog.LevelInfo: log.Info, slog.LevelWarn: log.Warn, slog.LevelError: log.Error}
	at[level](msg, attrs...)
}

// add logs the line, or counts it. Lines at debug level are logged in any case.
func (d *digest) add(log *slog.Logger, level slog.Level, msg, reason string, attrs ...any) {
	attrs = append([]any{"reason", reason}, attrs...)
	if level < slog.LevelInfo {
		logAt(log, level, msg, attrs...)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.kinds == nil {
		d.kinds = map[string]*kindOfLine{}
	}
	kind := msg + " " + reason
	k := d.kinds[kind]
	if k == nil {
		k = &kindOfLine{}
		d.kinds[kind] = k
		k.timer = time.AfterFunc(digestEvery, func() { d.tell(level, kind, msg, reason) })
	}
	if k.full >= digestFull {
		k.more++
		return
	}
	k.full++
	logAt(log, level, msg, attrs...)
}

// tell logs how many lines were not logged since the last time.
func (d *digest) tell(level slog.Level, kind, msg, reason string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	k := d.kinds[kind]
	switch {
	case k == nil: // flushed
		return
	case k.more > 0:
		logAt(d.log, level, msg+", and more like it", "reason", reason, "count", k.more)
		k.more = 0
	default:
		k.full--
	}
	if k.full == 0 {
		delete(d.kinds, kind)
		return
	}
	k.timer.Reset(digestEvery)
}

// flush logs what is counted, and stops.
func (d *digest) flush() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for kind, k := range d.kinds {
		k.timer.Stop()
		if k.more > 0 {
			d.log.Info("lines were not logged", "kind", kind, "count", k.more)
		}
	}
	d.kinds = nil
}
