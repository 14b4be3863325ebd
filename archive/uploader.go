package archive

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golive/storage"
)

// Uploader brings one broadcast's record to a bucket: segments in the order of the log,
// then the playlists that name them, and deletions at their time. While the bucket fails
// it tries again and again; what waits is on the local disk. Where the local files are the
// archive it puts playlists only.
type Uploader struct {
	cfg    UploaderConfig
	rec    *Recording
	bucket storage.Bucket
	index  Index
	log    *slog.Logger
	health health

	mu       sync.Mutex
	expiries expiries
	finished bool
	moved    bool

	stored  chan struct{} // closed when another node can go on
	drained chan struct{} // closed when the last objects are put

	run run // Run's
}

// run is what belongs to the goroutine of Uploader.Run.
type run struct {
	pending      []storage.Object     // playlists and pages to put, each key once
	putAt        map[string]time.Time // when a playlist or page was last put, by key
	began        time.Time
	due          []expiry
	ended        bool // the last objects are in pending, or put
	operations   [3]operation
	pages        bucketLog
	unlogged     []unlogged // in order
	claim        Claim
	permission   Permission
	claimUntil   time.Time // until when the claim may stay Owned after another node has the broadcast
	endAt        time.Time // the end is not tried before
	acknowledged bool      // the bucket has had something of the broadcast
	announced    string    // the publication that the log in the bucket has
	touched      time.Time // when the live manifest was last put
	pace         pace
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
		cfg:     cfg.withDefaults(),
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

// Finish ends the broadcast: nothing more is offered to the Recording.
func (u *Uploader) Finish() {
	u.mu.Lock()
	u.finished = true
	u.mu.Unlock()
	wake(u.rec.arrived)
}

// Leave hands the broadcast over to another node: nothing more is offered to the Recording.
// What is left is brought to the bucket, and the broadcast is not ended.
func (u *Uploader) Leave() {
	u.mu.Lock()
	u.finished, u.moved = true, true
	u.mu.Unlock()
	wake(u.rec.arrived)
}

// Expire deletes the object at key in the bucket, and its local file, at that time.
func (u *Uploader) Expire(key string, at time.Time) { u.expire(expiry{key: key, at: at}) }

// ExpireLocal deletes the local file at key at that time; the bucket keeps the object.
func (u *Uploader) ExpireLocal(key string, at time.Time) {
	u.expire(expiry{key: key, at: at, local: true})
}

func (u *Uploader) expire(x expiry) {
	u.mu.Lock()
	u.expiries.add(x)
	u.mu.Unlock()
	wake(u.rec.arrived)
}

// Removed records that the segments of a rendition up to a number are expired. Only the
// Index may call it.
func (u *Uploader) Removed(rendition string, through int64) {
	u.rec.Removed(rendition, through)
	u.record(&Record{Kind: KindRemoved, At: time.Now().UTC(), Rendition: rendition, Through: &through})
	for _, key := range u.run.pages.removed() {
		u.Expire(key, time.Now())
	}
}

// Drained is closed when the last objects are in the bucket, so that only deletions are
// left to do.
func (u *Uploader) Drained() <-chan struct{} { return u.drained }

// Claim returns which node has the broadcast; valid when Run has returned, or Drained is closed.
func (u *Uploader) Claim() Claim { return u.run.claim }

// Failing returns the error with which the bucket fails now, also if that is no answer, and
// since when; nil when it does not fail.
func (u *Uploader) Failing() (since time.Time, err error) { return u.health.failing() }

// Run works until all is done after Finish, and then returns nil; or until ctx is done,
// and then returns its cause. What is left waits on the local disk for the next run.
func (u *Uploader) Run(ctx context.Context) error {
	if err := u.begin(ctx); err != nil {
		return err
	}
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
		next, done := u.nextWork()
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
		case <-u.rec.arrived:
		case <-alarm:
		}
	}
}

