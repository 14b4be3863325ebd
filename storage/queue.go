package storage

import (
	"slices"
	"time"

	"golive/media"
)

// PlaylistType is the Content-Type of playlists.
const PlaylistType = "application/vnd.apple.mpegurl"

const (
	segmentType = "video/mp2t"
	// A segment's name is never used again: caches may keep it for a year, which
	// RFC 9111 calls long enough.
	segmentCache = "public, max-age=31536000, immutable"
)

// upload is one offered segment in its turn.
type upload struct {
	rendition string
	seg       *media.Segment
	object    Object // without its slabs when they are lost or spooled
	size      int64  // bytes it holds in memory
	offered   time.Time
	lost      bool
	spooled   *Spooled // where its bytes are when they are not in memory

	putting bool          // Run is putting it
	took    time.Duration // all tries together; Run's
	stays   bool          // in memory until the end, though it should be spooled
	never   bool          // to be spooled, not even at the end
	done    bool          // its turn is over
}

func newUpload(prefix, rendition string, seg *media.Segment, now time.Time) *upload {
	slabs := seg.Slabs()
	if slabs == nil {
		panic("storage: segment offered without its bytes")
	}
	o := segmentObject(prefix, rendition, seg)
	o.Slabs = slabs
	return &upload{rendition: rendition, seg: seg, object: o, size: o.Size(), offered: now}
}

func recoveredUpload(prefix string, e *Spooled) *upload {
	return &upload{
		rendition: e.Rendition,
		seg:       e.Segment,
		object:    segmentObject(prefix, e.Rendition, e.Segment),
		offered:   e.Offered,
		spooled:   e,
	}
}

func segmentObject(prefix, rendition string, seg *media.Segment) Object {
	return Object{Key: SegmentKey(prefix, rendition, seg), ContentType: segmentType, CacheControl: segmentCache}
}

// lose lets go of the segment's bytes and keeps its turn.
func (u *upload) lose() {
	bare := *u.seg
	bare.Parts = nil
	u.seg, u.object.Slabs, u.size, u.spooled, u.lost = &bare, nil, 0, nil, true
}

// inMemory says whether the segment waits there.
func (u *upload) inMemory() bool { return !u.lost && u.spooled == nil }

// queue is the segments that have not been told to the Index, in order.
type queue struct {
	uploads []*upload
	byKey   map[string]*upload
	bytes   int64 // held in memory by those that wait
	waiting int   // how many are not lost

	spooled      int // how many of them are in the spool
	spooledBytes int64
}

func (q *queue) push(u *upload) {
	q.uploads = append(q.uploads, u)
	q.count(u, 1)
	if u.lost {
		return
	}
	if q.byKey == nil {
		q.byKey = make(map[string]*upload)
	}
	q.byKey[u.object.Key] = u
}

// count adds u to what waits, n times: 1 or -1.
func (q *queue) count(u *upload, n int) {
	if u.lost {
		return
	}
	q.waiting += n
	q.bytes += int64(n) * u.size
	if u.spooled != nil {
		q.spooled += n
		q.spooledBytes += int64(n) * u.spooled.Bytes
	}
}

func (q *queue) head() *upload {
	if len(q.uploads) == 0 {
		return nil
	}
	return q.uploads[0]
}

// pop takes the head away.
func (q *queue) pop() {
	u := q.uploads[0]
	q.uploads[0] = nil
	q.uploads = q.uploads[1:]
	q.count(u, -1)
	u.done = true
	if q.byKey[u.object.Key] == u {
		delete(q.byKey, u.object.Key)
	}
}

// find is the segment that waits to be put at key; nil when there is none.
func (q *queue) find(key string) *upload {
	if u := q.byKey[key]; u != nil && !u.lost {
		return u
	}
	return nil
}

// lose gives up u, which waits.
func (q *queue) lose(u *upload) {
	q.count(u, -1)
	u.lose()
}

// spool moves u, which waits in memory, to the spool.
func (q *queue) spool(u *upload, e *Spooled) {
	q.count(u, -1)
	u.seg, u.object.Slabs, u.size, u.spooled = e.Segment, nil, 0, e
	q.count(u, 1)
}

// toSpool is the oldest segment in memory that should be spooled now: it has
// waited for after, or an older one of its rendition waits. When there is none it
// says when there will be one; zero when only news can tell. all means every one.
func (q *queue) toSpool(now time.Time, after time.Duration, all bool) (u *upload, next time.Time) {
	for i, u := range q.uploads {
		if !u.inMemory() || u.never || u.stays && !all {
			continue
		}
		if all || now.Sub(u.offered) >= after || q.follows(i) {
			return u, time.Time{}
		}
		if next.IsZero() {
			next = u.offered.Add(after)
		}
	}
	return nil, next
}

// follows says whether an older segment of the rendition of the one at i waits.
func (q *queue) follows(i int) bool {
	return slices.ContainsFunc(q.uploads[:i], func(u *upload) bool {
		return !u.lost && u.rendition == q.uploads[i].rendition
	})
}

// oldestSpooled is the oldest segment in the spool that is older than before and
// is not being put; nil when there is none.
func (q *queue) oldestSpooled(before *upload) *upload {
	for _, u := range q.uploads {
		if u == before {
			break
		}
		if !u.lost && u.spooled != nil && !u.putting {
			return u
		}
	}
	return nil
}

// oldest is when the first segment that still waits was offered.
func (q *queue) oldest() time.Time {
	for _, u := range q.uploads {
		if !u.lost {
			return u.offered
		}
	}
	return time.Time{}
}

// expiry is an object's end.
type expiry struct {
	key string
	at  time.Time
}

// expiries are in the order of time, those of one time in the order they came.
// Nearly all are added at the end.
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

// next is the earliest time, or zero when there is none.
func (e expiries) next() time.Time {
	if len(e) == 0 {
		return time.Time{}
	}
	return e[0].at
}

// due takes away the earliest expiry if its time has come.
func (e *expiries) due(now time.Time) (expiry, bool) {
	if len(*e) == 0 || (*e)[0].at.After(now) {
		return expiry{}, false
	}
	x := (*e)[0]
	(*e)[0] = expiry{}
	*e = (*e)[1:]
	return x, true
}
