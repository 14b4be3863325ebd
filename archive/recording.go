package archive

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golive/storage"
)

// Recording writes the record of one broadcast. Run does the work; all other methods may
// be called from any goroutine. Only Open waits for a disk.
type Recording struct {
	store     *Store
	meta      Meta
	log       *slog.Logger
	onWritten func(rendition string, s *Segment)
	resumed   bool // an earlier run, or another node, began it
	health    health
	// unavailable is true while the bucket fails: segments that wait for it are synced at once.
	unavailable atomic.Bool

	changed chan struct{} // holds a value when Run has something to do
	arrived chan struct{} // holds a value when the Uploader has something to do

	mu      sync.Mutex
	entries entries

	journal log // Run's
}

// entries is the state of a Recording that its mu guards.
type entries struct {
	queue       []*write // for Run, in order
	queued      int64    // bytes of media in queue
	waiting     []*Item  // for the bucket, in order
	held        int64    // bytes of media in memory of those
	publication string   // of the newest segment that was offered
	described   map[string]Description
	newest      map[string]*Segment // that was written, by rendition
	finished    bool
	stopped     bool // Run has returned
}

// write is something for Run to write.
type write struct {
	record Record
	slabs  [][]byte // of a segment; nil when they were dropped, and for all other records
	size   int64    // of the slabs
	lost   string   // why the slabs were dropped
	began  time.Time
}

// Item is a segment that waits for the bucket.
type Item struct {
	Rendition string
	Segment   *Segment
	// Since is when it was offered, or recovered.
	Since time.Time
	// Lost is true when there are no bytes to upload: the segment is a gap, or was dropped.
	Lost bool

	slabs     [][]byte      // its bytes, when they are still in memory
	uploading bool          // the Uploader works on it
	took      time.Duration // all tries together; the Uploader's
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
		journal:   newLog(s, newHeader(m), 0),
		entries:   entries{described: map[string]Description{}, newest: map[string]*Segment{}},
	}
	s.register(r)
	return r
}

// Resume continues the record of a broadcast that an earlier run, or another node, left. Segments
// that the bucket does not have wait to be uploaded again.
func (s *Store) Resume(f *Recovered, written func(rendition string, seg *Segment), log *slog.Logger) *Recording {
	r := s.NewRecording(f.Meta, written, log)
	r.resumed = true
	next := 0
	if n := len(f.pages); n > 0 {
		next = f.pages[n-1] + 1
	}
	r.journal = newLog(s, f.clone(), next)
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
		r.queueUnstored(f)
	}
	return r
}

// queueUnstored queues the segments that the bucket does not have yet, in the order of their dates, so
// that renditions stay together.
func (r *Recording) queueUnstored(f *Recovered) {
	for name, list := range f.Segments {
		for i := range list {
			if seg := &list[i]; seg.MSN > f.Positions[name].Stored {
				r.entries.waiting = append(r.entries.waiting, &Item{Rendition: name, Segment: seg, Since: time.Now(), Lost: seg.Size == 0})
				if seg.Size > 0 {
					r.store.addWaiting(seg.Size)
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
func newLog(s *Store, h Header, next int) log {
	return log{files: s.files, layout: s.cfg.Layout, state: h, page: next}
}

// Open reads length bytes from offset of a segment on the local disk; a length of -1
// means to its end. The error wraps storage.ErrNotExist if there is no such file.
func (r *Recording) Open(ctx context.Context, rendition, name string, offset, length int64) (*storage.Reader, error) {
	return r.store.files.Get(ctx, r.store.cfg.Layout.Media(r.meta.Broadcast, rendition, name), offset, length)
}
