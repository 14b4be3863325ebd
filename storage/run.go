package storage

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
)

// deletesPerSegment is how many deletions may come between two segments: one for
// each is the steady state, a few more work off what an outage left.
const deletesPerSegment = 4

// run is what Run's goroutine alone owns.
type run struct {
	*Archiver
	segments, playlists, deletes lane

	announced Object // that was put last before a segment

	pending  []Object  // playlists to put, each key once
	caughtUp time.Time // when pending was last empty after a put
	ended    bool      // the final objects are in pending, or put
	drained  bool      // the final objects are put

	// expired holds what expired between Finish and ended: a playlist that the
	// Index renders then, for a segment given up late, is not wanted any more.
	expired map[string]struct{}

	due     []expiry // to delete now
	deleted int      // since the last segment

	failures tally
	pace     pace
}

// lane is one kind of operation with its own backoff, so that a bucket that is
// full, and refuses segments, can still be emptied.
type lane struct {
	failures int
	failure  failure
	next     time.Time // not tried before
}

func (l *lane) ready(now time.Time) bool { return !now.Before(l.next) }

// Run puts, deletes and tells the Index until all is done: Finish was called, the
// queue has drained, the final objects are put, and nothing is left to expire;
// then it returns nil. When ctx ends it returns its cause. What is left is then
// brought to the Spool, within SpillTimeout, where the next run finds it; without
// a Spool it is lost. Run is called once.
func (a *Archiver) Run(ctx context.Context) error {
	r := &run{Archiver: a, expired: make(map[string]struct{})}
	defer r.stop()
	if a.cfg.Spool != nil {
		var spilling sync.WaitGroup
		spilling.Go(a.runSpiller)
		defer spilling.Wait()
	}
	defer r.close()
	if err := r.hold(ctx); err != nil {
		return err
	}
	return r.work(ctx)
}

// hold waits for the earlier Archiver.
func (r *run) hold(ctx context.Context) error {
	if r.cfg.Hold == nil {
		return nil
	}
	select {
	case <-r.cfg.Hold:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (r *run) work(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		now := time.Now()
		r.expire(now)
		acted := r.step(ctx, now)
		r.release()
		r.tell(now, false)
		if acted {
			continue
		}
		next, done := r.rest(now)
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
		case <-r.changed:
		case <-alarm:
		}
	}
}

// step does the one thing that is most urgent and possible now.
func (r *run) step(ctx context.Context, now time.Time) bool {
	r.mu.Lock()
	head, finished := r.queue.head(), r.finished
	lost := head != nil && head.lost
	r.mu.Unlock()

	putSegment := head != nil && r.segments.ready(now)
	mayDelete := len(r.due) > 0 && r.deletes.ready(now)
	switch {
	case lost:
		r.settle(head)
	case r.playlistsReady(now, putSegment):
		r.putPlaylist(ctx)
	case mayDelete && (!putSegment || r.deleted < deletesPerSegment):
		r.deleted++
		r.delete(ctx)
	case putSegment:
		r.deleted = 0
		r.putSegment(ctx, head)
	case finished && head == nil && !r.ended:
		r.end()
	default:
		return false
	}
	return true
}

// playlistsReady says whether a playlist should be put before the next segment.
// While segments wait only the latest playlists matter, and not all of those.
func (r *run) playlistsReady(now time.Time, putSegment bool) bool {
	return len(r.pending) > 0 && r.playlists.ready(now) && !now.Before(r.cfg.KeyPace.next(r.pending[0].Key)) &&
		(!putSegment || now.Sub(r.caughtUp) >= r.cfg.PlaylistInterval)
}

