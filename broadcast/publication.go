package broadcast

import (
	"errors"
	"time"

	"golive/ingest"
	"golive/media"
)

// errTakenOver tells a silent publisher that another one with the same key came.
var errTakenOver = errors.New("another publisher took over")

// errBroken ends a broadcast whose program has a bug: nobody can go on with it.
var errBroken = errors.New("program is broken")

// publication is one publisher's turn at a broadcast: the ingest.Sink. From grant
// to Close it owns the program.
type publication struct {
	broadcast *Broadcast
	publisher ingest.Publisher
	shown     bool // the broadcast is live
}

// WriteUnit implements ingest.Sink.
func (p *publication) WriteUnit(u media.AccessUnit) error {
	b := p.broadcast
	b.program.write(u)
	b.lastUnit.Store(int64(u.Arrived.Sub(b.made)))
	p.show()
	return nil
}

// Tick implements ingest.Ticker.
func (p *publication) Tick(now time.Time) (slow bool) {
	slow = p.broadcast.program.tick(now)
	p.show()
	return slow
}

// show makes the broadcast live when there is something to play.
func (p *publication) show() {
	b := p.broadcast
	if !p.shown && b.program.multivariant.Load() != nil {
		p.shown = true
		if b.State() == Starting {
			b.shown <- struct{}{} // once: there is room
		}
		b.state.Store(int32(Live))
	}
}

// Warn implements ingest.Warner: the API shows what the broadcaster should know.
func (p *publication) Warn(w ingest.Warning) { p.broadcast.program.warnings.add(w) }

// ClearWarning implements ingest.Warner.
func (p *publication) ClearWarning(code ingest.WarningCode) {
	p.broadcast.program.warnings.remove(code)
}

// Close implements ingest.Sink.
func (p *publication) Close(cause error) {
	release := errBroken // when pause panics: the supervisor must not wait for ever
	defer func() { p.broadcast.released <- release }()
	p.broadcast.program.pause(cause != nil)
	release = cause
}
