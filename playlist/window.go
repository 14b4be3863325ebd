package playlist

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golive/media"
)

// Constants never change during the life of a playlist (sections 6.2.1 and
// 4.4.3.7; a change stops Apple's player for good).
type Constants struct {
	// Target is EXT-X-TARGETDURATION in seconds.
	Target int
	// PartTarget is PART-TARGET.
	PartTarget media.Ticks
}

// Start is where a Window's numbering begins; its zero value is a new
// rendition's.
type Start struct {
	// DiscontinuitySequence is EXT-X-DISCONTINUITY-SEQUENCE.
	DiscontinuitySequence int64
}

// minSegments is the least a live playlist lists (Apple's authoring
// specification 8.11).
const minSegments = 6

// inMemory is how many complete segments stay in memory after storage has them.
const inMemory = 1

// Window is one rendition's sliding live state.
type Window struct {
	cfg       Config
	constants Constants
	others    []Other
	current   atomic.Pointer[Snapshot]

	entries []*Entry // removed ones in their grace, then the listed
	listed  int
	length  media.Ticks // of the listed ones
	longest media.Ticks // the longest that was
	clock   media.Ticks // of all ever published
	arrived time.Time   // when the newest part had

	// text is what the listed segments say without their parts, kept because all
	// but the newest are written so every time; textStart is its place in the text
	// of all segments ever.
	text      []byte
	textStart int64

	newest        *media.Part // nil before the first
	open          *media.Segment
	openHead      string
	openParts     []byte
	paused        bool // nobody publishes: what comes next has no name yet
	ended         bool
	dirty         bool
	independent   bool // every segment so far began with a key frame
	discontinuity int64
	nextMSN       int64
}

// NewWindow makes an empty window. others are the broadcast's other renditions, which
// its low-latency playlists report.
func NewWindow(cfg Config, constants Constants, start Start, others ...Other) *Window {
	w := &Window{cfg: cfg, constants: constants, independent: true, discontinuity: start.DiscontinuitySequence, others: others}
	changed := make(chan struct{})
	w.current.Store(&Snapshot{changed: changed, Changed: changed, target: constants.Target})
	return w
}

// Constants are the window's.
func (w *Window) Constants() Constants { return w.constants }

// DiscontinuitySequence is what Start would need to continue after the window's
// last segment. Only the writer may call it.
func (w *Window) DiscontinuitySequence() int64 {
	n := w.discontinuity
	for _, e := range w.entries[w.listed:] {
		if e.discontinuity {
			n++
		}
	}
	return n
}

// Independent tells whether the multivariant playlist may promise that all segments
// are independent: every one so far was, and there are enough to know the encoder's
// habit, for the first picture of a stream is an IDR picture in any case. Only the
// writer may call it.
func (w *Window) Independent() bool { return w.independent && len(w.entries) >= minIndependent }

const minIndependent = 2

// Open begins a segment; head has no parts yet.
func (w *Window) Open(head media.Segment) {
	w.open = &head
	w.openHead = string(appendSegmentHead(nil, &head))
	w.openParts = w.openParts[:0]
	w.independent = w.independent && head.Independent
	w.paused = false
	w.nextMSN = head.MSN + 1
	w.dirty = w.dirty || w.cfg.LowLatency // else nothing of it is shown before it is complete
}

// Part adds a part to the open segment.
func (w *Window) Part(p *media.Part) {
	w.newest = p
	w.open.Parts = append(w.open.Parts, p)
	w.open.Size += p.Size
	w.open.Duration += p.Duration
	w.openParts = appendPart(w.openParts, p)
	w.longest = max(w.longest, w.length+w.open.Duration)
	w.clock += p.Duration
	if p.Arrived.After(w.arrived) {
		w.arrived = p.Arrived
	}
	w.dirty = w.dirty || w.cfg.LowLatency
}

// Close completes the open segment and slides the window.
func (w *Window) Close(s *media.Segment) {
	e := &Entry{
		msn:           s.MSN,
		session:       s.Session,
		duration:      s.Duration,
		partCount:     len(s.Parts),
		discontinuity: s.Discontinuity,
		head:          w.openHead,
		parts:         string(w.openParts),
		tail:          string(appendSegmentTail(nil, s, s.Size == 0)),
	}
	e.segment.Store(s)
	e.offset = w.textStart + int64(len(w.text))
	w.text = append(append(w.text, e.head...), e.tail...)
	w.entries = append(w.entries, e)
	w.length += s.Duration
	w.open = nil
	w.dirty = true
	w.slide()
	w.longest = max(w.longest, w.length)
	// Storage takes them in order: those before a bare one it has, or never will.
	for i := len(w.entries) - inMemory - 1; i >= 0 && !w.entries[i].bare; i-- {
		w.entries[i].evict()
	}
}

