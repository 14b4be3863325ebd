package broadcast

import (
	"context"
	"errors"
	"path"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
)

const (
	// replayFresh is how long a replay that was read is not read again, and
	// replayMissing how long one that is not there is not asked for again: requests
	// for what never was must not become requests to the store.
	replayFresh   = 10 * time.Second
	replayMissing = 2 * time.Second
	// maxReplays bounds how many are kept, and maxReplaySize each, in bytes.
	maxReplays    = 128
	maxReplaySize = 16 << 20
	// replayTimeout bounds one reading.
	replayTimeout = 10 * time.Second
)

// replays are the playlists of ended broadcasts, read from the bucket when players
// ask for them, and kept for a while.
type replays struct {
	layout catalog.Layout
	bucket storage.Bucket
	flight singleflight.Group

	mu    sync.Mutex
	known map[string]*replay // by key
}

// replay is a reading of one.
type replay struct {
	text     *playlist.Text
	token    string    // of its broadcast
	began    time.Time           // of the first segment
	ended    time.Time           // of the last
	sessions map[string]struct{} // "source/SESSION" of the segments it lists
	err      error               // instead of all that
	until    time.Time           // it is fresh
	used     time.Time           // when it was last needed; of the owner of mu
}

func newReplays(layout catalog.Layout, bucket storage.Bucket) *replays {
	return &replays{layout: layout, bucket: bucket, known: make(map[string]*replay)}
}

// get is the replay at key. Requests at the same time are one to the bucket.
func (r *replays) get(ctx context.Context, key string) (*replay, error) {
	if known := r.find(key, time.Now()); known != nil {
		return known, known.err
	}
	result := r.flight.DoChan(key, func() (any, error) {
		// Others may wait for it when this client has left.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), replayTimeout)
		defer cancel()
		found := r.read(ctx, key)
		r.keep(key, found)
		return found, nil
	})
	select {
	case got := <-result:
		found, _ := got.Val.(*replay)
		return found, found.err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

func (r *replays) read(ctx context.Context, key string) *replay {
	text, err := catalog.ReadText(ctx, r.bucket, key, maxReplaySize)
	now := time.Now()
	if err != nil {
		return &replay{err: err, until: now.Add(replayMissing), used: now}
	}
	found := &replay{text: playlist.NewText(text), sessions: make(map[string]struct{}), until: now.Add(replayFresh), used: now}
	found.began, found.ended = playlist.Span(text)
	found.token = catalog.Owner(text)
	for line := range strings.Lines(string(text)) {
		if i := strings.LastIndexByte(line, '-'); i > 0 && line[0] != '#' {
			found.sessions[line[:i]] = struct{}{}
		}
	}
	return found
}

func (r *replays) find(key string, now time.Time) *replay {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known := r.known[key]; known != nil && now.Before(known.until) {
		known.used = now
		return known
	}
	return nil
}

// keep remembers a reading, in the place of the one that was not used for longest
// when there are too many.
func (r *replays) keep(key string, found *replay) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known[key] == nil && len(r.known) >= maxReplays {
		var oldest string
		for k, other := range r.known {
			if oldest == "" || other.used.Before(r.known[oldest].used) {
				oldest = k
			}
		}
		delete(r.known, oldest)
	}
	r.known[key] = found
}

// lists says whether a replay in the folder lists segments of the name's session:
// the newest, or one that a player has just read.
func (r *replays) lists(ctx context.Context, folder, rendition, name string) (bool, error) {
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return false, nil
	}
	session := path.Join(rendition, name[:i])
	if r.recent(folder, session, time.Now()) {
		return true, nil
	}
	newest, err := r.get(ctx, folder+"/"+catalog.ReplayName)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	_, ok := newest.sessions[session]
	return ok, nil
}

// recent says whether one that was read lists the session. One that is not fresh
// any more will do: segments do not change.
func (r *replays) recent(folder, session string, now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for key, known := range r.known {
		if _, ok := known.sessions[session]; ok && path.Dir(key) == folder {
			known.used = now
			return true
		}
	}
	return false
}
