package broadcast

import (
	"context"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"golive/archive"
	"golive/playlist"
	"golive/storage"
)

const (
	// replayFresh is how long a replay that was read is not read again, and
	// replayMissing how long one that does not exist is not asked for again: requests
	// for names that never existed must not become requests to the store.
	replayFresh   = 10 * time.Second
	replayMissing = 2 * time.Second
	// maxReplaySize bounds each, in bytes: maxReplayLength of segments of one second.
	// replayBudget bounds all that are kept, and maxReplays their number.
	maxReplaySize = 64 << 20
	replayBudget  = 64 << 20
	maxReplays    = 1024
	// replayTimeout bounds one reading.
	replayTimeout = 10 * time.Second
	// maxLookups bounds how many requests to the store viewers of replays can cause at
	// once.
	maxLookups = 32
)

// replays reads the playlists of ended broadcasts from the bucket when players ask for
// them, and caches them for a moment; it opens their segments too.
type replays struct {
	bucket  storage.Bucket
	index   *bucketIndex
	flight  singleflight.Group
	lookups chan struct{} // holds a token for each request to the store

	mu    sync.Mutex
	known map[string]*replay // by key
	bytes int64
}

// replay is a replay as it was read; it does not change.
type replay struct {
	text  *playlist.Text
	err   error     // instead of the text
	until time.Time // it is fresh
}

func newReplays(layout archive.Layout, stores Stores) *replays {
	return &replays{
		bucket:  stores.Bucket,
		index:   newBucketIndex(layout, stores),
		lookups: make(chan struct{}, maxLookups),
		known:   make(map[string]*replay),
	}
}

// get returns the replay at key. Requests at the same time are one to the bucket.
func (r *replays) get(ctx context.Context, key string) (*playlist.Text, error) {
	if known := r.find(key, time.Now()); known != nil {
		return known.text, known.err
	}
	found, err := shared(ctx, &r.flight, key, replayTimeout, func(ctx context.Context) (*replay, error) {
		found := r.read(ctx, key)
		r.keep(key, found)
		return found, nil
	})
	if err != nil {
		return nil, err
	}
	return found.text, found.err
}

// shared calls f once for all concurrent calls with the same key. f goes on when one of their
// contexts ends.
func shared[T any](ctx context.Context, flight *singleflight.Group, key string, timeout time.Duration, f func(context.Context) (T, error)) (T, error) {
	result := flight.DoChan(key, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
		defer cancel()
		return f(ctx)
	})
	var none T
	select {
	case got := <-result:
		if got.Err != nil {
			return none, got.Err
		}
		value, _ := got.Val.(T)
		return value, nil
	case <-ctx.Done():
		return none, context.Cause(ctx)
	}
}

// lookUp waits until one more request to the store is allowed; done ends it.
func (r *replays) lookUp(ctx context.Context) (done func(), err error) {
	select {
	case r.lookups <- struct{}{}:
		return func() { <-r.lookups }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (r *replays) read(ctx context.Context, key string) *replay {
	done, err := r.lookUp(ctx)
	if err != nil {
		return &replay{err: err} // not cached
	}
	defer done()
	text, err := storage.ReadText(ctx, r.bucket, key, maxReplaySize)
	now := time.Now()
	if err != nil {
		return &replay{err: err, until: now.Add(replayMissing)}
	}
	return &replay{text: playlist.NewText(text), until: now.Add(replayFresh)}
}

// open opens a segment of a broadcast that may have ended long ago.
func (r *replays) open(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	done, err := r.lookUp(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	return r.bucket.Get(ctx, key, offset, length)
}

func (r *replays) find(key string, now time.Time) *replay {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.known[key]; known != nil && now.Before(known.until) {
		return known
	}
	return nil
}

// keep remembers a reading as long as it is fresh, if there is room.
func (r *replays) keep(key string, found *replay) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	for k, old := range r.known {
		if k == key || !now.Before(old.until) {
			delete(r.known, k)
			r.bytes -= old.size()
		}
	}
	if size := found.size(); now.Before(found.until) && len(r.known) < maxReplays && r.bytes+size <= replayBudget {
		r.known[key] = found
		r.bytes += size
	}
}

func (r *replay) size() int64 {
	if r.text == nil {
		return 0
	}
	return int64(len(r.text.Plain))
}