// Drop takes the open segment back, which has no part yet. Its number will be used
// again.
func (w *Window) Drop() {
	w.nextMSN = w.open.MSN
	w.open = nil
	w.dirty = true
}

// slide takes out of the list what is older than the window, and out of the
// window what is past its grace: a removed segment stays fetchable for its own
// duration and that of the longest playlist that listed it (section 6.2.2). The
// grace is counted in media time, so it stretches while nobody publishes.
func (w *Window) slide() {
	keep := media.TicksFromDuration(w.cfg.Window)
	for len(w.entries)-w.listed > minSegments {
		oldest := w.entries[w.listed]
		if w.length-oldest.duration < keep {
			break
		}
		w.length -= oldest.duration
		oldest.removedAt, oldest.removedWall = w.clock, w.arrived
		if oldest.discontinuity {
			w.discontinuity++
		}
		w.listed++
	}
	w.trimText(w.entries[w.listed].offset)
	gone := 0
	for gone < w.listed && w.pastGrace(w.entries[gone]) {
		gone++
	}
	if gone > 0 {
		// Snapshots share the array, so it cannot be cleared, and it would keep what it
		// held: a new one, with room for the next.
		w.entries = append(make([]*Entry, 0, len(w.entries)+1), w.entries[gone:]...)
		w.listed -= gone
	}
}

// burst is how much faster than real time media may come before a grace ends
// early: what a publisher can make the window hold has a bound.
const burst = 4

// pastGrace says whether nobody may ask for a removed segment any more. Both
// clocks must say so: media time stands still while nobody publishes, and runs fast
// when an uplink lets go of what it held up.
func (w *Window) pastGrace(e *Entry) bool {
	grace, passed := e.duration+w.longest, w.clock-e.removedAt
	return passed >= grace && (w.arrived.Sub(e.removedWall) >= grace.Duration() || passed >= burst*grace)
}

// trimText forgets the text before offset, when that is worth a copy.
func (w *Window) trimText(offset int64) {
	if n := int(offset - w.textStart); n > len(w.text)/2 {
		w.text = w.text[:copy(w.text, w.text[n:])]
		w.textStart = offset
	}
}

// Pause says that nobody publishes for now: the next part's name is not known,
// so none is hinted.
func (w *Window) Pause() {
	w.paused = true
	w.dirty = true
}

// End says that nothing will follow.
func (w *Window) End() {
	w.ended = true
	w.dirty = true
}

// Commit makes what was added since the last one visible, at once and together,
// and wakes who waits. It does nothing when nothing was added.
func (w *Window) Commit() {
	if !w.dirty {
		return
	}
	w.dirty = false
	changed := make(chan struct{})
	s := &Snapshot{
		changed: changed,
		Changed: changed,
		Ended:   w.ended,
		entries: slices.Clip(w.entries),
		listed:  w.listed,
		next:    Position{MSN: w.nextMSN},
		target:  w.constants.Target,
	}
	if w.open != nil {
		s.next = Position{MSN: w.open.MSN}
		open := *w.open
		open.Parts = slices.Clip(open.Parts)
		s.open = &open
		if w.cfg.LowLatency {
			s.next.Part = len(open.Parts)
			if !w.paused && !w.ended {
				s.hint = w.coming(&open)
			}
		}
	}
	s.Full = NewText(w.render(s, 0))
	if skip := w.skippable(s); skip > 0 {
		s.Delta = NewText(w.render(s, skip))
	}
	close(w.current.Swap(s).changed)
}

// coming names the part that is awaited next: of the open segment or, when a key frame
// comes first, of the one after it.
func (w *Window) coming(open *media.Segment) string {
	next := media.Part{Session: open.Session}
	if w.newest != nil && w.newest.Session == open.Session {
		next.Number = w.newest.Number + 1
	}
	return next.Name()
}

// Snapshot is the newest; its Full is nil while nothing was committed.
func (w *Window) Snapshot() *Snapshot { return w.current.Load() }

// Await returns the first Snapshot that has the position, or that has ended. It
// returns ctx's error when that comes first.
func (w *Window) Await(ctx context.Context, p Position) (*Snapshot, error) {
	for {
		s := w.current.Load()
		if s.Full != nil && (s.Has(p) || s.Ended) {
			return s, nil
		}
		select {
		case <-s.Changed:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// LowLatency says whether parts are listed and requests may wait for them.
func (w *Window) LowLatency() bool { return w.cfg.LowLatency }
