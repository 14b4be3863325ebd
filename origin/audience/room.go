package audience

import (
	"maps"
	"sync"
	"sync/atomic"
	"time"
)

// room counts the viewers of one broadcast, in generations: who is in this one or
// the last is there. So nobody has to be taken out.
type room struct {
	now atomic.Pointer[generations]
}

type generations struct {
	current, last *set
	until         time.Time // when current becomes last
	span          time.Duration
}

func newRoom() *room {
	r := &room{}
	r.now.Store(&generations{current: &set{}, last: &set{}})
	return r
}

func (r *room) add(viewer uint64, now time.Time, span time.Duration) {
	g := r.now.Load()
	if now.After(g.until) {
		g = r.turn(g, now, span)
	}
	g.current.add(viewer)
}

// turn begins a generation. Of several who try, one succeeds.
func (r *room) turn(old *generations, now time.Time, span time.Duration) *generations {
	next := &generations{current: &set{}, last: old.current, until: now.Add(span), span: span}
	if now.After(old.until.Add(old.span)) {
		next.last = &set{} // nobody came for a whole generation
	}
	// An audience that has grown smaller is counted more finely again.
	next.current.level.Store(max(0, old.current.level.Load()-1))
	if r.now.CompareAndSwap(old, next) {
		return next
	}
	return r.now.Load()
}

func (r *room) count(now time.Time) int {
	g := r.now.Load()
	switch over := now.Sub(g.until); {
	case over > g.span:
		return 0
	case over > 0: // current should be last by now, and nobody has come since
		return union(g.current, &set{})
	}
	return union(g.current, g.last)
}

func (r *room) isEmpty(now time.Time) bool {
	g := r.now.Load()
	return now.Sub(g.until) > g.span
}

// A set holds at most shards times mostInShard viewers. When there are more, it
// keeps a sample: those whose number ends in level zero bits, each of whom stands
// for 2^level. Any number of viewers takes no more memory than that, and the number
// is off by two or three per cent; below, it is exact.
const (
	shards      = 16
	mostInShard = 256
)

type set struct {
	level  atomic.Int32
	shards [shards]shard
}

// shard is a set's part for the viewers whose number begins with the same bits, so
// that those who come at the same time seldom meet at a lock.
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
	for len(h.viewers) >= mostInShard {
		level := s.level.Load()
		maps.DeleteFunc(h.viewers, func(v uint64, _ struct{}) bool { return !sampled(v, level) })
		if len(h.viewers) >= mostInShard {
			s.level.CompareAndSwap(level, level+1)
		}
	}
	if sampled(viewer, s.level.Load()) {
		h.viewers[viewer] = struct{}{}
	}
}

// union is how many viewers are in either set.
func union(a, b *set) (n int) {
	level := max(a.level.Load(), b.level.Load())
	for i := range shards {
		n += a.shards[i].count(level, nil) + b.shards[i].count(level, &a.shards[i])
	}
	return n << level
}

// count is how many viewers of the sample are here and not there.
func (h *shard) count(level int32, there *shard) (n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if there != nil {
		there.mu.Lock() // always the newer set's: the older is locked first
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
