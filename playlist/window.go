package playlist

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"golive/media"
)

// Constants never change during the lifetime of a playlist (sections 6.2.1 and 4.4.3.7; a
// change permanently stops Apple's player).
type Constants struct {
	// Target is EXT-X-TARGETDURATION in seconds.
	Target int
	// PartTarget is PART-TARGET.
	PartTarget media.Ticks
}

// Start is the initial numbering of a Window; its zero value is that of a new rendition.
type Start struct {
	// DiscontinuitySequence is EXT-X-DISCONTINUITY-SEQUENCE.
	DiscontinuitySequence int64
}

// PlainName is the file name of the playlists of a broadcast in MPEG-TS without low latency.
// Where low latency is on, those at its usual address are in CMAF.
const PlainName = "ts.m3u8"

// minSegments is the least number of segments of a live playlist (Apple's authoring
// specification 8.11).
const minSegments = 6

// keptInMemory is the number of complete segments that stay in memory after storage has them.
const keptInMemory = 1

// Window is one rendition's sliding live state.
type Window struct {
	cfg       Config
	constants Constants
	others    func() []OtherRendition
	current   atomic.Pointer[Snapshot]

	entries []*Entry // removed ones within their grace period, then the listed ones
	listed  int
	length  media.Ticks // of the listed ones
	longest media.Ticks // the largest length so far
	clock   media.Ticks // duration of all media ever published
	arrived time.Time   // when the newest part arrived

	// text is the text of the listed segments without parts. It is kept because all but the
	// newest are rendered like that every time; textStart is its offset in the text of all
	// segments ever.
	text      []byte
	textStart int64

	newest        *media.Part // nil before the first
	open          *media.Segment
	openHead      string
	openMapped    bool        // openHead has EXT-X-MAP
	init          *media.Init // that applies to the newest segment
	openParts     []byte
	paused        bool // there is no publisher: the next part has no name yet
	ended         bool
	suspended     bool
	dirty         bool
	independent   bool // every segment so far began with a key frame
	discontinuity int64
	nextMSN       int64
}

// NewWindow returns an empty Window. others returns the other renditions of the broadcast, which
// low-latency playlists report; it may be nil.
func NewWindow(cfg Config, constants Constants, start Start, others func() []OtherRendition) *Window {
	w := &Window{cfg: cfg, constants: constants, independent: true, discontinuity: start.DiscontinuitySequence, others: others}
	changed := make(chan struct{})
	w.current.Store(&Snapshot{changed: changed, Changed: changed, target: constants.Target})
	return w
}

// Constants returns the constants of the window.
func (w *Window) Constants() Constants { return w.constants }

// DiscontinuitySequence returns the discontinuity sequence number after the last segment, to
// resume with Start. Only the writer may call it.
func (w *Window) DiscontinuitySequence() int64 {
	n := w.discontinuity
	for _, e := range w.entries[w.listed:] {
		if e.discontinuity {
			n++
		}
	}
	return n
}

// Independent reports whether the multivariant playlist may declare that all segments are
// independent: every one so far was, and there is more than the first, which always begins
// with an IDR picture. Only the writer may call it.
func (w *Window) Independent() bool { return w.independent && len(w.entries) >= minIndependent }

const minIndependent = 2

