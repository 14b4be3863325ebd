package archive

import (
	"time"

	"golive/media"
)

// The publisher's half of a Recording: offered segments wait in memory until Run has written
// them.

// maxQueued is how many records of one broadcast wait for a local disk that does not
// answer: those of five hours of a rendition with segments of 2 s. A segment over it has
// no record at all: its number is missing in the log, which reads as a gap.
const maxQueued = 10_000

// Offer queues a finished segment. When too much waits in memory for a disk that is away or
// slow, its bytes are dropped, and the segment is recorded as lost.
func (r *Recording) Offer(rendition string, seg *media.Segment) {
	now := time.Now()
	w := &write{record: Record{Kind: KindSegment, At: now.UTC(), Rendition: rendition, Segment: SegmentOf(seg)}, began: now}
	if seg.Size > 0 {
		w.slabs, w.size = seg.Slabs(), seg.Size
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.entries
	if e.finished || e.stopped {
		return
	}
	if seg.Publication != e.publication {
		e.publication = seg.Publication
		r.push(&write{record: Record{Kind: KindPublication, At: w.record.At, Published: seg.Publication}})
	}
	// A segment that begins with a discontinuity always has a record: the log counts them.
	full := r.full() && !seg.Discontinuity
	if w.slabs != nil && (full || e.queued > 0 && e.queued+w.size > r.store.queueBytes) {
		w.slabs, w.size, w.lost = nil, 0, "local disk too slow"
		r.store.metrics.dropped.WithLabelValues(droppedQueueFull).Inc()
		r.log.Error("segment lost", "rendition", rendition, "msn", seg.MSN, "reason", droppedQueueFull)
	}
	if !full {
		r.push(w)
	}
}

// Describe records the description of a rendition.
func (r *Recording) Describe(rendition string, d Description) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries.described[rendition] == d || r.full() {
		return
	}
	r.entries.described[rendition] = d
	r.push(&write{record: Record{Kind: KindRendition, At: time.Now().UTC(), Rendition: rendition, Description: &d}})
}

// Removed records that the segments of a rendition up to a number are deleted.
func (r *Recording) Removed(rendition string, through int64) {
	r.pushRecord(Record{Kind: KindRemoved, Rendition: rendition, Through: &through})
}

// End records the end of the broadcast, after which nothing is offered.
func (r *Recording) End(at time.Time, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries.finished {
		return
	}
	r.push(&write{record: Record{Kind: KindEnded, At: at.UTC().Round(0), Reason: reason}})
	r.entries.finished = true
}

// Archived records that nothing of the broadcast, which has ended, waits any more.
func (r *Recording) Archived() { r.pushRecord(Record{Kind: KindArchived}) }

// pushRecord queues a record that is not media. While too many records wait it drops those whose
// content a later record repeats.
func (r *Recording) pushRecord(rec Record) {
	rec.At = time.Now().UTC()
	r.mu.Lock()
	defer r.mu.Unlock()
	if rec.Kind == KindArchived || !r.full() {
		r.push(&write{record: rec})
	}
}

// full reports whether maxQueued records wait; the caller holds mu.
func (r *Recording) full() bool { return len(r.entries.queue) >= maxQueued }

// push queues w; the caller holds mu.
func (r *Recording) push(w *write) {
	if r.entries.stopped {
		return
	}
	r.entries.queue = append(r.entries.queue, w)
	r.entries.queued += w.size
	r.store.metrics.queueBytes.Add(float64(w.size))
	wake(r.changed)
}

// wake puts a value into c, unless it has one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
