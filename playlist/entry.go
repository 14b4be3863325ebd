package playlist

import (
	"sync/atomic"
	"time"

	"golive/media"
)

// Entry is a complete segment of a Window. Its text does not change; its bytes may be
// released once storage has them.
type Entry struct {
	segment atomic.Pointer[media.Segment]
	stored  atomic.Bool

	msn           int64
	publication   string
	duration      media.Ticks
	partCount     int
	discontinuity bool
	init          *media.Init // that applies to it; nil in MPEG-TS
	mapped        bool        // head names it
	head          string      // the tags before the parts
	parts         string      // the EXT-X-PART lines
	tail          string      // EXTINF and URI
	offset        int64       // of head and tail in the window's text
	removedAt     media.Ticks // on the window's clock
	removedWall   time.Time   // arrival of the newest part when it was removed
	released      bool        // its bytes are released
}

// Segment returns the segment, with or without its bytes.
func (e *Entry) Segment() *media.Segment { return e.segment.Load() }

// Stored marks the segment as acknowledged by storage, so that its bytes can be released. It
// may be called from any goroutine.
func (e *Entry) Stored() { e.stored.Store(true) }

// evict releases the bytes if storage has them. Only the window's writer may call it.
func (e *Entry) evict() {
	if e.stored.Load() {
		e.segment.Store(e.segment.Load().WithoutData())
		e.released = true
	}
}
