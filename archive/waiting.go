package archive

import (
	"errors"
	"os"
	"time"
)

// The Uploader's half of a Recording: the segments that wait for the bucket.

// holdBytes bounds how much of one broadcast stays in memory for the Uploader, so that it
// need not read it back: a segment or two.
const holdBytes = 8 << 20

// next returns the oldest segment that waits for the bucket. From then on it is the Uploader's alone.
// When none waits it returns nil, and last reports whether none will: Run has written all that was
// offered, and the end. Both are of one moment, since what Run has written begins to wait.
func (r *Recording) next() (it *Item, last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := &r.entries
	if len(e.waiting) == 0 {
		return nil, e.finished && len(e.queue) == 0
	}
	it = e.waiting[0]
	it.uploading = true
	return it, false
}

// done removes the oldest segment from the queue, because the bucket has it or, when reason
// is not empty, will never have it.
func (r *Recording) done(it *Item, reason string) {
	r.mu.Lock()
	e := &r.entries
	e.waiting[0] = nil
	e.waiting = e.waiting[1:]
	r.release(it)
	r.mu.Unlock()
	if reason != "" {
		r.store.metrics.dropped.WithLabelValues(reason).Inc()
	}
}

// stored records that the bucket has a segment and its record or, when reason is not empty,
// will never have the segment. A restart does not upload it again.
func (r *Recording) stored(it *Item, reason string) {
	if !r.store.cfg.Uploaded {
		return
	}
	kind := KindStored
	if !it.Lost {
		r.store.addWaiting(-it.Segment.Size)
	}
	if it.Lost || reason != "" {
		kind = KindLost
	}
	if !it.Lost || it.Segment.Size > 0 {
		msn := it.Segment.MSN
		r.pushRecord(Record{Kind: kind, Rendition: it.Rendition, Through: &msn, Reason: reason})
	}
}

// release releases an Item's bytes in memory; the caller holds mu.
func (r *Recording) release(it *Item) {
	if it.slabs != nil {
		r.entries.held -= it.Segment.Size
		it.slabs = nil
	}
}

// oldestDroppable returns the oldest segment that waits on the disk and that the Uploader
// does not work on, or nil; the caller holds mu.
func (r *Recording) oldestDroppable() *Item {
	for _, it := range r.entries.waiting {
		if !it.Lost && !it.uploading {
			return it
		}
	}
	return nil
}

// dropOldest drops the oldest segment that waits, and reports whether there was one.
func (r *Recording) dropOldest() bool {
	r.mu.Lock()
	it := r.oldestDroppable()
	if it != nil {
		it.Lost = true
		r.release(it)
	}
	r.mu.Unlock()
	if it == nil {
		return false
	}
	msn := it.Segment.MSN
	r.store.metrics.dropped.WithLabelValues(droppedSpoolFull).Inc()
	r.log.Error("segment lost", "rendition", it.Rendition, "msn", msn, "reason", droppedSpoolFull)
	r.pushRecord(Record{Kind: KindLost, Rendition: it.Rendition, Through: &msn, Reason: "storage.spool.max_bytes reached"})
	if err := r.store.files.Dir().Root().Remove(r.key(it.Rendition, it.Segment)); err != nil && !errors.Is(err, os.ErrNotExist) {
		r.log.Warn("file of a lost segment was not deleted", "err", err)
	}
	r.store.addWaiting(-it.Segment.Size)
	return true
}

// Waiting returns how many segments wait for the bucket.
func (r *Recording) Waiting() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.entries.waiting {
		if !it.Lost {
			n++
		}
	}
	return n
}

// Lag returns how long the oldest segment has waited that the disk, or the bucket, does
// not have.
func (r *Recording) Lag() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.entries.waiting {
		if !it.Lost {
			return time.Since(it.Since)
		}
	}
	for _, w := range r.entries.queue {
		if w.record.Kind == KindSegment {
			return time.Since(w.began)
		}
	}
	return 0
}

// description returns the newest Description of a rendition; false if there is none.
func (r *Recording) description(rendition string) (Description, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	d, ok := r.entries.described[rendition]
	return d, ok
}

// storedState returns the state of the log without the segments that wait for the bucket.
func (r *Recording) storedState() Header {
	s := r.journal.state.clone()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.entries.waiting {
		p := s.Positions[it.Rendition]
		p.Next = min(p.Next, it.Segment.MSN)
		if it.Segment.Discontinuity {
			p.Discontinuities--
		}
		s.Positions[it.Rendition] = p
	}
	return s
}
