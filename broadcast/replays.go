package broadcast

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golive/archive"
	"golive/media"
	"golive/playlist"
	"golive/storage"
)

const (
	// replayFresh is how long a replay that was read is not read again, and
	// replayMissing how long one that cannot be read is not asked for again.
	replayFresh   = 10 * time.Second
	replayMissing = 2 * time.Second
	// maxReplaySize bounds each, in bytes: maxReplayLength of segments of one second.
	maxReplaySize = 64 << 20
	// replayTimeout bounds one reading.
	replayTimeout = 10 * time.Second
	// headerFresh and liveHeaderFresh are how long the manifest of a broadcast is not read
	// again when it has ended, and when it has not.
	headerFresh     = 10 * time.Minute
	liveHeaderFresh = 2 * time.Second
	// maxLookups bounds how many requests to the store viewers of replays can cause at
	// once.
	maxLookups = 32
	// listFresh is for how long an id that is not in a list of the bucket's broadcasts has
	// none: as long as the replay of another node may stay unfound.
	listFresh = 5 * time.Second
	// listShare bounds how much of the time lists take: a bucket with many broadcasts is
	// listed less often.
	listShare = 20
	// listTimeout bounds one list.
	listTimeout = 30 * time.Second
)

// replays finds ended broadcasts in the bucket when players ask for them: their playlists and
// segments. It knows by their manifests which there are: without one there is neither. So
// requests for names that never existed are answered from memory, and cost one list in
// listFresh, however many they are; in a folder of this node's own, one list.
type replays struct {
	layout  archive.Layout
	stores  Stores
	lookups chan struct{} // holds a token for each request to the store
	texts   cache[*playlist.Text]
	headers cache[archive.Header] // by the broadcast's token
	lists   cache[struct{}]       // whether byID is fresh

	mu    sync.Mutex
	byID  map[string][]archive.ManifestKey
	added int // how many broadcasts of this node
}

func newReplays(layout archive.Layout, stores Stores) *replays {
	return &replays{layout: layout, stores: stores, lookups: make(chan struct{}, maxLookups), byID: map[string][]archive.ManifestKey{}}
}

// text returns the playlist of that name, which may be in a rendition's folder. The error is
// storage.ErrNotExist when the bucket cannot have it.
func (r *replays) text(ctx context.Context, id, name string) (*playlist.Text, error) {
	all, err := r.find(ctx, id)
	if err != nil {
		return nil, err
	}
	file := name[strings.LastIndexByte(name, '/')+1:]
	if name != archive.ReplayName && !slices.ContainsFunc(all, func(n archive.ManifestKey) bool { return archive.ReplayNameOf(n.Token) == file }) {
		return nil, storage.ErrNotExist
	}
	return r.read(ctx, r.layout.Folder(id)+"/"+name, maxReplaySize)
}

// read returns the object at key, of at most so many bytes.
func (r *replays) read(ctx context.Context, key string, most int64) (*playlist.Text, error) {
	return r.texts.get(ctx, key, replayTimeout, func(ctx context.Context) found[*playlist.Text] {
		text, err := lookUp(ctx, r, func() ([]byte, error) { return storage.ReadText(ctx, r.stores.Bucket, key, most) })
		if err != nil {
			return found[*playlist.Text]{err: err, until: time.Now().Add(replayMissing)}
		}
		return found[*playlist.Text]{value: playlist.NewText(text), size: int64(len(text)), until: time.Now().Add(replayFresh)}
	})
}

// lookUp makes a request to the store when one more is allowed.
func lookUp[T any](ctx context.Context, r *replays, request func() (T, error)) (T, error) {
	select {
	case r.lookups <- struct{}{}:
		defer func() { <-r.lookups }()
		return request()
	case <-ctx.Done():
		var none T
		return none, context.Cause(ctx)
	}
}

// open opens a segment of a broadcast that may have ended long ago.
func (r *replays) open(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	return lookUp(ctx, r, func() (*storage.Reader, error) { return r.stores.Bucket.Get(ctx, key, offset, length) })
}

// newest returns the broadcast of the id that ended last.
func (r *replays) newest(ctx context.Context, id string) (archive.Header, error) {
	all, err := r.find(ctx, id)
	if err != nil {
		return archive.Header{}, err
	}
	ended := slices.DeleteFunc(slices.Clone(all), func(n archive.ManifestKey) bool { return n.Due.IsZero() })
	if len(ended) == 0 {
		return archive.Header{}, storage.ErrNotExist
	}
	return r.header(ctx, slices.MaxFunc(ended, func(a, b archive.ManifestKey) int { return a.Due.Compare(b.Due) }))
}

