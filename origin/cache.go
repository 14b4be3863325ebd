package origin

import (
	"container/list"
	"context"
	"io"
	"slices"
	"sync"

	"golive/media"
	"golive/playlist"
)

// cache reads objects of a store for viewers, and keeps in memory what was read last. The
// viewers of an object read it once, however many they are: one of them reads what comes
// next while the others wait for that. An object is read as far as viewers take it; a
// connection to the store of which nothing is taken is closed.
type cache struct {
	max   int64 // bytes to keep
	reads *ReadLimiter

	mu      sync.Mutex
	objects map[string]*object // in use, or with slabs that are kept
	slabs   list.List          // of *slab, the least recently used first
	size    int64              // of slabs, in bytes
}

// slabSize is how long a slab is, but for the last of an object. A viewer that does not
// read holds as many as it is sent at once.
const slabSize = smallPiece

// slab is a run of an object's bytes. It never changes.
type slab struct {
	object *object
	index  int64 // in units of slabSize
	data   []byte
}

// object is an object of the store. The cache's mu guards it.
type object struct {
	cache *cache
	key   string
	open  playlist.Opener

	size    int64 // media.UnknownSize before it was opened
	slabs   map[int64]*list.Element
	viewers int
	ups     []*upstream          // that are open; mostly one
	waiting []context.CancelFunc // of viewers that wait for the ReadLimiter
}

// turn is one reading, for which other viewers may wait.
type turn struct {
	first, after int64         // the slabs that it reads
	done         chan struct{} // closed when it is over
	err          error
	abandoned    bool // all viewers left meanwhile
}

func newCache(limit int64, reads *ReadLimiter) *cache {
	return &cache{max: limit, reads: reads, objects: map[string]*object{}}
}

// join returns the object for one more viewer, until leave is called or ctx is done.
func (c *cache) join(ctx context.Context, key string, open playlist.Opener) (o *object, leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	o = c.objects[key]
	if o == nil {
		o = &object{cache: c, key: key, open: open, size: media.UnknownSize, slabs: map[int64]*list.Element{}}
		c.objects[key] = o
	}
	o.viewers++
	once := sync.OnceFunc(o.leave)
	stop := context.AfterFunc(ctx, once)
	return o, func() { stop(); once() }
}

// leave removes a viewer. When none is left, reading stops.
func (o *object) leave() {
	c := o.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	if o.viewers--; o.viewers > 0 {
		return
	}
	for _, up := range slices.Clone(o.ups) {
		up.cancel() // ends a turn, too
		if up.turn == nil {
			o.drop(up)
		}
	}
	c.forget(o)
}

// sizeOf returns the length of the object, and opens it if that is not known.
func (o *object) sizeOf(ctx context.Context, remote string) (int64, error) {
	o.cache.mu.Lock()
	size := o.size
	o.cache.mu.Unlock()
	if size != media.UnknownSize {
		return size, nil
	}
	_, err := o.read(ctx, remote, 0, pieceSize, media.UnknownSize)
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	if o.size != media.UnknownSize {
		return o.size, nil
	}
	return 0, err
}

// read returns the object's bytes from offset on: at least one and most at the most. The
// viewer at the address remote will read as far as end; media.UnknownSize is the end of
// the object.
func (o *object) read(ctx context.Context, remote string, offset, most, end int64) ([][]byte, error) {
	c := o.cache
	c.mu.Lock()
	defer c.mu.Unlock()
	for {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if o.size != media.UnknownSize && offset >= o.size {
			return nil, io.ErrUnexpectedEOF
		}
		if pieces := o.cached(offset, most); pieces != nil {
			return pieces, nil
		}
		first := offset / slabSize
		up := o.upstreamAt(first)
		if up == nil {
			var err error
			if up, err = o.newUpstream(ctx, remote, first, end); err != nil {
				return nil, err
			}
		} else if up.turn != nil {
			if err := o.wait(ctx, up.turn); err != nil {
				return nil, err
			}
			up = nil
		}
		if up != nil {
			return o.takeTurn(up, offset, most)
		}
	}
}

// upstreamAt returns the upstream that reads a slab now, or would read it next; nil if
// there is none.
func (o *object) upstreamAt(i int64) *upstream {
	for _, up := range o.ups {
		if t := up.turn; t == nil && up.next == i || t != nil && t.first <= i && i < t.after {
			return up
		}
	}
	return nil
}

