package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"golive/storage"
)

// Index renders the playlists of a bucket. Its methods are called on the Uploader's
// goroutine, one at a time.
type Index interface {
	// Stored is told, in the order of the log, that the bucket has a segment (lost is
	// false), or never will. It returns the objects to put next: the playlists that may
	// name the segment now, each after those it names itself.
	Stored(rendition string, s *Segment, lost bool) []storage.Object
	// Ended returns the last objects, when all segments are stored or lost.
	Ended() []storage.Object
}

// UploaderConfig says how one broadcast is brought to a bucket.
type UploaderConfig struct {
	// Interval is the least time between two puts of the same playlist while segments
	// wait, and always for a bucket that wants it (Strict); 1 s when 0.
	Interval time.Duration
	// Strict says that the bucket refuses more than one put of a key in Interval.
	Strict bool
	// RetryMin and RetryMax bound the time between two tries; 200 ms, growing to 5 s,
	// when 0.
	RetryMin, RetryMax time.Duration
}

func (c UploaderConfig) withDefaults() UploaderConfig {
	if c.Interval == 0 {
		c.Interval = time.Second
	}
	if c.RetryMin == 0 {
		c.RetryMin = 200 * time.Millisecond
	}
	if c.RetryMax == 0 {
		c.RetryMax = 5 * time.Second
	}
	return c
}

// Uploader brings one broadcast's record to a bucket: segments in the order of the log,
// then the playlists that name them, and deletions at their time. While the bucket fails
// it tries again and again; what waits is on the local disk.
type Uploader struct {
	cfg    UploaderConfig
	rec    *Recording
	bucket storage.Bucket
	index  Index
	log    *slog.Logger

	mu       sync.Mutex
	expiries expiries
	finished bool
	failing  error
	since    time.Time

	changed chan struct{}
	drained chan struct{} // closed when the last objects are put

	// What follows belongs to Run.
	pending []storage.Object     // playlists to put, each key once
	putAt   map[string]time.Time // when a key was last put
	due     []expiry
	ended   bool // the last objects are in pending, or put
	lanes   [3]lane
}

// The kinds of operations, each with its own backoff: a bucket that is full refuses
// segments and can still be emptied.
const (
	laneSegments = iota
	lanePlaylists
	laneDeletes
)

// lane is one kind of operation.
type lane struct {
	failures int
	next     time.Time // not tried before
}

// expiry is an object's end.
type expiry struct {
	key string
	at  time.Time
}

// expiries are in the order of time.
type expiries []expiry

func (e *expiries) add(x expiry) {
	i, _ := slices.BinarySearchFunc(*e, x.at, func(have expiry, at time.Time) int {
		if have.at.After(at) {
			return 1
		}
		return -1
	})
	*e = slices.Insert(*e, i, x)
}

// NewUploader makes the Uploader of one broadcast.
func NewUploader(cfg UploaderConfig, rec *Recording, bucket storage.Bucket, index Index, log *slog.Logger) *Uploader {
	return &Uploader{
		cfg:     cfg.withDefaults(),
		rec:     rec,
		bucket:  bucket,
		index:   index,
		log:     log,
		changed: rec.arrived,
		drained: make(chan struct{}),
		putAt:   map[string]time.Time{},
	}
}

// Finish says that nothing more is offered to the Recording.
func (u *Uploader) Finish() {
	u.mu.Lock()
	u.finished = true
	u.mu.Unlock()
	wake(u.changed)
}

// Expire deletes the object at key in the bucket, and its local file, at that time.
func (u *Uploader) Expire(key string, at time.Time) {
	u.mu.Lock()
	u.expiries.add(expiry{key: key, at: at})
	u.mu.Unlock()
	wake(u.changed)
}

// Drained is closed when the last objects are in the bucket, so that only deletions are
// left to do.
func (u *Uploader) Drained() <-chan struct{} { return u.drained }

// Failing returns what the bucket fails with now, and since when; nil when all is well.
func (u *Uploader) Failing() (err error, since time.Time) { //nolint:revive // the error is the subject
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.failing, u.since
}

