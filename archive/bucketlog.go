package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"golive/storage"
)

// bucketLog is the log of a broadcast as a bucket has it. A segment's record is added
// when the bucket has the segment, so that whoever reads the log finds what it names.
type bucketLog struct {
	layout  Layout
	state   state
	page    int
	text    []byte // of the newest page; only appended to, so that objects can share it
	records int
	ends    pageEnds
	last    bool // no page may follow: its number is another node's
}

// add appends a record to the newest page, or to a new one when that is full.
func (l *bucketLog) add(r *Record) {
	if l.text == nil || l.records >= pageRecords && !l.last {
		if l.text != nil {
			l.ends.add(l.page, &l.state)
			l.page++
		}
		header := l.state.header(l.page)
		l.text, l.records = header.append(nil), 0
	}
	l.text = r.append(l.text)
	l.records++
	l.state.apply(r)
}

// object returns the newest page.
func (l *bucketLog) object() storage.Object {
	n := len(l.text)
	return storage.Object{
		Key: l.layout.bucketPage(l.state.meta, l.page), Slabs: [][]byte{l.text[:n:n]},
		ContentType: "application/jsonl", CacheControl: "no-store",
	}
}

// removed returns the keys of the pages of which nothing is kept any longer.
func (l *bucketLog) removed() (keys []string) {
	for _, page := range l.ends.removed(&l.state) {
		keys = append(keys, l.layout.bucketPage(l.state.meta, page))
	}
	return keys
}

// Claim says whose a broadcast is, seen from a bucket that other nodes write to too: its
// publisher may have gone to one of them.
type Claim uint8

const (
	// Owned says that nothing speaks against it that the broadcast is this node's.
	Owned Claim = iota
	// Displaced says that a later broadcast under the same id has the playlists. This one's own
	// objects are still this node's.
	Displaced
	// Continued says that another node goes on with this very broadcast, or has ended it. All of
	// its objects are that node's.
	Continued
)

// pageRef is a page in a bucket.
type pageRef struct {
	key    string
	number int
	owner  string
}

// bucketLogs are the pages of all logs of an id, by the log's Meta.
type bucketLogs map[Meta][]pageRef

// listLogs lists them.
func listLogs(ctx context.Context, b storage.Bucket, l Layout, id string) (bucketLogs, error) {
	logs := bucketLogs{}
	for info, err := range b.List(ctx, l.Logs(id)) {
		if err != nil {
			return nil, err
		}
		folder, name, _ := strings.Cut(strings.TrimPrefix(info.Key, l.Folder(id)+"/"), "/")
		m, ok := parseLog(id, folder)
		number, owner, isPage := parsePageName(name)
		if ok && isPage {
			logs[m] = append(logs[m], pageRef{info.Key, number, owner})
		}
	}
	return logs, nil
}

// named returns the log's Meta as its folder names it.
func (m Meta) named() Meta {
	return Meta{Broadcast: m.Broadcast, Token: m.Token, Began: m.Began.UTC().Truncate(time.Millisecond)}
}

// claimOn returns whose the broadcast is, and the number of the next page of its log. Its
// newest page is by its owner, or, when this node has just taken it over, by the one
// before. acknowledged says that the bucket has had some of it.
func (logs bucketLogs) claimOn(m Meta, acknowledged, takenOver bool) (c Claim, nextPage int) {
	own := m.named()
	if pages := logs[own]; len(pages) > 0 {
		newest := pages[len(pages)-1]
		nextPage = newest.number + 1
		if newest.owner != m.Owner && !takenOver {
			return Continued, nextPage
		}
	} else if acknowledged {
		return Continued, 0 // another node has swept it
	}
	for other := range logs {
		if other != own && other.Began.After(own.Began) {
			return Displaced, nextPage
		}
	}
	return Owned, nextPage
}

// FindNewest reads what another node left in the bucket of the broadcast that began last
// under an id. It returns storage.ErrNotExist when there is none.
func FindNewest(ctx context.Context, b storage.Bucket, l Layout, window time.Duration, id string) (*Recovered, error) {
	logs, err := listLogs(ctx, b, l, id)
	if err != nil {
		return nil, err
	}
	if len(logs) == 0 {
		return nil, storage.ErrNotExist
	}
	newest := slices.MaxFunc(slices.Collect(maps.Keys(logs)), func(a, b Meta) int { return a.Began.Compare(b.Began) })
	return readBucketLog(ctx, b, l, window, newest, logs[newest])
}

// FindBroadcast reads what a bucket has of the broadcast with a manifest.
func FindBroadcast(ctx context.Context, b storage.Bucket, l Layout, window time.Duration, m Meta) (*Recovered, error) {
	logs, err := listLogs(ctx, b, l, m.Broadcast)
	if err != nil {
		return nil, err
	}
	if len(logs[m.named()]) == 0 {
		return nil, storage.ErrNotExist
	}
	f, err := readBucketLog(ctx, b, l, window, m.named(), logs[m.named()])
	if err == nil {
		c, _ := logs.claimOn(m, false, true)
		f.Displaced = c == Displaced
	}
	return f, err
}

func readBucketLog(ctx context.Context, b storage.Bucket, l Layout, window time.Duration, m Meta, pages []pageRef) (*Recovered, error) {
	numbers := make([]int, len(pages))
	for i, p := range pages {
		numbers[i] = p.number
	}
	r := recovery{layout: l, window: window}
	f, err := r.assemble(m, numbers, func(i int) (Page, error) { return getPage(ctx, b, pages[i]) })
	if err != nil {
		return nil, err
	}
	f.pages = nil // none of them is on the local disk
	for name, p := range f.Positions {
		p.Stored = p.Next - 1
		f.Positions[name] = p
	}
	r.trim(f)
	return f, nil
}

func getPage(ctx context.Context, b storage.Bucket, ref pageRef) (Page, error) {
	text, err := storage.ReadText(ctx, b, ref.key, maxPage)
	if errors.Is(err, storage.ErrNotExist) {
		return Page{Number: ref.number, Damaged: 1}, nil
	}
	if err != nil {
		return Page{}, err
	}
	p, err := ParsePage(ref.number, text)
	if err != nil {
		return p, fmt.Errorf("read %s: %w", ref.key, err)
	}
	return p, nil
}

// pageReads is how many pages of a log are read at once.
const pageReads = 8

// History reads all segments of a broadcast that its log in b still has, in order, by
// rendition. The folder of a Store is a bucket of the same layout.
func History(ctx context.Context, b storage.Bucket, l Layout, m Meta) (map[string][]RecoveredSegment, error) {
	logs, err := listLogs(ctx, b, l, m.Broadcast)
	if err != nil {
		return nil, err
	}
	refs := logs[m.named()]
	pages := make([]Page, len(refs))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(pageReads)
	for i, ref := range refs {
		g.Go(func() (err error) {
			pages[i], err = getPage(ctx, b, ref)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	f := &Recovered{Meta: m.named(), Segments: map[string][]RecoveredSegment{}}
	f.replay(pages)
	return f.Segments, nil
}
