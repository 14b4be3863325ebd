package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"time"

	"golive/media"
	"golive/storage"
)

// Recording writes the record of one broadcast. Run does the work; all other methods may
// be called from any goroutine and never wait for a disk, but for Open.
type Recording struct {
	store *Store
	log   *slog.Logger

	onWritten func(rendition string, s *Segment)

	changed chan struct{} // holds a token when there is news for Run
	arrived chan struct{} // holds a token when there is news for the Uploader

	mu       sync.Mutex
	queue    []*write // for Run, in order
	queued   int64    // bytes of media in queue
	waiting  []*Item  // on the local disk, for the bucket, in order
	finished bool
	failing  error
	since    time.Time // when failing began

	journal log // Run's
}

// write is something for Run to write.
type write struct {
	record Record
	slabs  [][]byte // of a segment; nil when they were given up, and for all others
	size   int64    // of the slabs
	lost   string   // why the slabs were given up
}

// Item is a segment that waits for the bucket.
type Item struct {
	Rendition string
	Segment   *Segment
	// Since is when it was written, or recovered.
	Since time.Time
	// Lost says that there are no bytes to upload: the segment is a gap, or was given up.
	Lost bool
	// taken says that the Uploader is at it.
	taken bool
}

// NewRecording begins the record of a broadcast. Nothing is written before Run. written
// is called on Run's goroutine when a segment can be read back with Open.
func (s *Store) NewRecording(m Meta, written func(rendition string, seg *Segment), log *slog.Logger) *Recording {
	r := &Recording{
		store:     s,
		log:       log,
		onWritten: written,
		changed:   make(chan struct{}, 1),
		arrived:   make(chan struct{}, 1),
		journal:   newLog(s, newState(m), 0),
	}
	s.enter(r)
	return r
}

// Resume goes on with the record of a broadcast that an earlier run left. Segments that
// the bucket does not have wait for it again.
func (s *Store) Resume(f *Recovered, written func(rendition string, seg *Segment), log *slog.Logger) *Recording {
	r := s.NewRecording(f.Meta, written, log)
	next := 0
	if n := len(f.pages); n > 0 {
		next = f.pages[n-1] + 1
	}
	r.journal = newLog(s, state{meta: f.Meta, ended: f.Ended, positions: f.Positions}, next)
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
				r.waiting = append(r.waiting, &Item{Rendition: name, Segment: &seg.Segment, Since: seg.End(), Lost: seg.Lost})
				if !seg.Lost {
					r.store.add(seg.Size)
				}
			}
		}
	}
	slices.SortStableFunc(r.waiting, func(a, b *Item) int { return a.Segment.Date.Compare(b.Segment.Date) })
	if len(r.waiting) > 0 {
		wake(r.arrived)
	}
}

// newLog returns a log that has no page open.
func newLog(s *Store, st state, next int) log {
	return log{root: s.root, layout: s.cfg.Layout, state: st, page: next}
}

// Offer takes a finished segment. When too much waits in memory for a disk that is away
// or slow, its bytes are given up, and it is recorded as lost in its turn.
func (r *Recording) Offer(rendition string, seg *media.Segment) {
	w := &write{record: Record{Kind: KindSegment, At: time.Now().UTC(), Rendition: rendition, Segment: SegmentOf(seg)}}
	if seg.Size > 0 {
		w.slabs, w.size = seg.Slabs(), seg.Size
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return
	}
	if r.queued > 0 && r.queued+w.size > r.store.cfg.QueueBytes {
		w.slabs, w.size, w.lost = nil, 0, "local disk too slow"
	}
	r.push(w)
}

// Describe records what a rendition's playlists say of it.
func (r *Recording) Describe(rendition string, d Description) {
	r.note(Record{Kind: KindRendition, Rendition: rendition, Description: &d})
}

// Published records that a publisher was accepted.
func (r *Recording) Published(publication string) {
	r.note(Record{Kind: KindPublication, Reason: publication})
}

// End records the end of the broadcast, after which nothing is offered.
func (r *Recording) End(at time.Time, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.finished {
		return
	}
	r.push(&write{record: Record{Kind: KindEnded, At: at.UTC(), Reason: reason}})
	r.finished = true
}

// note records something that is not media.
func (r *Recording) note(rec Record) {
	rec.At = time.Now().UTC()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.push(&write{record: rec})
}

// push queues w; the caller holds mu.
func (r *Recording) push(w *write) {
	r.queue = append(r.queue, w)
	r.queued += w.size
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
	defer r.store.leave(r)
	failures := 0
	for {
		w := r.head()
		switch {
		case w == nil && ctx.Err() != nil:
			return r.journal.close()
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
			return errors.Join(fmt.Errorf("broadcast was not recorded whole: %w", err), r.journal.close())
		}
		r.pause(ctx, failures)
	}
}