// Run works until all is done after Finish, and then returns nil; or until ctx is done,
// and then returns its cause. What is left waits on the local disk for the next run.
func (u *Uploader) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		now := time.Now()
		u.takeDue(now)
		if u.step(ctx, now) {
			continue
		}
		next, done := u.rest()
		if done {
			return nil
		}
		var alarm <-chan time.Time
		if !next.IsZero() {
			timer.Reset(next.Sub(now))
			alarm = timer.C
		}
		select {
		case <-ctx.Done():
		case <-u.changed:
		case <-alarm:
		}
	}
}

// step does the one thing that is most urgent and possible now.
func (u *Uploader) step(ctx context.Context, now time.Time) bool {
	u.mu.Lock()
	finished := u.finished
	u.mu.Unlock()
	head := u.rec.next()
	putSegment := head != nil && (head.Lost || u.ready(laneSegments, now))
	switch playlist := u.playlist(now, putSegment); {
	case playlist >= 0:
		u.putPlaylist(ctx, playlist)
	case putSegment:
		u.putSegment(ctx, head)
	case len(u.due) > 0 && u.ready(laneDeletes, now):
		u.delete(ctx)
	case finished && head == nil && !u.ended && u.rec.written():
		u.ended = true
		u.pend(u.index.Ended())
	default:
		return false
	}
	return true
}

func (u *Uploader) ready(l int, now time.Time) bool { return !now.Before(u.lanes[l].next) }

// playlist returns the index of the playlist to put now, or -1. While segments wait only
// the latest playlists matter, and not all of those. They are put in order: a later one
// may name an earlier one.
func (u *Uploader) playlist(now time.Time, segmentWaits bool) int {
	if len(u.pending) == 0 || !u.ready(lanePlaylists, now) {
		return -1
	}
	early := now.Before(u.putAt[u.pending[0].Key].Add(u.cfg.Interval))
	if early && (u.cfg.Strict || segmentWaits) {
		return -1
	}
	return 0
}

