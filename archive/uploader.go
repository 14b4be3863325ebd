package archive

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"golive/storage"
)

// Uploader uploads one broadcast's record to a bucket: segments in the order of the log, then the
// playlists that name them. It deletes objects that are due. While the bucket fails it retries, and
// segments wait on the local disk. If the local files are the archive it puts playlists only.
type Uploader struct {
	cfg    UploaderConfig
	rec    *Recording
	bucket storage.Bucket
	index  Index
	log    *slog.Logger
	health health

	finished atomic.Pointer[time.Time] // when the broadcast ended; nil before

	stored  chan struct{} // closed when another node can continue
	drained chan struct{} // closed when the last objects are put

	run run
}

// run is the state that only the goroutine of Uploader.Run uses.
type run struct {
	pending      []storage.Object     // playlists and pages to put, each key once
	putAt        map[string]time.Time // when a playlist or page was last put, by key
	expiries     expiries
	began        time.Time // when the index was begun
	begun, ended bool      // the index is begun; the last objects are in pending, or put
	operations   [3]operation
	pages        bucketLog
	unlogged     []unlogged // in order
	permission   Permission
	// previousOwner wrote to the log before the broadcast was taken over.
	previousOwner string
	endAt         time.Time // the end is not tried before
	decideUntil   time.Time // until when the logs are read for whether another node continues the broadcast
	acknowledged  bool      // the bucket has had something of the broadcast
	announced     string    // the newest publication in the bucket's log
	pace          pace
}

// The operations, each with its own backoff: a bucket that is full refuses
// segments and can still be emptied.
const (
	opSegments = iota
	opPlaylists
	opDeletes
)

// operation is the backoff of one kind of operation.
type operation struct {
	failures int
	next     time.Time // not tried before
}

// NewUploader makes the Uploader of one broadcast.
func NewUploader(cfg UploaderConfig, rec *Recording, bucket storage.Bucket, index Index, log *slog.Logger) *Uploader {
	u := &Uploader{
		cfg:     cfg,
		rec:     rec,
		bucket:  bucket,
		index:   index,
		log:     log,
		stored:  make(chan struct{}),
		drained: make(chan struct{}),
	}
	u.run.putAt = map[string]time.Time{}
	u.run.pages = bucketLog{layout: u.cfg.Layout, state: rec.storedState()} // Recording.Run does not work yet
	for _, p := range u.run.pages.state.Positions {
		u.run.acknowledged = u.run.acknowledged || p.Stored >= 0
	}
	return u
}

// Finish tells the Uploader that nothing more is offered to the Recording: the broadcast ended
// at that time, or another node has owned it since.
func (u *Uploader) Finish(at time.Time) {
	at = at.UTC().Round(0)
	u.finished.Store(&at)
	wake(u.rec.arrived)
}

// Expire deletes the object at key in the bucket, and its local file, at that time. Only the
// Index may call it, ExpireLocal and Removed.
func (u *Uploader) Expire(key string, at time.Time) {
	u.run.expiries.add(expiry{key: key, at: at, until: at.Add(deleteTimeout)})
}

// ExpireLocal deletes the local file at key at that time; the bucket keeps the object.
func (u *Uploader) ExpireLocal(key string, at time.Time) {
	u.run.expiries.add(expiry{key: key, at: at, local: true})
}

// Removed records that the segments of a rendition up to a number are expired.
func (u *Uploader) Removed(rendition string, through int64) {
	u.rec.Removed(rendition, through)
	u.record(&Record{Kind: KindRemoved, At: time.Now().UTC(), Rendition: rendition, Through: &through})
	for _, key := range u.run.pages.removed() {
		u.Expire(key, time.Now())
	}
}

// SetPictures sets the pictures that are kept, for the broadcast's manifest. Only the Index may
// call it.
func (u *Uploader) SetPictures(p Pictures) { u.run.pages.state.Pictures = p }

// Drained is closed when the last objects are in the bucket, so that only deletions are
// left to do.
func (u *Uploader) Drained() <-chan struct{} { return u.drained }

// Stored is closed when all of the broadcast's segments are in the bucket, and its log, so
// that another node can continue it.
func (u *Uploader) Stored() <-chan struct{} { return u.stored }

// Permission returns what this node may still write of the broadcast; valid when Run has
// returned, or Drained is closed.
func (u *Uploader) Permission() Permission { return u.run.permission }

// Failing returns why the bucket fails now, and since when; nil when it does not. A bucket that
// does not answer fails too.
func (u *Uploader) Failing() (since time.Time, err error) { return u.health.failing() }