func (r *Recording) head() *write {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		return nil
	}
	return r.queue[0]
}

// pop removes the head, which was written.
func (r *Recording) pop(w *write) {
	r.mu.Lock()
	r.queue[0] = nil
	r.queue = r.queue[1:]
	r.queued -= w.size
	segment := w.record.Kind == KindSegment
	if segment && r.store.cfg.Uploaded {
		r.waiting = append(r.waiting, &Item{
			Rendition: w.record.Rendition, Segment: w.record.Segment, Since: time.Now(), Lost: w.slabs == nil,
		})
	}
	if segment || len(r.queue) == 0 {
		wake(r.arrived)
	}
	r.mu.Unlock()
	if !segment || w.slabs == nil {
		return
	}
	if r.store.cfg.Uploaded {
		r.store.add(w.size)
	}
	r.onWritten(w.record.Rendition, w.record.Segment)
}

// write writes the segment's file, and then the record that names it.
func (r *Recording) write(w *write) error {
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
	return r.store.wrote()
}

// writeFile writes a segment's file. Nobody knows its name before its record is written,
// so it needs no temporary name; a torn one is found by its size.
func (r *Recording) writeFile(key string, slabs [][]byte) error {
	f, err := r.create(key)
	if err != nil {
		return fmt.Errorf("write segment: %w", err)
	}
	for _, slab := range slabs {
		if _, err = f.Write(slab); err != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		// What cannot be deleted either is written over at the next try.
		_ = r.store.root.Remove(key)
		return fmt.Errorf("write segment: %w", err)
	}
	return nil
}

func (r *Recording) create(key string) (*os.File, error) {
	const flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC
	f, err := r.store.root.OpenFile(key, flags, fileMode)
	if !errors.Is(err, os.ErrNotExist) {
		return f, err
	}
	if err := r.store.root.MkdirAll(folderOf(key), dirMode); err != nil {
		return nil, err
	}
	return r.store.root.OpenFile(key, flags, fileMode)
}

func (r *Recording) key(rendition string, s *Segment) string {
	return r.store.cfg.Layout.Media(r.journal.state.meta.Broadcast, rendition, s.Media().Name())
}

// outcome notes how a write ended, and tells when a failure begins and ends.
func (r *Recording) outcome(err error, failures int) {
	r.mu.Lock()
	before, since := r.failing, r.since
	r.failing = err
	if err != nil && before == nil {
		r.since = time.Now()
	}
	r.mu.Unlock()
	switch {
	case err != nil && before == nil:
		r.log.Warn("segment was not written to the local disk, it is tried again", "err", err)
	case err == nil && before != nil:
		r.log.Info("local disk recovered", "failures", failures, "duration", time.Since(since).Round(time.Millisecond))
	}
}

// Failing returns why the local disk takes nothing now, and since when; nil when it does.
func (r *Recording) Failing() (err error, since time.Time) { //nolint:revive // the error is the subject
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failing, r.since
}

// pause waits before the next try: longer after each failure, spread over its upper half
// so that the broadcasts of a node do not all come back at once.
func (r *Recording) pause(ctx context.Context, failures int) {
	d := r.store.cfg.RetryMin
	for range failures - 1 {
		d = min(2*d, r.store.cfg.RetryMax)
	}
	timer := time.NewTimer(d/2 + rand.N(d/2+1))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// Open reads length bytes from offset of a segment on the local disk; a length of -1
// means to its end. The error wraps storage.ErrNotExist when the file is not there.
func (r *Recording) Open(rendition, name string, offset, length int64) (*storage.Reader, error) {
	return r.store.Open(r.store.cfg.Layout.Media(r.journal.state.meta.Broadcast, rendition, name), offset, length)
}

// Open reads length bytes from offset of the file at key; a length of -1 means to its end.
// The error wraps storage.ErrNotExist when there is none.
func (s *Store) Open(key string, offset, length int64) (*storage.Reader, error) {
	f, err := s.root.Open(key)
	if errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w", key, storage.ErrNotExist)
	}
	if err != nil {
		return nil, fmt.Errorf("open segment: %w", err)
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = storage.ErrNotExist
	}
	var n int64
	if err == nil {
		n, err = storage.CheckRange(offset, length, info.Size())
	}
	if err == nil && offset > 0 {
		_, err = f.Seek(offset, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", key, err), f.Close())
	}
	return &storage.Reader{
		Info:  storage.Info{Key: key, Size: info.Size(), Modified: info.ModTime()},
		Body:  &io.LimitedReader{R: f, N: n},
		Close: f.Close,
	}, nil
}
