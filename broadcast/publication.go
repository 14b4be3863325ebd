package broadcast

import (
	"errors"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/media"
)

// errTakenOver is why a silent publisher is evicted: another one with the same key came.
var errTakenOver = errors.New("another publisher took over")

// errBroken ends a broadcast whose rendition failed with a bug: it cannot be continued.
var errBroken = errors.New("broadcast failed after an internal error")

// lookupTimeout is how long the first media of a broadcast waits in memory until it is known
// from the bucket whether another node began it. A publisher never waits, and a store that
// does not answer delays the first picture by no more.
const lookupTimeout = 2 * time.Second

// publication is what one publisher publishes: the ingest.Sink. From grant
// to Close it owns the source rendition.
type publication struct {
	broadcast *Broadcast
	publisher ingest.Publisher
	token     string
	granted   time.Time
	held      []media.AccessUnit // until the broadcast is open
	shown     bool               // the broadcast is live
	silent    bool               // the lease is as open as a silent publisher's
	extra     extraTracks
}

// WriteUnit implements ingest.Sink.
func (p *publication) WriteUnit(u media.AccessUnit) error {
	b := p.broadcast
	b.lastUnit.Store(int64(u.Arrived.Sub(b.made)))
	if p.silent {
		p.silent = false
		b.lease.SetOpen(b.openTo(false))
	}
	if !b.opening.done && !p.open(false) {
		p.held = append(p.held, u)
		return nil
	}
	p.write(u)
	p.show()
	return b.source().refusal()
}

// write writes a unit to the open broadcast.
func (p *publication) write(u media.AccessUnit) {
	if u.Track.Number != 0 {
		p.extra.extraUnit(u)
		return
	}
	if p.broadcast.source().write(u) {
		p.extra.segmentCompleted(u.Arrived)
		p.broadcast.eachRung((*rung).segmentCompleted)
	}
	p.extra.sourceUnit(&u)
}

// begin begins the publication in the open broadcast.
func (p *publication) begin() {
	p.broadcast.source().begin(p.token)
	p.extra.discontinuity()
}

// open opens the broadcast when it is known where its numbers begin, or at the latest
// when now is true, and writes what was held until then. It reports whether it is open.
func (p *publication) open(now bool) bool {
	b := p.broadcast
	select {
	case f := <-b.opening.found:
		b.openWith(f)
	default:
		if !now && time.Since(p.granted) < b.opening.lookupTimeout {
			return false
		}
		b.log.Warn("broadcast started without an answer from the bucket: another node may have begun it")
		b.openWith(nil)
	}
	p.begin()
	for _, u := range p.held {
		p.write(u)
	}
	p.held = nil
	return true
}

// openWith continues what another node stored, if its publisher is back in time. Otherwise
// it opens a new broadcast, whose numbers follow all that players may have seen.
func (b *Broadcast) openWith(f *archive.Recovered) {
	switch {
	case f == nil:
		b.open(nil, false)
	case f.Ended.IsZero() && time.Since(f.LastAt) < b.cfg.ReconnectWindow && f.Resumable():
		b.open(f, true)
		b.fillGap(time.Now())
		b.log.Info("broadcast of another node continued")
	default:
		b.opening.from = startAfter(f)
		b.open(nil, false)
	}
}

// Tick implements ingest.Ticker.
func (p *publication) Tick(now time.Time) (slow bool) {
	if b := p.broadcast; !p.silent && b.silent() {
		p.silent = true
		b.lease.SetOpen(b.openTo(true))
	}
	if !p.broadcast.opening.done && (len(p.held) == 0 || !p.open(false)) {
		return false
	}
	slow, completed := p.broadcast.source().tick(now)
	if completed {
		p.extra.segmentCompleted(now)
		p.broadcast.eachRung((*rung).segmentCompleted)
	}
	p.show()
	return slow
}

// show lets the supervisor know when there is something to play.
func (p *publication) show() {
	b := p.broadcast
	if !p.shown && b.multivariant.Load() != nil {
		p.shown = true
		select {
		case b.shown <- struct{}{}:
		default: // there is a token already
		}
	}
}

// Warn implements ingest.Warner: the API shows the warning.
func (p *publication) Warn(w ingest.Warning) { p.broadcast.warnings.add(w) }

// ClearWarning implements ingest.Warner.
func (p *publication) ClearWarning(code ingest.WarningCode) { p.broadcast.warnings.remove(code) }

// Close implements ingest.Sink.
func (p *publication) Close(cause error) {
	b := p.broadcast
	release := errBroken // when pause panics: the supervisor must not wait for ever
	defer func() { b.released <- release }()
	if len(p.held) > 0 && !b.lostLease() {
		p.open(true)
	}
	if source := b.source(); source != nil {
		source.pause(cause != nil)
		p.extra.end()
	}
	release = cause
}