// Open begins a segment; head has no parts yet.
func (w *Window) Open(head media.Segment) {
	w.open = &head
	// A gap needs no initialization segment.
	if w.openMapped = head.Init != nil && head.Init != w.init; w.openMapped {
		w.init = head.Init
	}
	w.openHead = string(appendSegmentHead(nil, &head, w.openMapped))
	w.openParts = w.openParts[:0]
	w.independent = w.independent && head.Independent
	w.paused = false
	w.nextMSN = head.MSN + 1
	w.dirty = w.dirty || w.cfg.LowLatency // otherwise it is not listed before it is complete
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

// Close completes the open segment and slides the window. With low latency, players see it
// with the next part, or when there is no publisher any more.
func (w *Window) Close(s *media.Segment) {
	e := &Entry{
		msn:           s.MSN,
		publication:   s.Publication,
		duration:      s.Duration,
		partCount:     len(s.Parts),
		discontinuity: s.Discontinuity,
		init:          w.init,
		mapped:        w.openMapped,
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
	// With low latency the next part shows it: a playlist that ends with a complete segment and
	// a hint makes video.js (8.24) ask for the part again that it has.
	w.dirty = w.dirty || !w.cfg.LowLatency
	w.slide()
	w.longest = max(w.longest, w.length)
	// Storage takes them in order: those before a released one are released or lost.
	for i := len(w.entries) - keptInMemory - 1; i >= 0 && !w.entries[i].released; i-- {
		w.entries[i].evict()
	}
}

// slide removes segments older than the window from the list, and segments past their grace
// period from the window: a removed segment stays available for its own duration and that
// of the longest playlist that listed it (section 6.2.2). The grace period is counted in
// media time, so it is extended while there is no publisher.
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

// maxSpeed is how much faster than real time media may be published before a grace period is
// shortened. It bounds the memory of the window.
const maxSpeed = 4

// pastGrace reports whether a removed segment is past its grace period, by media time and
// by arrival: media time stands still while there is no publisher, and is fast when an
// uplink catches up.
func (w *Window) pastGrace(e *Entry) bool {
	grace, passed := e.duration+w.longest, w.clock-e.removedAt
	return passed >= grace && (w.arrived.Sub(e.removedWall) >= grace.Duration() || passed >= maxSpeed*grace)
}

// trimText drops the text before offset if that is worth a copy.
func (w *Window) trimText(offset int64) {
	if n := int(offset - w.textStart); n > len(w.text)/2 {
		w.text = w.text[:copy(w.text, w.text[n:])]
		w.textStart = offset
	}
}

// Pause marks that there is no publisher: the next part's name is not known, so there is no
// preload hint.
func (w *Window) Pause() {
	w.paused = true
	w.dirty = true
}

// Suspend marks whether the rendition is not made for now, though others of the broadcast are.
// Requests for its playlist get ErrNotFound, also those that wait: a player then switches to
// another rendition at once. With gaps it would run out of data first. Media is still served.
func (w *Window) Suspend(on bool) {
	w.dirty = w.dirty || w.suspended != on
	w.suspended = on
}

// End marks the end of the playlist (EXT-X-ENDLIST).
func (w *Window) End() {
	w.ended = true
	w.dirty = true
}

// Commit publishes everything that was added since the last call as one Snapshot, and wakes
// waiting readers. It does nothing if nothing was added.
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
		// After the end there is nothing to wait for.
		Suspended: w.suspended && !w.ended,
		entries:   slices.Clip(w.entries),
		listed:    w.listed,
		next:      Position{MSN: w.nextMSN},
		target:    w.constants.Target,
	}
	if w.open != nil {
		s.next = Position{MSN: w.open.MSN}
		open := *w.open
		open.Parts = slices.Clip(open.Parts)
		s.open = &open
		if w.cfg.LowLatency {
			s.next.Part = len(open.Parts)
		}
	}
	if w.cfg.LowLatency && w.newest != nil && !w.paused && !w.ended {
		s.hint = w.nextPartName()
	}
	s.Full = NewText(w.render(s, 0))
	if skip := w.skippable(s); skip > 0 {
		s.Delta = NewText(w.render(s, skip))
	}
	close(w.current.Swap(s).changed)
}

// nextPartName returns the name of the next part, whether it belongs to the open segment or begins
// the next one.
func (w *Window) nextPartName() string {
	next := media.Part{Container: w.newest.Container, Publication: w.newest.Publication, Number: w.newest.Number + 1}
	return next.Name()
}

// Snapshot returns the newest Snapshot. Its Full is nil before the first Commit.
func (w *Window) Snapshot() *Snapshot { return w.current.Load() }

// Await waits for a Snapshot that has the position or has ended, and returns it. It returns
// the cause of ctx if ctx is done first, and ErrNotFound if the window is suspended.
func (w *Window) Await(ctx context.Context, p Position) (*Snapshot, error) {
	for {
		s := w.current.Load()
		if s.Suspended {
			return nil, ErrNotFound
		}
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

// LowLatency reports whether parts are listed and requests may wait for them.
func (w *Window) LowLatency() bool { return w.cfg.LowLatency }
