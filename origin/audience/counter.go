package audience

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// counter counts the viewers of one broadcast in generations: a viewer counts if it is in
// the current one or the last. So none has to be removed.
type counter struct {
	now atomic.Pointer[generations]
}

type generations struct {
	current, last *set
	until         time.Time // when current becomes last
	span          time.Duration
}

func newCounter() *counter {
	r := &counter{}
	r.now.Store(&generations{current: &set{}, last: &set{}})
	return r
}

func (r *counter) add(viewer uint64, now time.Time, span time.Duration) {
	g := r.now.Load()
	if now.After(g.until) {
		g = r.rotate(g, now, span)
	}
	g.current.add(viewer)
}

// rotate begins a generation. Of several callers at the same time one succeeds.
func (r *counter) rotate(old *generations, now time.Time, span time.Duration) *generations {
	next := &generations{current: &set{}, last: old.current, until: now.Add(span), span: span}
	if now.After(old.until.Add(old.span)) {
		next.last = &set{} // no viewer came for a whole generation
	}
	// A smaller audience is counted exactly again.
	next.current.level.Store(max(0, old.current.level.Load()-1))
	if r.now.CompareAndSwap(old, next) {
		return next
	}
	return r.now.Load()
}

func (r *counter) count(now time.Time) int {
	g := r.now.Load()
	switch over := now.Sub(g.until); {
	case over > g.span:
		return 0
	case over > 0: // current is the last one by now, and no viewer came since
		return union(g.current, &set{})
	}
	return union(g.current, g.last)
}

func (r *counter) isEmpty(now time.Time) bool {
	g := r.now.Load()
	return now.Sub(g.until) > g.span
}

// A set holds at most shards times maxInShard viewers. When there are more, it
// keeps a sample: those whose hash ends in level zero bits, each of which stands
// for 2^level. So memory is bounded, and the count is off by two or three per cent; below
// that it is exact.
const (
	shards     = 16
	maxInShard = 256
)

type set struct {
	level  atomic.Int32
	shards [shards]shard
}

// shard holds the viewers of a set whose hashes begin with the same bits, so that requests
// at the same time seldom contend for a lock.
type shard struct {
	mu      sync.Mutex
	viewers map[uint64]struct{}
	_       [48]byte // one cache line each
}

func sampled(viewer uint64, level int32) bool { return viewer&(1<<level-1) == 0 }

func (s *set) add(viewer uint64) {
	if !sampled(viewer, s.level.Load()) {
		return
	}
	h := &s.shards[viewer>>60]
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.viewers[viewer]; ok {
		return
	}
	if h.viewers == nil {
		h.viewers = map[uint64]struct{}{}
	}
	for len(h.viewers) >= maxInShard {
		level := s.level.Load()
		maps.DeleteFunc(h.viewers, func(v uint64, _ struct{}) bool { return !sampled(v, level) })
		if len(h.viewers) >= maxInShard {
			s.level.CompareAndSwap(level, level+1)
		}
	}
	if sampled(viewer, s.level.Load()) {
		h.viewers[viewer] = struct{}{}
	}
}

// union returns how many viewers are in either set.
func union(a, b *set) (n int) {
	level := max(a.level.Load(), b.level.Load())
	for i := range shards {
		n += a.shards[i].count(level, nil) + b.shards[i].count(level, &a.shards[i])
	}
	return n << level
}

// count returns how many viewers of the sample are here and not there.
func (h *shard) count(level int32, there *shard) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if there != nil {
		there.mu.Lock() // always of the newer set: the older is locked first
		defer there.mu.Unlock()
	}
	for v := range h.viewers {
		if !sampled(v, level) {
			continue
		}
		if there != nil {
			if _, ok := there.viewers[v]; ok {
				continue
			}
		}
		n++
	}
	return n
}