// begin waits for the earlier broadcast, and for what must be known before anything is
// put.
func (u *Uploader) begin(ctx context.Context) error {
	if u.cfg.Hold != nil {
		select {
		case <-u.cfg.Hold:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for {
		u.run.began = time.Now()
		u.health.begin("list "+u.cfg.Layout.Logs(u.rec.meta.Broadcast), 0)
		err := u.tryBegin(ctx)
		if ctx.Err() != nil && err != nil {
			return context.Cause(ctx)
		}
		if !u.outcome(opSegments, err) && err == nil {
			return nil
		}
		timer := time.NewTimer(max(u.cfg.RetryMin, time.Until(u.run.operations[opSegments].next)))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return context.Cause(ctx)
		}
	}
}

func (u *Uploader) tryBegin(ctx context.Context) error {
	if u.uploads() && (u.rec.resumed || u.cfg.TakenOver) {
		logs, err := listLogs(ctx, u.bucket, u.cfg.Layout, u.rec.meta.Broadcast)
		if err != nil {
			return err
		}
		c, page := logs.claimOn(u.rec.meta, u.run.acknowledged, u.cfg.TakenOver)
		u.run.claim, u.run.pages.page = c, max(page, 1) // 0 may be under way, too
		u.run.acknowledged = len(logs[u.rec.meta.named()]) > 0
	}
	return u.index.Begin(ctx)
}

// uploads reports whether the bucket is another than the local folder.
func (u *Uploader) uploads() bool { return u.rec.store.cfg.Uploaded }

// step does the one thing that is most urgent and possible now.
func (u *Uploader) step(ctx context.Context, now time.Time) bool {
	u.mu.Lock()
	finished := u.finished
	u.mu.Unlock()
	u.updatePermission()
	head := u.rec.next()
	putSegment := head != nil && u.mayUpload() && (head.Lost || u.ready(opSegments, now) && u.mayAnnounce(head, now))
	switch playlist := u.playlist(now, putSegment); {
	case playlist >= 0:
		u.putPlaylist(ctx, playlist)
	case putSegment:
		u.putSegment(ctx, head)
	case len(u.run.due) > 0 && u.ready(opDeletes, now):
		u.delete(ctx)
	case finished && head == nil && len(u.run.unlogged) == 0 && !u.run.ended && u.rec.written() && u.ready(opSegments, now) && !now.Before(u.run.endAt):
		u.end(ctx)
	default:
		return false
	}
	return true
}

func (u *Uploader) ready(l int, now time.Time) bool { return !now.Before(u.run.operations[l].next) }

// playlist returns the index of the playlist to put now, or -1. While segments wait only
// the latest playlists matter, and not all of those. They are put in order: a later one
// may name an earlier one.
func (u *Uploader) playlist(now time.Time, segmentWaits bool) int {
	i := u.firstPending()
	if i < 0 || !u.ready(opPlaylists, now) || now.Before(u.playlistAt(i, segmentWaits)) {
		return -1
	}
	return i
}

// playlistAt returns the time from which a pending playlist may be put.
func (u *Uploader) playlistAt(i int, segmentWaits bool) time.Time {
	last, again := u.run.putAt[u.run.pending[i].Key]
	switch {
	case !again: // an earlier Uploader, of the same id or in an earlier run, may just have put it
		return u.run.began.Add(u.cfg.PutInterval)
	case segmentWaits:
		return last.Add(max(u.cfg.PutInterval, u.cfg.Interval))
	}
	return last.Add(u.cfg.PutInterval)
}

// nextWork returns when there may be something to do again, or the zero time if that needs a
// token in arrived, and whether everything is done.
func (u *Uploader) nextWork() (next time.Time, done bool) {
	head := u.rec.next()
	sooner := func(when bool, t time.Time) {
		if when && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	if u.run.ended && head == nil && len(u.run.pending) == 0 {
		u.drain()
		u.takeDue(time.Now())
	}
	u.mu.Lock()
	if len(u.expiries) > 0 {
		next = u.expiries[0].at
	}
	u.mu.Unlock()
	if u.run.ended && head == nil && len(u.run.pending) == 0 && len(u.run.due) == 0 && next.IsZero() {
		return time.Time{}, true
	}
	if head != nil && u.mayUpload() {
		at := u.run.operations[opSegments].next
		if pace := u.announceAt(head); pace.After(at) {
			at = pace
		}
		sooner(true, at)
	}
	if i := u.firstPending(); i >= 0 {
		at := u.playlistAt(i, head != nil)
		if u.run.operations[opPlaylists].next.After(at) {
			at = u.run.operations[opPlaylists].next
		}
		sooner(true, at)
	} else if len(u.run.pending) > 0 {
		sooner(true, time.Now().Add(permissionEvery))
	}
	sooner(len(u.run.due) > 0, u.run.operations[opDeletes].next)
	sooner(!u.run.ended && u.run.operations[opSegments].failures > 0, u.run.operations[opSegments].next)
	sooner(!u.run.ended && !u.run.endAt.IsZero(), u.run.endAt)
	return next, false
}

// drain closes drained, once: only deletions are left.
func (u *Uploader) drain() {
	select {
	case <-u.drained:
		return
	default:
	}
	u.mu.Lock() // local files are deleted with the broadcast
	u.expiries = slices.DeleteFunc(u.expiries, func(x expiry) bool { return x.local })
	u.mu.Unlock()
	u.noteStored()
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

// end renders the last objects, when it is known which node has the broadcast.
func (u *Uploader) end(ctx context.Context) {
	if u.uploads() {
		u.health.begin("list "+u.cfg.Layout.Logs(u.rec.meta.Broadcast), 0)
		logs, err := listLogs(ctx, u.bucket, u.cfg.Layout, u.rec.meta.Broadcast)
		if ctx.Err() != nil && err != nil {
			return
		}
		u.outcome(opSegments, err)
		if err != nil {
			u.run.operations[opSegments].next = time.Now().Add(backoff(u.cfg.RetryMin, u.cfg.RetryMax, max(1, u.run.operations[opSegments].failures)))
			return
		}
		if u.run.claim != Continued {
			u.run.claim, _ = logs.claimOn(u.rec.meta, u.run.acknowledged, false)
			if u.run.claim == Continued && u.run.permission == MayWriteExclusively {
				u.run.claim = Owned // a node without a lease has written there
			}
		}
		if yes, again := u.continuedByAnother(time.Now()); yes || again {
			return
		}
	}
	u.run.ended = true
	last, due := u.index.Ended(u.run.claim == Displaced)
	if u.run.claim == Continued {
		u.run.pending = nil
		return
	}
	u.record(&Record{Kind: KindEnded, At: u.rec.endedAt()})
	if u.uploads() && u.run.acknowledged {
		u.enqueue(u.run.pages.object())
	}
	if h := &u.run.pages.state; !due.IsZero() {
		u.enqueue(h.Object(u.cfg.Layout.Due(due, h.Broadcast, h.Token)))
	}
	u.enqueue(last...)
}

// Header returns the header for the broadcast's manifest; valid when Run has returned, or
// Drained is closed.
func (u *Uploader) Header() Header { return u.run.pages.state.clone() }

// putPlaylist tries once to put a pending playlist.
func (u *Uploader) putPlaylist(ctx context.Context, i int) {
	o := u.run.pending[i]
	err := u.put(ctx, o, 0)
	if ctx.Err() != nil && err != nil || u.outcome(opPlaylists, err) {
		return
	}
	u.run.pending = slices.Delete(u.run.pending, i, i+1)
	u.logged(o.Key, o.Size()) // it may have been refused for good
}

func (u *Uploader) put(ctx context.Context, o storage.Object, patience time.Duration) error {
	u.health.begin("put "+o.Key, patience)
	began := time.Now()
	err := u.bucket.Put(ctx, o)
	u.run.pages.seal(o.Key, time.Since(began), err)
	if err == nil {
		u.logged(o.Key, o.Size())
	}
	u.run.putAt[o.Key] = time.Now() // a store with a limit counts those that fail too
	return err
}

// outcome notes how an operation ended, and reports whether to try it again.
func (u *Uploader) outcome(kind int, err error) (again bool) {
	l := &u.run.operations[kind]
	again = err != nil && storage.Retryable(err)
	if again {
		l.failures++
		l.next = time.Now().Add(max(backoff(u.cfg.RetryMin, u.cfg.RetryMax, l.failures), storage.RetryAfter(err)))
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
