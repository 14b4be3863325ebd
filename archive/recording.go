package archive

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golive/media"
	"golive/storage"
)

// Recording writes the record of one broadcast. Run does the work; all other methods may
// be called from any goroutine and never wait for a disk, but for Open.
type Recording struct {
	store     *Store
	meta      Meta
	log       *slog.Logger
	onWritten func(rendition string, s *Segment)
	health    health
	// unavailable says that the bucket fails: what waits for it is synced at once.
	unavailable atomic.Bool

	changed chan struct{} // holds a token when there is news for Run
	arrived chan struct{} // holds a token when there is news for the Uploader

	mu      sync.Mutex
	entries entries

	journal log // Run's
}

// entries are what a Recording has to do, behind its lock.
type entries struct {
	queue       []*write // for Run, in order
	queued      int64    // bytes of media in queue
	waiting     []*Item  // for the bucket, in order
	held        int64    // bytes of media in memory of those
	publication string   // of the newest segment that was offered
	described   map[string]Description
	ended       time.Time
	finished    bool
	stopped     bool // Run has returned
}

// write is something for Run to write.
type write struct {
	record Record
	slabs  [][]byte // of a segment; nil when they were given up, and for all others
	size   int64    // of the slabs
	lost   string   // why the slabs were given up
	began  time.Time
}

// Item is a segment that waits for the bucket.
type Item struct {
	Rendition string
	Segment   *Segment
	// Since is when it was offered, or recovered.
	Since time.Time
	// Lost says that there are no bytes to upload: the segment is a gap, or was given up.
	Lost bool

	slabs [][]byte      // its bytes, when they are still in memory
	taken bool          // the Uploader is at it
	took  time.Duration // all tries together; the Uploader's
}

// NewRecording begins the record of a broadcast. Nothing is written before Run. written
// is called on Run's goroutine when a segment can be read back with Open.
func (s *Store) NewRecording(m Meta, written func(rendition string, seg *Segment), log *slog.Logger) *Recording {
	r := &Recording{
		store:     s,
		meta:      m,
		log:       log,
		onWritten: written,
		changed:   make(chan struct{}, 1),
		arrived:   make(chan struct{}, 1),
		journal:   newLog(s, newState(m), 0),
		entries:   entries{described: map[string]Description{}},
	}
	s.enter(r)
	return r
}

// Resume goes on with the record of a broadcast that an earlier run, or another node,
// left. Segments that the bucket does not have wait for it again.
func (s *Store) Resume(f *Recovered, written func(rendition string, seg *Segment), log *slog.Logger) *Recording {
	r := s.NewRecording(f.Meta, written, log)
	next := 0
	if n := len(f.pages); n > 0 {
		next = f.pages[n-1] + 1
	}
	r.journal = newLog(s, f.state(), next)
	for _, page := range f.pages {
		r.journal.ends.add(page, &r.journal.state)
	}
	for name, p := range f.Positions {
		r.entries.described[name] = p.Description
	}
	if n := len(f.Publications); n > 0 {
		r.entries.publication = f.Publications[n-1]
	}
	if s.cfg.Uploaded {
		r.await(f)
	}
	return r
}

// await queues for the bucket what it does not have yet, in the order of the dates, so that
// renditions stay together.
func (r *Recording) await(f *Recovered) {
	for name, list := range f.Segments {
		for i := range list {
			if seg := &list[i]; seg.MSN > f.Positions[name].Stored {
				r.entries.waiting = append(r.entries.waiting, &Item{Rendition: name, Segment: &seg.Segment, Since: time.Now(), Lost: seg.Lost})
				if !seg.Lost {
					r.store.add(seg.Size)
				}
			}
		}
	}
	slices.SortStableFunc(r.entries.waiting, func(a, b *Item) int { return a.Segment.Date.Compare(b.Segment.Date) })
	if len(r.entries.waiting) > 0 {
		wake(r.arrived)
	}
}

// newLog returns a log that has no page open.
func newLog(s *Store, st state, next int) log {
	return log{dir: s.dir, layout: s.cfg.Layout, state: st, page: next}
}

// Meta identifies the broadcast.
func (r *Recording) Meta() Meta { return r.meta }

// Offer takes a finished segment. When too much waits in memory for a disk that is away
// or slow, its bytes are given up, and it is recorded as lost in its turn.
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
	if e.queued > 0 && e.queued+w.size > r.store.cfg.QueueBytes {
		w.slabs, w.size, w.lost = nil, 0, "local disk too slow"
		r.store.metrics.dropped.WithLabelValues(droppedQueueFull).Inc()
		r.log.Error("segment lost", "rendition", rendition, "msn", seg.MSN, "reason", droppedQueueFull)
	}
	r.push(w)
}

// Describe records what a rendition's playlists say of it.
func (r *Recording) Describe(rendition string, d Description) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries.described[rendition] == d {
		return
	}
	r.entries.described[rendition] = d
	r.push(&write{record: Record{Kind: KindRendition, At: time.Now().UTC(), Rendition: rendition, Description: &d}})
}

// Removed records that the segments of a rendition up to a number are deleted.
func (r *Recording) Removed(rendition string, through int64) {
	r.note(Record{Kind: KindRemoved, Rendition: rendition, Through: &through})
}

