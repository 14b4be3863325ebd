package segmenter

import (
	"sync/atomic"

	"golive/media"
)

// Cuts is the Packaging that publishes to Followers where a rendition is cut. The goroutine
// of that rendition writes; any number of others read without blocking.
type Cuts struct {
	format  atomic.Pointer[Format] // nil until it is frozen
	reached atomic.Int64           // end of the newest part, in ticks

	newest          *event // only the writer uses them
	discontinuities int64  // discontinuities of the complete segments
	discontinuous   bool   // the open segment begins with one
	// before is the event before the open segment, or the newest event if none is open: a
	// Follower begins after it.
	before atomic.Pointer[event]
}

// event is a change of the open segment. Only next changes.
type event struct {
	kind eventKind
	head media.Segment // of segmentOpened
	// discontinuities is the number of discontinuities before the segment, of segmentOpened.
	discontinuities int64
	end             media.Ticks // of segmentClosed
	next            atomic.Pointer[event]
}

type eventKind uint8

const (
	segmentOpened eventKind = iota + 1
	segmentClosed
	segmentDropped
)

// NewCuts returns empty Cuts.
func NewCuts() *Cuts {
	c := &Cuts{newest: &event{}}
	c.before.Store(c.newest)
	return c
}

// Open implements Packaging.
func (c *Cuts) Open(head media.Segment) {
	c.before.Store(c.newest)
	c.reached.Store(int64(head.Start))
	c.discontinuous = head.Discontinuity
	c.add(&event{kind: segmentOpened, head: head, discontinuities: c.discontinuities})
}

// Part implements Packaging.
func (c *Cuts) Part(cut *Cut) {
	c.reached.Store(int64(cut.Start + cut.Duration))
	if c.format.Load() == nil {
		format := cut.Format // the cut is reused
		c.format.Store(&format)
	}
}

// Close implements Packaging.
func (c *Cuts) Close() {
	if c.discontinuous {
		c.discontinuities++
	}
	c.add(&event{kind: segmentClosed, end: media.Ticks(c.reached.Load())})
	c.before.Store(c.newest)
}

// Drop implements Packaging.
func (c *Cuts) Drop() {
	c.add(&event{kind: segmentDropped})
	c.before.Store(c.newest)
}

func (c *Cuts) add(e *event) {
	c.newest.next.Store(e)
	c.newest = e
}