// hasSegment returns storage.ErrNotExist when the bucket cannot have the segment of the
// id, in another broadcast than the one with the token own.
func (r *replays) hasSegment(ctx context.Context, id, own, rendition, publication string, msn int64) error {
	all, err := r.find(ctx, id)
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(all) {
		if n.Token == own {
			continue
		}
		h, err := r.header(ctx, n)
		switch {
		case errors.Is(err, storage.ErrNotExist):
		case err != nil:
			return err
		case slices.Contains(h.Publications, publication) && (h.HasSegment(rendition, msn) || n.Due.IsZero()):
			return nil
		}
	}
	return storage.ErrNotExist
}

// header returns what a broadcast has. The manifest of one that has not ended names its
// publications so far.
func (r *replays) header(ctx context.Context, n archive.ManifestKey) (archive.Header, error) {
	return r.headers.get(ctx, n.Token, replayTimeout, func(ctx context.Context) found[archive.Header] {
		h, err := lookUp(ctx, r, func() (archive.Header, error) { return archive.ReadManifest(ctx, r.stores.Bucket, n.Key) })
		fresh := headerFresh
		switch {
		case err != nil:
			fresh = replayMissing
		case n.Due.IsZero():
			fresh = liveHeaderFresh
		}
		return foundHeader(h, err, fresh)
	})
}

func foundHeader(h archive.Header, err error, fresh time.Duration) found[archive.Header] {
	return found[archive.Header]{h, err, int64(len(h.Publications) * 32), time.Now().Add(fresh)}
}

// add notes a broadcast of this node that has ended and is deleted when it is due, which
// the list may be too old for.
func (r *replays) add(h archive.Header, due time.Time) {
	r.headers.keep(h.Token, foundHeader(h, nil, time.Until(due)))
	n := archive.ManifestKey{Key: r.layout.Due(due, h.Broadcast, h.Token), ID: h.Broadcast, Token: h.Token, Due: due}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.added++
	r.byID[n.ID] = append(without(r.byID[n.ID], n.Token), n)
}

// remove notes that a broadcast was deleted.
func (r *replays) remove(h archive.Header) {
	r.headers.keep(h.Token, foundHeader(h, nil, 0))
	r.mu.Lock()
	defer r.mu.Unlock()
	left := without(r.byID[h.Broadcast], h.Token)
	if r.byID[h.Broadcast] = left; len(left) == 0 {
		delete(r.byID, h.Broadcast)
	}
}

// without returns a copy of all without a broadcast.
func without(all []archive.ManifestKey, token string) []archive.ManifestKey {
	return slices.DeleteFunc(slices.Clone(all), func(n archive.ManifestKey) bool { return n.Token == token })
}

// find returns the broadcasts of the id; none is storage.ErrNotExist. What an older list
// had may be deleted: then reading it fails.
func (r *replays) find(ctx context.Context, id string) ([]archive.ManifestKey, error) {
	if known := r.known(id); len(known) > 0 {
		return known, nil
	}
	if _, err := r.lists.get(ctx, "", listTimeout, r.list); err != nil {
		return nil, err
	}
	if known := r.known(id); len(known) > 0 {
		return known, nil
	}
	return nil, storage.ErrNotExist
}

func (r *replays) known(id string) []archive.ManifestKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byID[id]
}

// all returns the broadcasts of the id that the bucket has now.
func (r *replays) all(ctx context.Context, id string) ([]archive.ManifestKey, error) {
	if found := r.list(ctx); found.err != nil {
		return nil, found.err
	}
	return r.known(id), nil
}

// list reads the keys of all manifests. After a failure the old list stays.
func (r *replays) list(ctx context.Context) found[struct{}] {
	began := time.Now()
	r.mu.Lock()
	added := r.added
	r.mu.Unlock()
	byID := map[string][]archive.ManifestKey{}
	for named, err := range r.layout.ManifestKeys(ctx, r.stores.Bucket, r.layout.Manifests()) {
		if err != nil {
			return found[struct{}]{err: err, until: time.Now().Add(replayMissing)}
		}
		byID[named.ID] = append(byID[named.ID], named)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.byID = byID
	switch {
	case r.added != added: // the list may be without a broadcast that ended meanwhile
		return found[struct{}]{}
	case !r.stores.shared(): // only this node writes here, and it adds what it writes
		return found[struct{}]{until: began.AddDate(100, 0, 0)}
	}
	return found[struct{}]{until: began.Add(max(listFresh, listShare*time.Since(began)))}
}

// segmentName splits PUBLICATION-MSN.ts, in the one form that a segment's name has.
func segmentName(name string) (publication string, msn int64, ok bool) {
	base, isSegment := strings.CutSuffix(name, ".ts")
	i := strings.LastIndexByte(base, '-')
	if !isSegment || i <= 0 {
		return "", 0, false
	}
	msn, err := strconv.ParseInt(base[i+1:], 10, 64)
	if err != nil {
		return "", 0, false
	}
	seg := media.Segment{Publication: base[:i], MSN: msn}
	return seg.Publication, msn, msn >= 0 && seg.Name() == name && archive.IsToken(seg.Publication)
}