// End records the end of the broadcast, after which nothing is offered.
func (r *Recording) End(at time.Time, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries.finished {
		return
	}
	r.entries.ended = at.UTC().Round(0)
	r.push(&write{record: Record{Kind: KindEnded, At: r.entries.ended, Reason: reason}})
	r.entries.finished = true
}

// Archived records that nothing of the broadcast, which has ended, waits any more.
func (r *Recording) Archived() { r.note(Record{Kind: KindArchived}) }

// note records something that is not media.
func (r *Recording) note(rec Record) {
	if rec.At.IsZero() {
		rec.At = time.Now().UTC()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.push(&write{record: rec})
}

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

func wake(news chan struct{}) {
	select {
	case news <- struct{}{}:
	default:
	}
}

// Run writes what is offered until ctx is done and all of it is written, or cannot be
// written any more; then it returns. Its error says that something was not.
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
		r.pause(ctx, failures)
	}
}

// stop lets go of what could not be written, and counts it.
func (r *Recording) stop() {
	r.mu.Lock()
	lost := 0
	for _, w := range r.entries.queue {
		if w.slabs != nil {
			lost++
		}
	}
	r.store.metrics.queueBytes.Sub(float64(r.entries.queued))
	r.entries.queue, r.entries.queued, r.entries.stopped = nil, 0, true
	r.mu.Unlock()
	r.store.metrics.dropped.WithLabelValues(droppedStopped).Add(float64(lost))
	r.store.leave(r)
	// All of it was written; a fault that Close tells of, a sync tells too.
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
		r.store.add(w.size)
	}
	r.onWritten(w.record.Rendition, w.record.Segment)
}

// write writes the segment's file, and then the record that names it.
func (r *Recording) write(w *write) error {
	r.health.ask("write of "+r.meta.Broadcast+" to the local disk", 0)
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
		// Without it a restart finds no file, and knows as much.
		_ = r.journal.append(&lost)
	}
	if w.record.Kind == KindRemoved {
		r.journal.prune()
	}
	return r.store.wrote(r.unavailable.Load())
}

// writeFile writes a segment's file. Nobody knows its name before its record is written,
// so it needs no temporary name; a torn one is found by its size.
func (r *Recording) writeFile(key string, slabs [][]byte) error {
	f, err := r.create(key)
	if err != nil {
		return fileError("write", key, err)
	}
	for _, slab := range slabs {
		if _, err = f.Write(slab); err != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		// What cannot be deleted either is written over at the next try.
		_ = r.store.dir.Root().Remove(key)
		return fileError("write", key, err)
	}
	return nil
}

func fileError(op, key string, err error) error {
	return storage.FileError(op, key, err, "data_dir", "lower storage.retention.replay")
}

// create opens the file at key for writing. A folder that somebody removed by hand is
// made again, with another page of the log.
func (r *Recording) create(key string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	f, err := r.store.dir.Root().OpenFile(key, flags, fileMode)
	if !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	if _, err := r.store.dir.Renew(); err != nil {
		return nil, err
	}
	if err := r.store.dir.Root().MkdirAll(folderOf(key), dirMode); err != nil {
		return nil, err
	}
	if _, err := r.store.dir.Root().Stat(r.store.cfg.Layout.Log(r.meta)); err != nil {
		r.journal.records = pageRecords
	}
	return r.store.dir.Root().OpenFile(key, flags, fileMode)
}

func (r *Recording) key(rendition string, s *Segment) string {
	return r.store.cfg.Layout.Media(r.meta.Broadcast, rendition, s.Media().Name())
}

// outcome notes how a write ended, and tells when a failure begins and ends.
func (r *Recording) outcome(err error, failures int) {
	if r.health.answer(err) {
		r.log.Warn("segment was not written to the local disk, it is tried again", "err", err)
	}
	if err != nil || failures == 0 {
		return
	}
	if since := r.health.recover(); !since.IsZero() {
		r.log.Info("local disk recovered", "failures", failures, "duration", time.Since(since).Round(time.Millisecond))
	}
}

// Failing returns why the local disk takes nothing now, and since when; nil when it does.
func (r *Recording) Failing() (since time.Time, err error) { return r.health.failing() }

// pause waits before the next try, or until ctx is done.
func (r *Recording) pause(ctx context.Context, failures int) {
	timer := time.NewTimer(backoff(r.store.cfg.RetryMin, r.store.cfg.RetryMax, failures))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// backoff returns how long to wait after so many failures in a row: doubling, and spread
// over its upper half, so that the broadcasts of a node do not all come back at once.
func backoff(least, most time.Duration, failures int) time.Duration {
	d := least
	for range failures - 1 {
		d = min(2*d, most)
	}
	return d/2 + rand.N(d/2+1)
}

// Open reads length bytes from offset of a segment on the local disk; a length of -1
// means to its end. The error wraps storage.ErrNotExist when the file is not there.
func (r *Recording) Open(rendition, name string, offset, length int64) (*storage.Reader, error) {
	return r.store.Open(r.store.cfg.Layout.Media(r.meta.Broadcast, rendition, name), offset, length)
}
