package archive

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"
)

// The half of a Recording that writes to the local disk.

// Run writes what is offered until ctx is done and all of it is written, or a write fails after
// that; then it returns, with an error if something was not written.
func (r *Recording) Run(ctx context.Context) error {
	defer r.stop()
	failures := 0
	for {
		w := r.head()
		switch {
		case w == nil && ctx.Err() != nil:
			return nil
		case w == nil:
			select {
			case <-r.changed:
			case <-ctx.Done():
			}
			continue
		}
		err := r.write(w)
		r.outcome(err, failures)
		if err == nil {
			r.pop(w)
			failures = 0
			continue
		}
		failures++
		if ctx.Err() != nil {
			return fmt.Errorf("broadcast was not recorded whole: %w", err)
		}
		select {
		case <-time.After(backoff(failures)):
		case <-ctx.Done():
		}
	}
}

// stop drops the records that could not be written, and counts their segments.
func (r *Recording) stop() {
	lost := r.Unwritten()
	r.mu.Lock()
	r.store.metrics.queueBytes.Sub(float64(r.entries.queued))
	r.entries.queue, r.entries.queued, r.entries.stopped = nil, 0, true
	r.mu.Unlock()
	r.store.metrics.dropped.WithLabelValues(droppedStopped).Add(float64(lost))
	r.store.unregister(r)
	// All of it was written; the next sync returns an error of Close, too.
	_ = r.journal.close()
}

// Unwritten returns how many segments Run has still to write.
func (r *Recording) Unwritten() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, w := range r.entries.queue {
		if w.slabs != nil {
			n++
		}
	}
	return n
}

func (r *Recording) head() *write {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.entries.queue) == 0 {
		return nil
	}
	return r.entries.queue[0]
}

// pop removes the head, which was written.
func (r *Recording) pop(w *write) {
	segment, media := w.record.Kind == KindSegment, w.slabs != nil
	r.mu.Lock()
	e := &r.entries
	e.queue[0] = nil
	e.queue = e.queue[1:]
	e.queued -= w.size
	if segment {
		r.addMissing(w)
		it := &Item{Rendition: w.record.Rendition, Segment: w.record.Segment, Since: w.began, Lost: !media}
		if media && r.store.cfg.Uploaded && e.held+w.size <= holdBytes {
			it.slabs = w.slabs
			e.held += w.size
		}
		e.waiting = append(e.waiting, it)
	}
	if segment || len(e.queue) == 0 {
		wake(r.arrived)
	}
	r.mu.Unlock()
	r.store.metrics.queueBytes.Sub(float64(w.size))
	if !segment || !media {
		return
	}
	if r.store.cfg.Uploaded {
		r.store.addWaiting(w.size)
	}
	r.onWritten(w.record.Rendition, w.record.Segment)
}

// addMissing queues the segments before w that have no record as lost ones; the caller holds
// mu.
func (r *Recording) addMissing(w *write) {
	e := &r.entries
	if before := e.newest[w.record.Rendition]; before != nil {
		for _, s := range missing(before, w.record.Segment) {
			e.waiting = append(e.waiting, &Item{Rendition: w.record.Rendition, Segment: &s, Since: w.began, Lost: true})
		}
	}
	e.newest[w.record.Rendition] = w.record.Segment
}

// write writes the segment's file, and then the record that names it.
func (r *Recording) write(w *write) error {
	r.health.begin("write of "+r.meta.Broadcast+" to the local disk", 0)
	if w.slabs != nil {
		if err := r.writeFile(r.key(w.record.Rendition, w.record.Segment), w.slabs); err != nil {
			return err
		}
	}
	if err := r.journal.append(&w.record); err != nil {
		return err
	}
	if w.lost != "" {
		lost := Record{
			Kind: KindLost, At: w.record.At, Rendition: w.record.Rendition, Through: &w.record.MSN, Reason: w.lost,
		}
		// Without this record a restart finds that the file is missing.
		_ = r.journal.append(&lost)
	}
	if w.record.Kind == KindRemoved {
		r.journal.prune()
	}
	return r.store.markWritten(r.unavailable.Load())
}

// writeFile writes a segment's file. No reader has its name before its record is written, so
// it needs no temporary name; a torn one is found by its size.
func (r *Recording) writeFile(key string, slabs [][]byte) error {
	made, err := r.store.files.Write(key, slabs)
	if made {
		if _, err := r.store.files.Dir().Root().Stat(r.store.cfg.Layout.Log(r.meta)); err != nil {
			r.journal.records = pageRecords // the folder was removed by hand: another page
		}
	}
	return err
}

func (r *Recording) key(rendition string, s *Segment) string {
	return r.store.cfg.Layout.Media(r.meta.Broadcast, rendition, s.Media().Name())
}

// outcome notes how a write ended, and logs when a failure begins and ends.
func (r *Recording) outcome(err error, failures int) {
	if r.health.end(err) {
		r.log.Warn("segment was not written to the local disk, it is tried again", "err", err)
	}
	if err != nil || failures == 0 {
		return
	}
	if since := r.health.recovered(); !since.IsZero() {
		r.log.Info("local disk recovered", "failures", failures, "duration", time.Since(since).Round(time.Millisecond))
	}
}

// Failing returns why writes to the local disk fail now, and since when; nil when they do
// not.
func (r *Recording) Failing() (since time.Time, err error) { return r.health.failing() }

// backoff returns how long to wait after so many failures in a row: doubling, and spread
// over its upper half, so that the broadcasts of a node do not all try again at once.
func backoff(failures int) time.Duration {
	d := retryMin
	for range failures - 1 {
		d = min(2*d, retryMax)
	}
	return d/2 + rand.N(d/2+1)
}