// rest returns when there may be something to do again, zero when only news can tell, and
// whether all is done for good.
func (u *Uploader) rest() (next time.Time, done bool) {
	idle := u.rec.next() == nil
	sooner := func(when bool, t time.Time) {
		if when && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	u.mu.Lock()
	if len(u.expiries) > 0 {
		next = u.expiries[0].at
	}
	u.mu.Unlock()
	if u.ended && idle && len(u.pending) == 0 {
		u.drain()
		if len(u.due) == 0 && next.IsZero() {
			return time.Time{}, true
		}
	}
	sooner(!idle, u.lanes[laneSegments].next)
	if len(u.pending) > 0 {
		at := u.putAt[u.pending[0].Key].Add(u.cfg.Interval)
		if u.lanes[lanePlaylists].next.After(at) {
			at = u.lanes[lanePlaylists].next
		}
		sooner(true, at)
	}
	sooner(len(u.due) > 0, u.lanes[laneDeletes].next)
	return next, false
}

func (u *Uploader) drain() {
	select {
	case <-u.drained:
	default:
		close(u.drained)
	}
}

// takeDue takes the expiries whose time has come.
func (u *Uploader) takeDue(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	n := 0
	for n < len(u.expiries) && !u.expiries[n].at.After(now) {
		n++
	}
	for _, x := range u.expiries[:n] {
		u.pending = slices.DeleteFunc(u.pending, func(o storage.Object) bool { return o.Key == x.key })
		u.due = append(u.due, x)
	}
	u.expiries = slices.Delete(u.expiries, 0, n)
}

// pend notes objects to put, in place of earlier ones of the same key. A newer one goes to
// the end: it may name what stands before it.
func (u *Uploader) pend(objects []storage.Object) {
	for _, o := range objects {
		u.pending = slices.DeleteFunc(u.pending, func(old storage.Object) bool { return old.Key == o.Key })
		u.pending = append(u.pending, o)
	}
}

// The headers of a segment. Its name is never used again: caches may keep it for a year,
// which RFC 9111 calls long enough.
const (
	segmentType  = "video/mp2t"
	segmentCache = "public, max-age=31536000, immutable"
)

// putSegment tries once to put the segment that has waited longest.
func (u *Uploader) putSegment(ctx context.Context, it *Item) {
	lost := it.Lost
	if !lost {
		err := u.upload(ctx, it)
		if ctx.Err() != nil && err != nil || u.outcome(laneSegments, err) {
			return
		}
		if err != nil {
			lost = true
			u.log.Error("segment lost", "rendition", it.Rendition, "msn", it.Segment.MSN, "err", err)
		}
	}
	u.pend(u.index.Stored(it.Rendition, it.Segment, lost))
	u.rec.done(it, lost)
}

// errTorn says that a local file is not the segment that was written.
var errTorn = errors.New("local file is damaged")

// upload puts the segment's local file.
func (u *Uploader) upload(ctx context.Context, it *Item) error {
	key := u.rec.key(it.Rendition, it.Segment)
	body, err := u.rec.store.read(key, it.Segment.Size)
	if err != nil {
		return &storage.Error{Op: "read", Key: key, Err: err, Permanent: errors.Is(err, storage.ErrNotExist) || errors.Is(err, errTorn)}
	}
	return u.bucket.Put(ctx, storage.Object{Key: key, Slabs: [][]byte{body}, ContentType: segmentType, CacheControl: segmentCache})
}

// read reads a whole file of that many bytes.
func (s *Store) read(key string, size int64) ([]byte, error) {
	r, err := s.Open(key, 0, -1)
	if err != nil {
		return nil, err
	}
	if r.Size != size {
		return nil, errors.Join(fmt.Errorf("%w: it has %d bytes of %d", errTorn, r.Size, size), r.Close())
	}
	body := make([]byte, size)
	_, err = io.ReadFull(r.Body, body)
	return body, errors.Join(err, r.Close())
}

// putPlaylist tries once to put a pending playlist.
func (u *Uploader) putPlaylist(ctx context.Context, i int) {
	o := u.pending[i]
	err := u.bucket.Put(ctx, o)
	if ctx.Err() != nil && err != nil || u.outcome(lanePlaylists, err) {
		return
	}
	u.putAt[o.Key] = time.Now()
	u.pending = slices.Delete(u.pending, i, i+1)
}

// deleteTimeout is how long after its time an object that cannot be deleted is given up.
const deleteTimeout = time.Hour

// delete tries once to delete the first object that is due. One that fails goes behind
// the others.
func (u *Uploader) delete(ctx context.Context) {
	x := u.due[0]
	err := u.bucket.Delete(ctx, x.key)
	if ctx.Err() != nil && err != nil {
		return
	}
	again := u.outcome(laneDeletes, err)
	u.due = slices.Delete(u.due, 0, 1)
	if again && time.Since(x.at) < deleteTimeout {
		u.due = append(u.due, x)
	}
}

// outcome notes how an operation ended, and reports whether to try it again.
func (u *Uploader) outcome(kind int, err error) (again bool) {
	l, now := &u.lanes[kind], time.Now()
	again = err != nil && storage.Retryable(err)
	if again {
		l.failures++
		l.next = now.Add(u.backoff(l.failures))
	} else {
		*l = lane{}
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	switch {
	case err != nil && u.failing == nil:
		u.failing, u.since = err, now
		u.log.Warn("storage operation failed, it is tried again", "err", err)
	case err != nil:
		u.failing = err
	case u.failing != nil && u.lanes == [3]lane{}:
		u.log.Info("storage recovered", "duration", now.Sub(u.since).Round(time.Millisecond))
		u.failing, u.since = nil, time.Time{}
	}
	return again
}

// backoff is how long to wait after so many failures in a row: doubling, and spread over
// its upper half, so that the broadcasts of a server do not all come back at once.
func (u *Uploader) backoff(failures int) time.Duration {
	d := u.cfg.RetryMin
	for range failures - 1 {
		d = min(2*d, u.cfg.RetryMax)
	}
	return d/2 + rand.N(d/2+1)
}
