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
	mu sync.Mutex // of the writer and of idle
	*Rendition
	follower *segmenter.Follower
	state    rungState // see set
	// since is when it was last known that units are to come, while it is expected.
	since  time.Time
	broken bool // a bug: it takes no more units
}

type rungState uint8

const (
	rungIdle     rungState = iota // no units come
	rungExpected                  // units may come: the transcoder has just begun
	rungRunning
)

// expectation is how long the segments of an expected rung wait for its units.
const expectation = 20 * time.Second

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
	g.cutter, g.before = g.follower, source.before
}

// expect notes that units may come for the segments from now on.
func (g *rung) expect() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.state == rungIdle {
		g.set(rungExpected)
	}
}

// set sets the state. Playlists of a rung of which nothing is made cannot be had.
func (g *rung) set(state rungState) {
	if state == rungExpected {
		g.since = time.Now()
	}
	g.state = state
	g.eachWindow(func(w *playlist.Window) { w.Suspend(state == rungIdle) })
}

// begin begins a run of units, which belong to the source's segments from the number from on.
func (g *rung) begin(video, audio *media.Track, from int64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.set(rungRunning)
	g.follower.Start(video, audio, from)
}

// write takes the next unit, and makes visible what it completed.
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

// idle is called when the source has completed a segment. Without units for it, it is a gap.
// It does not wait for a writer.
func (g *rung) idle() {
	if !g.mu.TryLock() {
		return
	}
	defer g.mu.Unlock()
	switch g.state {
	case rungRunning:
		return
	case rungExpected:
		if time.Since(g.since) < expectation {
			return
		}
		g.set(rungIdle)
	case rungIdle:
	}
	g.finish()
}

// finish completes what the source has completed. What is not begun yet begins later.
func (g *rung) finish() {
	if g.live().window.Load() == nil {
		g.follower.Skip()
		return
	}
	g.follower.Finish()
	g.show()
}

// show makes visible what was completed. The rung is listed while there is something to play, or
// will soon be.
func (g *rung) show() {
	g.commit()
	offline := g.state == rungIdle || g.live().variant.Load() == nil
	if g.offline.Swap(offline) != offline {
		g.described()
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
