package broadcast

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"
)

// cacheBytes bounds what one cache keeps.
const cacheBytes = 64 << 20

// cache keeps for a while what was read from a store, and that something could not be read:
// requests for what does not exist must not become requests to the store. Requests for one
// key at the same time are one. The zero value is ready.
type cache[T any] struct {
	flight singleflight.Group

	mu    sync.Mutex
	known map[string]found[T]
	bytes int64
}

// found is the result of a read. It does not change.
type found[T any] struct {
	value T
	err   error     // instead of the value
	size  int64     // of the value, in bytes
	until time.Time // from then on it is read again
}

// get returns the cached value, or calls read. The read continues, for up to timeout, even if the
// client that caused it has left.
func (c *cache[T]) get(ctx context.Context, key string, timeout time.Duration, read func(context.Context) found[T]) (T, error) {
	c.mu.Lock()
	f, known := c.known[key]
	c.mu.Unlock()
	if known && time.Now().Before(f.until) {
		return f.value, f.err
	}
	result := c.flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		f := read(ctx)
		c.keep(key, f)
		return f, nil
	})
	select {
	case got := <-result:
		f, _ := got.Val.(found[T])
		return f.value, f.err
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// entryBytes is added to the size of what is kept.
const entryBytes = 512

// keep replaces what is known of the key, unless the cache would exceed cacheBytes.
func (c *cache[T]) keep(key string, f found[T]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[string]found[T]{}
	}
	now, size := time.Now(), f.size+entryBytes
	full := c.bytes+size > cacheBytes
	for k, old := range c.known {
		if k == key || full && !now.Before(old.until) {
			delete(c.known, k)
			c.bytes -= old.size + entryBytes
		}
	}
	if now.Before(f.until) && c.bytes+size <= cacheBytes {
		c.known[key] = f
		c.bytes += size
	}
}
