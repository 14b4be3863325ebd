package broadcast

import (
	"sync"
	"time"

	"golive/media"
	"golive/playlist"
	"golive/segmenter"
)

// rung is a rendition that is cut where the source is. Its units come from one goroutine at a
// time: that of a transcoder, or the publisher's.
type rung struct {
	mu sync.Mutex
	*Rendition
	follower *segmenter.Follower
	state    rungState // see set
	// since is when it was last set to expected.
	since  time.Time
	broken bool // a bug: it takes no more units
}

type rungState uint8

const (
	rungIdle     rungState = iota // no units are coming
	rungExpected                  // units may come: the transcoder has just started
	rungRunning
)

// unitTimeout is how long an expected rung waits for units before it is idle.
const unitTimeout = 20 * time.Second

// newRung returns a rung that has no units yet. It is offline.
func newRung(r *Rendition, source *sourceRendition) *rung {
	g := &rung{Rendition: r}
	g.follow(source)
	g.offline.Store(true)
	return g
}

// follow begins to follow the source, from its open segment on.
func (g *rung) follow(source *sourceRendition) {
	g.follower = segmenter.Follow(source.cuts, g.packagers()...)
	g.cutter, g.priorDiscontinuities = g.follower, source.priorDiscontinuities
}

// expect notes that units may come for the segments from here on.
func (g *rung) expect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == rungIdle {
		g.set(rungExpected)
	}
}

// set sets the state. The playlists of an idle rung are not served.
func (g *rung) set(state rungState) {
	if state == rungExpected {
		g.since = time.Now()
	}
	g.state = state
	g.eachWindow(func(w *playlist.Window) { w.Suspend(state == rungIdle) })
}

// begin begins a run of units, which belong to the source's segments from number from on.
func (g *rung) begin(video, audio *media.Track, from int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(rungRunning)
	g.follower.Start(video, audio, from)
}

// write takes the next unit, and publishes what it completed.
func (g *rung) write(u media.AccessUnit) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.broken {
		return
	}
	g.broken = true // unless this returns
	g.captions |= u.Captions
	g.follower.Write(u)
	g.show()
	g.broken = false
}

// stop notes that no more units come for now; with expected set, they may come soon: the
// publisher may return.
func (g *rung) stop(expected bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if expected && g.state == rungRunning {
		g.set(rungExpected)
	} else {
		g.set(rungIdle)
	}
	g.finish()
}

// segmentCompleted is called when the source has completed a segment: it is a gap in a rung
// without units. segmentCompleted does not wait for a writer.
func (g *rung) segmentCompleted() {
	if !g.mu.TryLock() {
		return
	}
	defer g.mu.Unlock()
	switch g.state {
	case rungRunning:
		return
	case rungExpected:
		if time.Since(g.since) < unitTimeout {
			return
		}
		g.set(rungIdle)
	case rungIdle:
	}
	g.finish()
}

// finish completes the segments that the source has completed, or skips them before the rung's
// first media.
func (g *rung) finish() {
	if g.live().window.Load() == nil {
		g.follower.Skip()
		return
	}
	g.follower.Finish()
	g.show()
}

// show publishes what was completed. The rung is listed while it has something to play, or will
// have soon.
func (g *rung) show() {
	g.commit()
	offline := g.state == rungIdle || g.live().variant.Load() == nil
	if g.offline.Swap(offline) != offline {
		g.variantChanged()
	}
}

// end ends the playlists.
func (g *rung) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.live().window.Load() != nil {
		g.follower.Finish()
		g.commit()
	}
	g.Rendition.end()
}