// Run uploads until all is done after Finish, and then returns nil; or until ctx is done, and
// then returns its cause. Segments that are left wait on the local disk for the next run. Run
// begins when an earlier broadcast does not write any more.
func (u *Uploader) Run(ctx context.Context) error {
	if u.cfg.Hold != nil {
		select {
		case <-u.cfg.Hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		now := time.Now()
		u.updatePermission()
		next, done := u.next(now)
		var alarm <-chan time.Time
		switch {
		case done:
			return nil
		case next.do == nil:
		case !next.at.After(now):
			next.do(ctx)
			continue
		default:
			timer.Reset(next.at.Sub(now))
			alarm = timer.C
		}
		select {
		case <-ctx.Done():
		case <-u.rec.arrived:
		case <-alarm:
		}
	}
}

// uploads reports whether the bucket is another than the local folder.
func (u *Uploader) uploads() bool { return u.rec.store.cfg.Uploaded }

// step is an operation that may be done from a time on.
type step struct {
	at time.Time
	do func(context.Context)
}

// consider replaces s by another step that can be done now while s cannot, or can be done
// earlier.
func (s *step) consider(now, at time.Time, do func(context.Context)) {
	if s.do == nil || s.at.After(now) && at.Before(s.at) {
		*s = step{at, do}
	}
}

// next returns the most urgent step that can be done now, or else the one that can be done
// first, if any, and whether all is done.
func (u *Uploader) next(now time.Time) (s step, done bool) {
	o := &u.run.operations
	if !u.run.begun {
		return step{o[opSegments].next, u.begin}, false
	}
	head, last := u.rec.next()
	if u.run.ended && head == nil && len(u.run.pending) == 0 {
		u.drain()
		if len(u.run.expiries) == 0 {
			return step{}, true
		}
	}
	segmentAt := now
	if head != nil && !head.Lost {
		segmentAt = latest(o[opSegments].next, u.announceAt(head))
	}
	segmentWaits := head != nil && u.mayUpload()
	if i := u.firstPending(); i >= 0 {
		at := latest(u.playlistAt(i, segmentWaits && !segmentAt.After(now)), o[opPlaylists].next)
		s.consider(now, at, func(ctx context.Context) { u.putPlaylist(ctx, i) })
	} else if len(u.run.pending) > 0 {
		s.consider(now, now.Add(permissionEvery), func(context.Context) {})
	}
	if segmentWaits {
		s.consider(now, segmentAt, func(ctx context.Context) { u.putSegment(ctx, head) })
	}
	if len(u.run.expiries) > 0 {
		s.consider(now, latest(o[opDeletes].next, u.run.expiries[0].at), u.delete)
	}
	if u.finished.Load() != nil && last && len(u.run.unlogged) == 0 && !u.run.ended {
		s.consider(now, latest(o[opSegments].next, u.run.endAt), u.end)
	}
	return s, false
}

// latest returns the later of two times.
func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// playlistAt returns the time from which a pending playlist may be put. While segments wait only
// the latest playlists matter, and not all of those.
func (u *Uploader) playlistAt(i int, segmentWaits bool) time.Time {
	last, again := u.run.putAt[u.run.pending[i].Key]
	switch {
	case !again: // an earlier Uploader, of the same id or in an earlier run, may just have put it
		return u.run.began.Add(u.cfg.PutInterval)
	case segmentWaits:
		return last.Add(max(u.cfg.PutInterval, playlistInterval))
	}
	return last.Add(u.cfg.PutInterval)
}

// begin reads the state that is needed before anything is put.
func (u *Uploader) begin(ctx context.Context) {
	u.run.began = time.Now()
	err := u.readBeginning(ctx)
	if ctx.Err() != nil && err != nil || u.outcome(opSegments, err, true) {
		return
	}
	u.run.begun = true
}

func (u *Uploader) readBeginning(ctx context.Context) error {
	if u.uploads() && u.rec.resumed {
		logs, _, err := u.readLogs(ctx)
		if err != nil {
			return err
		}
		own := u.rec.meta.logKey()
		u.run.pages.page = logs.nextPage(own)
		_, u.run.acknowledged = logs.newest(own)
	}
	return u.index.Begin(ctx)
}

// end renders the last objects, when it is known whether another node continues the broadcast.
func (u *Uploader) end(ctx context.Context) {
	if u.uploads() && u.run.permission > MayWriteExclusively && u.run.permission < MustLeave {
		_, decided, err := u.readLogs(ctx)
		if ctx.Err() != nil && err != nil || u.outcome(opSegments, err, true) {
			return
		}
		if u.run.permission == MayStore && !decided && u.awaitsDecision(time.Now()) {
			return
		}
	}
	u.run.ended = true
	if u.run.permission == MustLeave {
		u.run.pending, u.run.expiries = nil, nil
		return
	}
	last, due := u.index.Ended(u.run.permission == MayStore)
	u.record(&Record{Kind: KindEnded, At: *u.finished.Load()})
	if u.uploads() && u.run.acknowledged {
		u.enqueue(u.run.pages.object())
	}
	if h := &u.run.pages.state; !due.IsZero() {
		u.enqueue(h.Object(u.cfg.Layout.Due(due, h.Broadcast, h.Token)))
	}
	u.enqueue(last...)
}

const (
	// decideEvery is how often the logs are read again while the node that has the id has not
	// stored anything yet, and decideTimeout for how long: it may continue the broadcast, or
	// begin another one.
	decideEvery   = 2 * time.Second
	decideTimeout = time.Minute
)

// awaitsDecision reports whether the end is to be tried again later.
func (u *Uploader) awaitsDecision(now time.Time) bool {
	closeOnce(u.stored)
	if u.run.decideUntil.IsZero() {
		u.run.decideUntil = now.Add(decideTimeout)
	}
	u.run.endAt = now.Add(decideEvery)
	return now.Before(u.run.decideUntil)
}

func closeOnce(c chan struct{}) {
	if !isClosed(c) {
		close(c)
	}
}

func isClosed(c chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// drain notes that only deletions are left to do. Local files are deleted with the broadcast.
func (u *Uploader) drain() {
	if isClosed(u.drained) {
		return
	}
	u.run.expiries = slices.DeleteFunc(u.run.expiries, func(x expiry) bool { return x.local })
	closeOnce(u.stored)
	if u.cfg.Drained != nil {
		u.cfg.Drained()
	}
	close(u.drained)
}

// enqueue adds objects to put, in place of earlier ones of the same key. A newer one goes to
// the end: it may name earlier ones.
func (u *Uploader) enqueue(objects ...storage.Object) {
	for _, o := range objects {
		u.run.pending = slices.DeleteFunc(u.run.pending, func(old storage.Object) bool { return old.Key == o.Key })
		u.run.pending = append(u.run.pending, o)
	}
}

// Header returns the header for the broadcast's manifest; valid when Run has returned, or
// Drained is closed.
func (u *Uploader) Header() Header { return u.run.pages.state.clone() }

// putPlaylist tries once to put a pending playlist.
func (u *Uploader) putPlaylist(ctx context.Context, i int) {
	o := u.run.pending[i]
	err := u.put(ctx, o)
	switch {
	case ctx.Err() != nil && err != nil:
		return
	case err != nil && o.Expendable:
		u.health.endIgnored()
		u.log.Debug("picture not stored", "key", o.Key, "err", err)
	case u.outcome(opPlaylists, err, storage.Retryable(err)):
		return
	}
	u.run.pending = slices.Delete(u.run.pending, i, i+1)
	u.logged(o.Key, o.Size()) // it may have been refused for good
}

func (u *Uploader) put(ctx context.Context, o storage.Object) error {
	u.health.begin("put "+o.Key, 0)
	began := time.Now()
	err := u.bucket.Put(ctx, o)
	u.run.pages.seal(o.Key, time.Since(began), err)
	if err == nil {
		u.logged(o.Key, o.Size())
	}
	u.run.putAt[o.Key] = time.Now() // a store with a limit counts those that fail too
	return err
}

// outcome notes how an operation ended, and reports whether to retry it.
func (u *Uploader) outcome(kind int, err error, retryable bool) (again bool) {
	l := &u.run.operations[kind]
	again = err != nil && retryable
	if again {
		l.failures++
		l.next = time.Now().Add(max(backoff(l.failures), storage.RetryAfter(err)))
	} else {
		*l = operation{}
	}
	if u.health.end(err) {
		u.log.Warn("storage operation failed, it is tried again", "err", err)
		u.rec.unavailable.Store(true)
		if err := u.rec.store.flush(); err != nil {
			u.log.Warn("disk was not synced", "err", err)
		}
	}
	if u.run.operations == [3]operation{} {
		u.rec.unavailable.Store(false)
		if since := u.health.recovered(); !since.IsZero() {
			u.log.Info("storage recovered", "duration", time.Since(since).Round(time.Millisecond))
		}
	}
	return again
}
