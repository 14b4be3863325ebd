package archive

import "time"

// The Uploader's half of a Recording: what waits for the bucket.

// next returns the oldest segment that waits for the bucket; nil when none does.
func (r *Recording) next() *Item {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) == 0 {
		return nil
	}
	it := r.waiting[0]
	it.taken = true
	return it
}

// written reports whether Run has written all that was offered, and the end.
func (r *Recording) written() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.finished && len(r.queue) == 0
}

// done says that the bucket has the oldest segment, or, when lost is true, will never
// have it.
func (r *Recording) done(it *Item, lost bool) {
	r.mu.Lock()
	r.waiting[0] = nil
	r.waiting = r.waiting[1:]
	known := it.Lost
	r.mu.Unlock()
	msn := it.Segment.MSN
	if !known {
		r.store.add(-it.Segment.Size)
		if lost {
			r.note(Record{Kind: KindLost, Rendition: it.Rendition, Through: &msn, Reason: "refused by the bucket"})
		}
	}
	r.note(Record{Kind: KindStored, Rendition: it.Rendition, Through: &msn})
}

// oldestWaiting returns since when the oldest segment waits that may be given up.
func (r *Recording) oldestWaiting() (since time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if it := r.victim(); it != nil {
		return it.Since, true
	}
	return time.Time{}, false
}

// victim is the oldest segment that waits on the disk and that the Uploader is not at;
// the caller holds mu.
func (r *Recording) victim() *Item {
	for _, it := range r.waiting {
		if !it.Lost && !it.taken {
			return it
		}
	}
	return nil
}

// loseOldest gives up the oldest segment that waits, and reports whether there was one.
func (r *Recording) loseOldest() bool {
	r.mu.Lock()
	it := r.victim()
	if it != nil {
		it.Lost = true
	}
	r.mu.Unlock()
	if it == nil {
		return false
	}
	msn := it.Segment.MSN
	r.note(Record{Kind: KindLost, Rendition: it.Rendition, Through: &msn, Reason: "storage.spool.max_bytes reached"})
	if err := r.store.remove(r.key(it.Rendition, it.Segment)); err != nil {
		r.log.Warn("file of a lost segment was not deleted", "err", err)
	}
	r.store.add(-it.Segment.Size)
	return true
}

// Waiting returns how many segments wait for the bucket, and since when the oldest does.
func (r *Recording) Waiting() (n int, since time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, it := range r.waiting {
		if !it.Lost {
			if n == 0 {
				since = it.Since
			}
			n++
		}
	}
	return n, since
}
