package archive

import (
	"context"
	"errors"
	"slices"
	"time"

	"golive/storage"
)

// The headers of a segment. Its name is never used again: caches may keep it for a year,
// which RFC 9111 calls long enough.
const (
	segmentType  = "video/mp2t"
	segmentCache = "public, max-age=31536000, immutable"
)

// putSegment tries once to bring the segment that has waited longest to the bucket.
func (u *Uploader) putSegment(ctx context.Context, it *Item) {
	reason := ""
	if !it.Lost && u.uploads() && u.run.permission < MustLeave {
		began := time.Now()
		err := u.upload(ctx, it)
		it.took += time.Since(began)
		if ctx.Err() != nil && err != nil || u.outcome(opSegments, err, storage.Retryable(err)) {
			return
		}
		if err != nil {
			reason = droppedRejected
			if errors.Is(err, storage.ErrNotExist) || errors.Is(err, errTorn) {
				reason = droppedSpoolDamaged
				u.rec.store.metrics.damaged.Inc()
			}
			u.log.Error("segment lost", "rendition", it.Rendition, "msn", it.Segment.MSN, "reason", reason, "err", err)
		}
	}
	if !it.Lost && reason == "" {
		u.rec.store.metrics.lag.Observe(time.Since(it.Since).Seconds())
		u.measurePace(it)
	}
	u.finishSegment(it, reason)
}

// finishSegment adds a segment to the log and the playlists: the bucket has it or, when a
// reason is given or it was lost before, never will have it.
func (u *Uploader) finishSegment(it *Item, reason string) {
	lost := it.Lost || reason != ""
	objects := u.index.Stored(it.Rendition, it.Segment, lost)
	u.rec.done(it, reason)
	if u.run.permission == MustLeave {
		u.rec.stored(it, reason)
		return
	}
	u.logSegment(it, lost)
	if u.uploads() {
		u.awaitLog(it, reason)
	}
	if u.run.permission < MayStore {
		u.enqueue(objects...)
	}
}

// logSegment adds the segment to the log in the bucket.
func (u *Uploader) logSegment(it *Item, lost bool) {
	seg, now := *it.Segment, time.Now()
	if lost {
		seg.Size = 0
	}
	state := &u.run.pages.state
	if !slices.Contains(state.Publications, seg.Publication) {
		u.record(&Record{Kind: KindPublication, At: now.UTC(), Published: seg.Publication})
	}
	if d, ok := u.rec.description(it.Rendition); ok && state.Positions[it.Rendition].Description != d {
		u.record(&Record{Kind: KindRendition, At: now.UTC(), Rendition: it.Rendition, Description: &d})
	}
	u.record(&Record{Kind: KindSegment, At: now.UTC(), Rendition: it.Rendition, Segment: &seg})
	if !u.uploads() {
		return
	}
	u.enqueue(u.run.pages.object())
}

// record applies a record. A local folder that is the bucket has its log already.
func (u *Uploader) record(r *Record) {
	if u.uploads() {
		u.run.pages.add(r)
		return
	}
	u.run.pages.state.apply(r)
}

// liveManifest returns the manifest of a broadcast that has not ended.
func (u *Uploader) liveManifest() storage.Object {
	m := u.rec.meta
	return u.run.pages.state.Object(u.cfg.Layout.Live(m.Broadcast, m.Token))
}

// announce puts the objects that name a publication, before its first segment: the live
// manifest, and the page of the log.
func (u *Uploader) announce(ctx context.Context, publication string) error {
	if publication == u.run.announced {
		return nil
	}
	p := &u.run.pages
	if n := len(p.state.Publications); p.text == nil || n == 0 || p.state.Publications[n-1] != publication {
		p.add(&Record{Kind: KindPublication, At: time.Now().UTC(), Published: publication})
	}
	for _, o := range []storage.Object{u.liveManifest(), p.object()} {
		if err := u.put(ctx, o); err != nil {
			return err
		}
	}
	u.run.announced, u.run.acknowledged = publication, true
	return nil
}

// announceAt returns the time from which announce may put the objects that name the segment's
// publication.
func (u *Uploader) announceAt(it *Item) time.Time {
	if !u.uploads() || it.Segment.Publication == u.run.announced || u.run.pages.text == nil {
		return time.Time{}
	}
	put, m := u.run.putAt, u.rec.meta
	return latest(put[u.run.pages.object().Key], put[u.cfg.Layout.Live(m.Broadcast, m.Token)]).Add(u.cfg.PutInterval)
}

// upload puts the segment's bytes.
func (u *Uploader) upload(ctx context.Context, it *Item) error {
	if err := u.announce(ctx, it.Segment.Publication); err != nil {
		return err
	}
	key := u.rec.key(it.Rendition, it.Segment)
	slabs := it.slabs
	if slabs == nil {
		body, err := u.rec.store.read(ctx, key, it.Segment.Size)
		if err != nil {
			return &storage.Error{Op: "read", Key: key, Err: err, Permanent: errors.Is(err, storage.ErrNotExist) || errors.Is(err, errTorn)}
		}
		slabs = [][]byte{body}
	}
	u.health.begin("put "+key, it.Segment.Duration.Duration())
	return u.bucket.Put(ctx, storage.Object{Key: key, Slabs: slabs, ContentType: segmentType, CacheControl: segmentCache})
}

// measurePace adds an upload to the pace, and warns when the bucket can hardly keep up.
func (u *Uploader) measurePace(it *Item) {
	duration := it.Segment.Duration.Duration()
	if duration <= 0 || !u.uploads() {
		return
	}
	u.rec.store.metrics.ratio.Observe(it.took.Seconds() / duration.Seconds())
	if ratio, n, full := u.run.pace.add(it.Rendition, it.took, duration); full && ratio >= paceWarning {
		u.log.Warn("uploads take most of real time", "ratio", ratio, "count", n, "duration", paceWindow)
	}
}

// unlogged is a segment that the bucket has and whose record it does not have yet: the page
// with the record is put later, with others. Until then the local log must not call the
// segment stored. After a kill nobody would ever put the record.
type unlogged struct {
	item   *Item
	reason string // why the segment is lost, empty when it is not
	page   string // the key of the page with the record
	end    int64  // where the record ends in the page
}

// maxUnlogged bounds how many segments wait for their pages. Over it uploads stop: a segment
// without a record in the bucket is of no use there.
const maxUnlogged = 2 * pageRecords

// mayUpload reports whether another segment may be put, as far as the log allows.
func (u *Uploader) mayUpload() bool { return len(u.run.unlogged) < maxUnlogged }

// awaitLog puts off the local record that a segment is stored or lost until the bucket has the
// newest page.
func (u *Uploader) awaitLog(it *Item, reason string) {
	o := u.run.pages.object()
	u.run.unlogged = append(u.run.unlogged, unlogged{it, reason, o.Key, o.Size()})
}

// logged notes that the bucket has an object up to a length or, if it is a page that cannot
// be put, never will have it.
func (u *Uploader) logged(key string, length int64) {
	u.run.unlogged = slices.DeleteFunc(u.run.unlogged, func(w unlogged) bool {
		if w.page != key || w.end > length {
			return false
		}
		u.rec.stored(w.item, w.reason)
		return true
	})
}

// awaitsLog reports whether the local file at key belongs to a segment that waits for its page.
func (u *Uploader) awaitsLog(key string) bool {
	return slices.ContainsFunc(u.run.unlogged, func(w unlogged) bool {
		return u.rec.key(w.item.Rendition, w.item.Segment) == key
	})
}
