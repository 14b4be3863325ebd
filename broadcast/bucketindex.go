package broadcast

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"golive/media"
	"golive/storage"
	"golive/storage/catalog"
)

const (
	// listFresh is how long a list of the bucket's broadcasts may say that there is none
	// of an id: as long as the replay of another node may stay unfound.
	listFresh = 5 * time.Second
	// listShare bounds how much of the time lists take: a bucket with many broadcasts is
	// listed less often.
	listShare = 20
	// listTimeout bounds one list.
	listTimeout = 30 * time.Second
)

// bucketIndex tells which broadcasts the bucket has, by the names of their manifests: without
// one there is neither a replay nor a segment. So requests for what never was are
// answered from memory, and cost one list in listFresh, however many they are.
type bucketIndex struct {
	layout catalog.Layout
	bucket storage.Bucket
	flight singleflight.Group

	mu     sync.Mutex
	byID   map[string][]catalog.Named
	until  time.Time // the list is fresh
	failed error     // of the newest list, until then
	spans  map[string]*span
}

// span is which segments a broadcast in the bucket has.
type span struct {
	sessions    []string
	first, last int64 // media sequence numbers; last is -1 where it still grows
	until       time.Time
}

func newBucketIndex(layout catalog.Layout, bucket storage.Bucket) *bucketIndex {
	return &bucketIndex{layout: layout, bucket: bucket, byID: map[string][]catalog.Named{}, spans: map[string]*span{}}
}

// add notes a broadcast of this node, which the list may be too old for.
func (k *bucketIndex) add(n catalog.Named) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !slices.Contains(k.byID[n.ID], n) {
		k.byID[n.ID] = append(slices.Clip(k.byID[n.ID]), n)
	}
}

// find returns the broadcasts of the id; none is storage.ErrNotExist. What an older list
// had may be gone: the store says so itself.
func (k *bucketIndex) find(ctx context.Context, id string) ([]catalog.Named, error) {
	k.mu.Lock()
	found, fresh, failed := k.byID[id], time.Now().Before(k.until), k.failed
	k.mu.Unlock()
	switch {
	case len(found) > 0:
		return found, nil
	case fresh && failed != nil:
		return nil, failed
	case fresh:
		return nil, storage.ErrNotExist
	}
	result := k.flight.DoChan("", func() (any, error) {
		// Others may wait for it when this client has left.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), listTimeout)
		defer cancel()
		return nil, k.list(ctx)
	})
	select {
	case got := <-result:
		if got.Err != nil {
			return nil, got.Err
		}
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if found := k.byID[id]; len(found) > 0 {
		return found, nil
	}
	return nil, storage.ErrNotExist
}

// list reads the names of all manifests. After a failure the old list stays.
func (k *bucketIndex) list(ctx context.Context) error {
	began := time.Now()
	byID, tokens := make(map[string][]catalog.Named), make(map[string]bool)
	var err error
	for named, one := range k.layout.Named(ctx, k.bucket) {
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
		return err
	}
	k.byID = byID
	maps.DeleteFunc(k.spans, func(token string, _ *span) bool { return !tokens[token] })
	return nil
}

// hasReplay returns storage.ErrNotExist when the bucket cannot have the playlist of that
// name for the id.
func (k *bucketIndex) hasReplay(ctx context.Context, id, name string) error {
	all, err := k.find(ctx, id)
	if err != nil || name == catalog.ReplayName {
		return err
	}
	if !slices.ContainsFunc(all, func(n catalog.Named) bool { return catalog.ReplayNameOf(n.Token) == name }) {
		return storage.ErrNotExist
	}
	return nil
}

// hasSegment returns storage.ErrNotExist when the bucket cannot have the segment of the
// id.
func (r *replays) hasSegment(ctx context.Context, id, session string, msn int64) error {
	all, err := r.index.find(ctx, id)
	if err != nil {
		return err
	}
	for _, n := range slices.Backward(all) {
		s, err := r.spanOf(ctx, n)
		switch {
		case errors.Is(err, storage.ErrNotExist):
		case err != nil:
			return err
		case slices.Contains(s.sessions, session) && msn >= s.first && (s.last < 0 || msn <= s.last):
			return nil
		}
	}
	return storage.ErrNotExist
}

// spanOf reads which segments a broadcast has: from its replay when it has ended, and
// else from its manifest.
func (r *replays) spanOf(ctx context.Context, n catalog.Named) (*span, error) {
	r.index.mu.Lock()
	s := r.index.spans[n.Token]
	r.index.mu.Unlock()
	if s != nil && (s.until.IsZero() || time.Now().Before(s.until)) {
		return s, nil
	}
	if n.Ended {
		replay, err := r.get(ctx, r.layout.ReplayOf(n.ID, n.Token))
		if err != nil {
			return nil, err
		}
		s = spanIn(replay.text.Plain)
	} else {
		done, err := r.lookUp(ctx)
		if err != nil {
			return nil, err
		}
		m, err := r.layout.ReadLive(ctx, r.bucket, n.ID, n.Token)
		done()
		if err != nil && !errors.Is(err, storage.ErrNotExist) {
			return nil, err
		}
		s = &span{sessions: m.Sessions, last: -1, until: time.Now().Add(replayMissing)}
	}
	r.index.mu.Lock()
	defer r.index.mu.Unlock()
	r.index.spans[n.Token] = s
	return s, nil
}

// spanIn returns which segments a replay's playlist names.
func spanIn(text []byte) *span {
	s := &span{first: -1, last: -1}
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		session, msn, ok := segmentName(string(line[bytes.LastIndexByte(line, '/')+1:]))
		if !ok {
			continue
		}
		if !slices.Contains(s.sessions, session) {
			s.sessions = append(s.sessions, session)
		}
		if s.first < 0 {
			s.first = msn
		}
		s.last = max(s.last, msn)
	}
	return s
}

// segmentName splits SESSION-MSN.ts, in the one form that a segment's name has.
func segmentName(name string) (session string, msn int64, ok bool) {
	base, isSegment := strings.CutSuffix(name, ".ts")
	i := strings.LastIndexByte(base, '-')
	if !isSegment || i <= 0 {
		return "", 0, false
	}
	msn, err := strconv.ParseInt(base[i+1:], 10, 64)
	if err != nil {
		return "", 0, false
	}
	seg := media.Segment{Session: base[:i], MSN: msn}
	return seg.Session, msn, msn >= 0 && seg.Name() == name && catalog.IsToken(seg.Session)
}
