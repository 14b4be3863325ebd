package storage

import (
	"bytes"
	"context"
	"slices"
	"time"

	"golive/media"
)

// putSegment tries once to put the head of the queue.
func (r *run) putSegment(ctx context.Context, u *upload) {
	r.mu.Lock()
	seg, object, spooled, lost := u.seg, u.object, u.spooled, u.lost
	u.putting = !lost
	r.mu.Unlock()
	if lost {
		return // the spiller gave it up since step looked
	}
	announced, wait := r.announcement(seg)
	if !wait.IsZero() {
		r.mu.Lock()
		u.putting = false
		r.mu.Unlock()
		r.segments.next = wait
		return
	}
	r.asking(opPut, object.Key, seg.Duration.Duration())
	began := time.Now()
	reason, err := r.tryPut(ctx, announced, object, spooled)
	u.took += time.Since(began)
	if ctx.Err() != nil && err != nil || r.outcome(&r.segments, err) {
		r.mu.Lock()
		u.putting = false
		r.mu.Unlock()
		return
	}
	if err != nil {
		r.mu.Lock()
		r.giveUp(u, reason)
		r.mu.Unlock()
	} else {
		r.metrics.lag.Observe(time.Since(u.offered).Seconds())
		r.keepPace(u)
	}
	r.settle(u)
}

// announcement returns what the Index wants put before the segment; nil when that is
// nothing, or in the bucket as it is. The time is that of a store which does not take
// that key yet.
func (r *run) announcement(seg *media.Segment) (o *Object, wait time.Time) {
	a, ok := r.index.(Announcer)
	if !ok {
		return nil, time.Time{}
	}
	wanted, ok := a.Announce(seg)
	if !ok || wanted.Key == r.announced.Key && slices.EqualFunc(wanted.Slabs, r.announced.Slabs, bytes.Equal) {
		return nil, time.Time{}
	}
	if next := r.cfg.KeyPace.next(wanted.Key); time.Now().Before(next) {
		return nil, next
	}
	return &wanted, time.Time{}
}

// tryPut puts what is announced before the segment, and then the object, with its
// bytes from where they are. With an error comes why the segment is lost if that is
// not worth another try.
func (r *run) tryPut(ctx context.Context, announced *Object, o Object, spooled *Spooled) (reason string, err error) {
	if announced != nil {
		if err := r.announce(ctx, *announced); err != nil {
			return droppedRejected, err
		}
	}
	if spooled != nil {
		body, err := r.cfg.Spool.Read(spooled)
		if err != nil {
			return droppedSpoolDamaged, err
		}
		o.Slabs = [][]byte{body}
	}
	return droppedRejected, r.bucket.Put(ctx, o)
}

// announce puts what comes before a segment. An object that the bucket will never take
// does not cost the segment.
func (r *run) announce(ctx context.Context, o Object) error {
	err := r.bucket.Put(ctx, o)
	r.cfg.KeyPace.put(o.Key)
	switch {
	case err == nil:
		r.announced = o
	case !Retryable(err):
		r.failures.add(err.Error())
		return nil
	}
	return err
}
