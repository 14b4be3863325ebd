package broadcast

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"golive/archive"
	"golive/media"
	"golive/storage"
)

const (
	// listFresh is for how long an id that is not in a list of the bucket's broadcasts has
	// none: as long as the replay of another node may stay unfound.
	listFresh = 5 * time.Second
	// listShare bounds how much of the time lists take: a bucket with many broadcasts is
	// listed less often.
	listShare = 20
	// listTimeout bounds one list.
	listTimeout = 30 * time.Second
	// headerFresh is how long what is known of a broadcast that has not ended is used.
	headerFresh = 2 * time.Second
)

// bucketIndex holds which broadcasts the bucket has, by their manifests: without one
// there is neither a replay nor a segment. So requests for names that never existed are
// answered from memory, and cost one list in listFresh, however many they are; in a folder
// of this node's own, one list.
type bucketIndex struct {
	layout archive.Layout
	stores Stores
	flight singleflight.Group

	mu      sync.Mutex
	byID    map[string][]archive.Named
	until   time.Time // the list is fresh
	failed  error     // of the newest list, until then
	headers map[string]*header
	added   int // how many broadcasts of this node
}

// header is what is known of a broadcast in the bucket, by its token.
type header struct {
	archive.Header
	until time.Time // zero when it does not change any more
}

func newBucketIndex(layout archive.Layout, stores Stores) *bucketIndex {
	return &bucketIndex{layout: layout, stores: stores, byID: map[string][]archive.Named{}, headers: map[string]*header{}}
}

// add notes a broadcast of this node that has ended and is deleted when it is due, which
// the list may be too old for.
func (k *bucketIndex) add(h archive.Header, due time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.headers[h.Token] = &header{Header: h}
	k.added++
	has := func(n archive.Named) bool { return n.Token == h.Token && !n.Due.IsZero() }
	if !slices.ContainsFunc(k.byID[h.Broadcast], has) {
		k.byID[h.Broadcast] = append(slices.Clip(k.byID[h.Broadcast]), archive.Named{ID: h.Broadcast, Token: h.Token, Due: due})
	}
}

// remove notes that a broadcast was deleted.
func (k *bucketIndex) remove(h archive.Header) {
	k.mu.Lock()
	defer k.mu.Unlock()
	delete(k.headers, h.Token)
	left := slices.DeleteFunc(slices.Clone(k.byID[h.Broadcast]), func(n archive.Named) bool { return n.Token == h.Token })
	if k.byID[h.Broadcast] = left; len(left) == 0 {
		delete(k.byID, h.Broadcast)
	}
}

// find returns the broadcasts of the id; none is storage.ErrNotExist. What an older list
// had may be deleted: then reading it fails.
func (k *bucketIndex) find(ctx context.Context, id string) ([]archive.Named, error) {
	k.mu.Lock()
	known, fresh, failed := k.byID[id], time.Now().Before(k.until), k.failed
	k.mu.Unlock()
	switch {
	case len(known) > 0:
		return known, nil
	case fresh && failed != nil:
		return nil, failed
	case fresh:
		return nil, storage.ErrNotExist
	}
	found, err := shared(ctx, &k.flight, "", listTimeout, func(ctx context.Context) (map[string][]archive.Named, error) {
		return k.list(ctx)
	})
	if err == nil && len(found[id]) == 0 {
		err = storage.ErrNotExist
	}
	return found[id], err
}

// list reads the keys of all manifests. After a failure the old list stays.
func (k *bucketIndex) list(ctx context.Context) (map[string][]archive.Named, error) {
	began := time.Now()
	k.mu.Lock()
	added := k.added
	k.mu.Unlock()
	byID, tokens := make(map[string][]archive.Named), make(map[string]bool)
	var err error
	for named, one := range k.layout.Named(ctx, k.stores.Bucket) {
		if err = one; err != nil {
			break
		}
		byID[named.ID] = append(byID[named.ID], named)
		tokens[named.Token] = true
	}
	now := time.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	k.until, k.failed = began.Add(max(listFresh, listShare*now.Sub(began))), err
	if err != nil {
		k.until = now.Add(replayMissing)
		return nil, err
	}
	switch {
	case k.added != added:
		k.until = now // the list may be without a broadcast that ended meanwhile
	case !k.stores.shared(): // only this node writes here, and it adds what it writes
		k.until = now.AddDate(100, 0, 0)
	}
	k.byID = byID
	maps.DeleteFunc(k.headers, func(token string, _ *header) bool { return !tokens[token] })
	return maps.Clone(byID), nil
}

// hasReplay returns storage.ErrNotExist when the bucket cannot have the playlist of that
// name, which may be in a rendition's folder, for the id.
func (k *bucketIndex) hasReplay(ctx context.Context, id, name string) error {
	all, err := k.find(ctx, id)
	if err != nil || name == archive.ReplayName {
		return err
	}
	name = name[strings.LastIndexByte(name, '/')+1:]
	if !slices.ContainsFunc(all, func(n archive.Named) bool { return archive.ReplayNameOf(n.Token) == name }) {
		return storage.ErrNotExist
	}
	return nil
}

// newest returns the broadcast of the id that ended last.
func (r *replays) newest(ctx context.Context, id string) (*header, error) {
	all, err := r.index.find(ctx, id)
	if err != nil {
		return nil, err
	}
	ended := slices.DeleteFunc(slices.Clone(all), func(n archive.Named) bool { return n.Due.IsZero() })
	if len(ended) == 0 {
		return nil, storage.ErrNotExist
	}
	return r.headerOf(ctx, slices.MaxFunc(ended, func(a, b archive.Named) int { return a.Due.Compare(b.Due) }))
}

// hasSegment returns storage.ErrNotExist when the bucket cannot have the segment of the
// id, in another broadcast than the one with the token own.
func (r *replays) hasSegment(ctx context.Context, id, own, rendition, publication string, msn int64) error {
	all, err := r.index.find(ctx, id)
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(all) {
		if n.Token == own {
			continue
		}
		h, err := r.headerOf(ctx, n)
		switch {
		case errors.Is(err, storage.ErrNotExist):
		case err != nil:
			return err
		case h.HasPublication(publication) && (h.HasSegment(rendition, msn) || !h.until.IsZero()):
			return nil
		}
	}
	return storage.ErrNotExist
}

// headerOf returns what a broadcast has. Requests at the same time are one to the bucket.
func (r *replays) headerOf(ctx context.Context, n archive.Named) (*header, error) {
	k := r.index
	k.mu.Lock()
	h := k.headers[n.Token]
	k.mu.Unlock()
	if h != nil && (h.until.IsZero() || time.Now().Before(h.until)) {
		return h, nil
	}
	result := k.flight.DoChan(n.Token, func() (any, error) {
		// Others may wait for it when this client has left.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), replayTimeout)
		defer cancel()
		return r.readHeader(ctx, n)
	})
	select {
	case got := <-result:
		h, _ := got.Val.(*header)
		return h, got.Err
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// readHeader reads what a broadcast has from its manifest. That of one which has not ended names
// its publications so far.
func (r *replays) readHeader(ctx context.Context, n archive.Named) (*header, error) {
	done, err := r.lookUp(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	k := r.index
	h := &header{}
	if h.Header, err = archive.ReadManifest(ctx, k.stores.Bucket, n.Key); err != nil {
		return nil, err
	}
	if n.Due.IsZero() {
		h.until = time.Now().Add(headerFresh)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.headers[n.Token] = h
	return h, nil
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