// newUpstream returns an upstream from a slab to the offset end, which outlives the request
// that opens it; nil if another viewer has read meanwhile.
func (o *object) newUpstream(ctx context.Context, remote string, first, end int64) (*upstream, error) {
	release, err := o.begin(ctx, remote)
	if err != nil || release == nil {
		return nil, err
	}
	if err := context.Cause(ctx); err != nil {
		release()
		return nil, err
	}
	if o.slabs[first] != nil || o.upstreamAt(first) != nil {
		release()
		return nil, nil //nolint:nilnil // it is to look again
	}
	if o.size == media.UnknownSize {
		end = media.UnknownSize
	} else {
		end = min(o.size, (end+slabSize-1)/slabSize*slabSize)
	}
	up := &upstream{next: first, end: end, release: release}
	up.ctx, up.cancel = context.WithCancel(context.WithoutCancel(ctx))
	o.ups = append(o.ups, up)
	return up, nil
}

// cached returns what is in memory from offset on; nil is nothing.
func (o *object) cached(offset, most int64) (pieces [][]byte) {
	skip := offset % slabSize
	for i := offset / slabSize; most > 0; i++ {
		e := o.slabs[i]
		if e == nil {
			break
		}
		s, _ := e.Value.(*slab)
		o.cache.slabs.MoveToBack(e)
		if skip >= int64(len(s.data)) {
			break
		}
		piece := s.data[skip:min(int64(len(s.data)), skip+most)]
		pieces = append(pieces, piece)
		most -= int64(len(piece))
		skip = 0
	}
	return pieces
}

// wait waits until a turn is over. Its error is shared by all viewers that waited, unless
// the turn was abandoned. The caller holds mu.
func (o *object) wait(ctx context.Context, t *turn) error {
	o.cache.mu.Unlock()
	defer o.cache.mu.Lock()
	select {
	case <-t.done:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if t.abandoned {
		return nil
	}
	return t.err
}

// begin waits until the viewer may open the object; nil means that another viewer has read
// meanwhile. The caller holds mu.
func (o *object) begin(ctx context.Context, remote string) (release func(), err error) {
	waiting, cancel := context.WithCancel(ctx)
	defer cancel()
	o.waiting = append(o.waiting, cancel)
	o.cache.mu.Unlock()
	release, err = o.cache.reads.Begin(waiting, remote)
	o.cache.mu.Lock()
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return nil, nil //nolint:nilnil // it is to look again
	}
	return release, err
}

// takeTurn reads slabs from an upstream, and returns the pieces of them that the viewer
// wants. The caller holds mu.
func (o *object) takeTurn(up *upstream, offset, most int64) ([][]byte, error) {
	c, skip := o.cache, offset%slabSize
	n := (most + skip + slabSize - 1) / slabSize
	t := &turn{first: up.next, after: up.next + n, done: make(chan struct{})}
	up.turn = t
	c.mu.Unlock()
	size, read, err := up.read(o.open, n)
	c.mu.Lock()
	if o.size == media.UnknownSize {
		o.size = size
	}
	for i, data := range read {
		c.keep(&slab{object: o, index: t.first + int64(i), data: data})
	}
	t.err, t.abandoned, up.turn = err, up.ctx.Err() != nil, nil
	close(t.done)
	for _, cancel := range o.waiting {
		cancel()
	}
	o.waiting = nil
	if t.err != nil || t.abandoned || up.done() {
		o.drop(up)
	} else {
		up.whenIdle(func() { o.closeIdle(up) })
	}
	c.forget(o)
	if err != nil {
		return nil, err
	}
	return cut(read, skip, most), nil
}

// closeIdle closes an upstream of which nothing was taken for a while.
func (o *object) closeIdle(up *upstream) {
	o.cache.mu.Lock()
	defer o.cache.mu.Unlock()
	if up.turn == nil {
		o.drop(up)
	}
}

// drop closes an upstream, once. The caller holds mu.
func (o *object) drop(up *upstream) {
	if i := slices.Index(o.ups, up); i >= 0 {
		o.ups = slices.Delete(o.ups, i, i+1)
		up.close()
	}
}

// keep keeps a slab, and drops the least recently used ones for it. The caller holds mu.
func (c *cache) keep(s *slab) {
	if s.object.slabs[s.index] != nil {
		return
	}
	size := int64(len(s.data))
	for c.size+size > c.max {
		oldest := c.slabs.Front()
		if oldest == nil {
			return // it is larger than the cache
		}
		dropped, _ := c.slabs.Remove(oldest).(*slab)
		c.size -= int64(len(dropped.data))
		delete(dropped.object.slabs, dropped.index)
		if dropped.object != s.object {
			c.forget(dropped.object)
		}
	}
	c.size += size
	s.object.slabs[s.index] = c.slabs.PushBack(s)
}

// forget drops an object that is neither in use nor in memory. The caller holds mu.
func (c *cache) forget(o *object) {
	if o.viewers == 0 && len(o.ups) == 0 && len(o.slabs) == 0 {
		delete(c.objects, o.key)
	}
}
