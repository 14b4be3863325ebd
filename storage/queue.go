package storage

import (
	"slices"
	"time"

	"golive/media"
)

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
	object    Object
	size      int64 // bytes it holds; 0 when lost
	offered   time.Time
	lost      bool
}

func newUpload(prefix, rendition string, seg *media.Segment, now time.Time) *upload {
	slabs := seg.Slabs()
	if slabs == nil {
		panic("storage: segment offered without its bytes")
	}
	o := Object{
		Key:          SegmentKey(prefix, rendition, seg),
		Slabs:        slabs,
		ContentType:  segmentType,
		CacheControl: segmentCache,
	}
	return &upload{rendition: rendition, seg: seg, object: o, size: o.Size(), offered: now}
}

// lose lets go of the segment's bytes and keeps its turn.
func (u *upload) lose() {
	bare := *u.seg
	bare.Parts = nil
	u.seg, u.object.Slabs, u.size, u.lost = &bare, nil, 0, true
}

// queue is the segments that have not been told to the Index, in order.
type queue struct {
	uploads []*upload
	bytes   int64 // held by those that wait
	waiting int   // how many are not lost
}

func (q *queue) push(u *upload) {
	q.uploads = append(q.uploads, u)
	q.bytes += u.size
	if !u.lost {
		q.waiting++
	}
}

func (q *queue) head() *upload {
	if len(q.uploads) == 0 {
		return nil
	}
	return q.uploads[0]
}

// pop takes the head away, and says how many bytes it held.
func (q *queue) pop() int64 {
	u := q.uploads[0]
	q.uploads[0] = nil
	q.uploads = q.uploads[1:]
	q.bytes -= u.size
	if !u.lost {
		q.waiting--
	}
	return u.size
}

// lose gives up the segment that waits to be put at key; it says how many bytes
// it held, and whether there was one.
func (q *queue) lose(key string) (int64, bool) {
	for _, u := range q.uploads {
		if u.object.Key == key && !u.lost {
			size := u.size
			u.lose()
			q.bytes -= size
			q.waiting--
			return size, true
		}
	}
	return 0, false
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