// rest is when there may be something to do again, zero when only news can tell,
// and whether all is done for good.
func (r *run) rest(now time.Time) (next time.Time, done bool) {
	r.mu.Lock()
	idle := r.queue.head() == nil
	next = r.expiries.next()
	unheard, tellNext := r.losses.waits(now), r.losses.next()
	r.mu.Unlock()

	if r.ended && idle && len(r.pending) == 0 {
		r.drain()
		if len(r.due) == 0 && next.IsZero() {
			return time.Time{}, true
		}
	}
	sooner := func(when bool, t time.Time) {
		if when && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	sooner(!idle, r.segments.next)
	if len(r.pending) > 0 {
		sooner(true, later(r.playlists.next, r.cfg.KeyPace.next(r.pending[0].Key)))
	}
	sooner(len(r.due) > 0, r.deletes.next)
	sooner(r.failures.waits(now), r.failures.next())
	sooner(unheard, tellNext)
	return next, false
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// drain says, once, that only deletions are left.
func (r *run) drain() {
	if !r.drained {
		r.drained = true
		close(r.Archiver.drained)
	}
}

// expire takes the expiries that are due: what waits to be put there is given up,
// and what is there will be deleted.
func (r *run) expire(now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for x, ok := r.expiries.due(now); ok; x, ok = r.expiries.due(now) {
		if u := r.queue.find(x.key); u != nil {
			r.giveUp(u, droppedExpired)
		}
		r.pending = slices.DeleteFunc(r.pending, func(o Object) bool { return o.Key == x.key })
		r.final = slices.DeleteFunc(r.final, func(o Object) bool { return o.Key == x.key })
		if r.finished && !r.ended {
			r.expired[x.key] = struct{}{}
		}
		r.due = append(r.due, x)
	}
}

// settle ends the head's turn and tells the Index. Its place in the spool is kept
// until the playlists that name it are in the bucket: a server that is killed
// before would find a segment there that nothing names.
func (r *run) settle(u *upload) {
	r.mu.Lock()
	r.metrics.queueBytes.Sub(float64(u.size))
	r.queue.pop()
	if u.spooled != nil {
		r.settled = append(r.settled, u.spooled)
	}
	rendition, seg, lost := u.rendition, u.seg, u.lost
	r.publish()
	r.mu.Unlock()
	r.pend(r.index.Acked(rendition, seg, lost))
}

// release lets the spool forget what the playlists in the bucket may name.
func (r *run) release() {
	if len(r.pending) > 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.settled) > 0 {
		r.discard = append(r.discard, r.settled...)
		r.settled = nil
		r.wake()
	}
}

// pend notes objects to put, in place of earlier ones with the same key. A newer
// one goes to the end: it may name what stands before it.
func (r *run) pend(objects []Object) {
	for _, o := range objects {
		if _, ok := r.expired[o.Key]; ok {
			continue
		}
		r.pending = slices.DeleteFunc(r.pending, func(old Object) bool { return old.Key == o.Key })
		r.pending = append(r.pending, o)
	}
}

// putPlaylist tries once to put the first pending playlist.
func (r *run) putPlaylist(ctx context.Context) {
	r.asking(opPut, r.pending[0].Key, 0)
	err := r.bucket.Put(ctx, r.pending[0])
	r.cfg.KeyPace.put(r.pending[0].Key)
	if ctx.Err() != nil && err != nil {
		return
	}
	if r.outcome(&r.playlists, err) {
		return
	}
	r.pending = slices.Delete(r.pending, 0, 1)
	if len(r.pending) == 0 {
		r.caughtUp = time.Now()
	}
}

// end brings the final objects to their turn.
func (r *run) end() {
	r.mu.Lock()
	final := r.final
	r.final = nil
	r.mu.Unlock()
	r.pend(final)
	if e, ok := r.index.(Ender); ok {
		r.pend(e.Ended())
	}
	r.ended, r.expired = true, nil
}

// delete tries once to delete the first object that is due. One that fails goes
// behind the others.
func (r *run) delete(ctx context.Context) {
	x := r.due[0]
	r.asking(opDelete, x.key, 0)
	err := r.bucket.Delete(ctx, x.key)
	if ctx.Err() != nil && err != nil {
		return
	}
	again := r.outcome(&r.deletes, err)
	r.due[0] = expiry{}
	r.due = r.due[1:]
	if again && time.Since(x.at) < r.cfg.DeleteTimeout {
		r.due = append(r.due, x)
	}
}

// asking notes an operation that begins; outcome ends it.
func (r *run) asking(op, key string, patience time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	// Nothing may have been asked for long: that is no trouble.
	answered := later(r.answered, now.Add(-silentAfter))
	r.asked = operation{what: op + " " + key, began: now, answered: answered, patience: patience}
	r.publish()
}

// outcome notes how an operation of the lane ended, and says whether to try it
// again.
func (r *run) outcome(l *lane, err error) (again bool) {
	now := time.Now()
	again = err != nil && Retryable(err)
	if err != nil {
		r.failures.add(err.Error())
		if l.failures == 0 {
			l.failure.since = r.asked.began // only Run's goroutine writes it
		}
		l.failures++
		l.failure.err = err
	}
	if again {
		l.next = now.Add(r.cfg.backoff(l.failures))
	} else {
		if err == nil && l.failures > 0 {
			r.recovered(l, now)
		}
		*l = lane{}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked, r.answered = operation{}, now
	r.failing = failure{}
	for _, l := range []*lane{&r.segments, &r.playlists, &r.deletes} {
		if l.failures > 0 {
			r.failing = l.failure
			break
		}
	}
	r.publish()
	return again
}

// backoff is how long to wait after so many failures in a row: doubling, and
// spread over its upper half, so that the broadcasts of a server do not all come
// back at once.
func (c ArchiverConfig) backoff(failures int) time.Duration {
	d := c.RetryMin
	for range failures - 1 {
		if d >= c.RetryMax {
			break
		}
		d *= 2
	}
	d = min(d, c.RetryMax)
	return d/2 + rand.N(d/2+1)
}
