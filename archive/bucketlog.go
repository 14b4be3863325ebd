package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"golive/storage"
)

// bucketLog is the log of a broadcast as a bucket has it. A segment's record is added
// when the bucket has the segment, so that a reader of the log finds what it names.
type bucketLog struct {
	layout  Layout
	state   Header
	page    int
	text    []byte // of the newest page; only appended to, so that objects can share it
	records int
	sealed  bool // the newest page may not change any more
	ends    pageEnds
	// complete is true when no page may follow: the next owner may begin one of that number.
	complete bool
}

// slowPut is the shortest duration of a put that may have needed more than one attempt.
const slowPut = 4 * time.Second

// seal seals the newest page after a put of it that failed or needed several attempts. Such
// an attempt may still take effect in the bucket later, and would overwrite records that
// were added to the page since: further records go to another page.
func (l *bucketLog) seal(key string, took time.Duration, err error) {
	if l.text != nil && key == l.object().Key && (err != nil || took >= slowPut) {
		l.sealed = true
	}
}

// add appends a record to the newest page, or to a new one when that is full or sealed.
func (l *bucketLog) add(r *Record) {
	if l.text == nil || (l.records >= pageRecords || l.sealed) && !l.complete {
		switch {
		case l.text != nil:
			l.ends.add(l.page, &l.state)
			l.page++
		case l.complete && l.page > 1:
			l.page-- // the one before the next owner's
		}
		header := l.state.record(l.page)
		l.text, l.records, l.sealed = header.append(nil), 0, false
	}
	l.text = r.append(l.text)
	l.records++
	l.state.apply(r)
}

// object returns the newest page.
func (l *bucketLog) object() storage.Object {
	n := len(l.text)
	return storage.Object{
		Key: l.layout.bucketPage(l.state.Meta, l.page), Slabs: [][]byte{l.text[:n:n]},
		ContentType: "application/jsonl", CacheControl: "no-store",
	}
}

// removed returns the keys of the pages with only removed segments.
func (l *bucketLog) removed() (keys []string) {
	for _, page := range l.ends.removed(&l.state) {
		keys = append(keys, l.layout.bucketPage(l.state.Meta, page))
	}
	return keys
}

// pageRef is a page in a bucket.
type pageRef struct {
	key    string
	number int
	owner  string
}

// bucketLogs are the pages of all logs of an id, by the log's key.
type bucketLogs map[Meta][]pageRef

// listLogs lists the pages of all logs of an id in a bucket.
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

// logKey returns the part of m that names its log's folder, which is the log's key in
// bucketLogs.
func (m Meta) logKey() Meta {
	return Meta{Broadcast: m.Broadcast, Token: m.Token, Began: m.Began.UTC().Truncate(time.Millisecond)}
}

// newest returns the newest page of a log, if it has one.
func (logs bucketLogs) newest(m Meta) (page pageRef, ok bool) {
	pages := logs[m]
	if len(pages) == 0 {
		return pageRef{}, false
	}
	return pages[len(pages)-1], true
}

// nextPage returns the number of the page that a new owner begins in a log. It skips one
// number: an earlier owner may still put a page with it.
func (logs bucketLogs) nextPage(m Meta) int {
	if newest, ok := logs.newest(m); ok {
		return newest.number + 2
	}
	return 1
}

// hasLater reports whether a broadcast began later under the id.
func (logs bucketLogs) hasLater(m Meta) bool {
	for other := range logs {
		if other != m && other.Began.After(m.Began) {
			return true
		}
	}
	return false
}

// Find reads what a bucket has of the broadcast of an id with that token or, when token is
// empty, of the one that began last. It returns storage.ErrNotExist when there is none.
func Find(ctx context.Context, b storage.Bucket, l Layout, window time.Duration, id, token string) (*Recovered, error) {
	logs, err := listLogs(ctx, b, l, id)
	if err != nil {
		return nil, err
	}
	var found Meta
	for m := range logs {
		if token == "" && m.Began.After(found.Began) || m.Token == token {
			found = m
		}
	}
	if found.Token == "" {
		return nil, storage.ErrNotExist
	}
	return readBucketLog(ctx, b, l, window, found, logs[found])
}

func readBucketLog(ctx context.Context, b storage.Bucket, l Layout, window time.Duration, m Meta, pages []pageRef) (*Recovered, error) {
	r := recovery{layout: l, window: window}
	f, err := r.read(ctx, b, m, pages)
	if err != nil {
		return nil, err
	}
	f.Owner = pages[len(pages)-1].owner
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
// rendition. Those whose objects are missing or short are gaps, in f too, and are counted
// if they were not before. The folder of a Store is a bucket of the same layout.
func (s *Store) History(ctx context.Context, b storage.Bucket, f *Recovered) (map[string][]Segment, error) {
	l := s.cfg.Layout
	logs, err := listLogs(ctx, b, l, f.Broadcast)
	if err != nil {
		return nil, err
	}
	refs := logs[f.logKey()]
	pages := make([]Page, len(refs))
	g, reading := errgroup.WithContext(ctx)
	g.SetLimit(pageReads)
	for i, ref := range refs {
		g.Go(func() (err error) {
			pages[i], err = getPage(reading, b, ref)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	whole := newRecovered(f.logKey())
	whole.replay(pages)
	damaged := 0
	for name, list := range whole.Segments {
		sizes, err := objectSizes(ctx, b, l.Media(f.Broadcast, name, ""))
		if err != nil {
			return nil, err
		}
		newest := f.Segments[name]
		for i := range list {
			seg := &list[i]
			if size, ok := sizes[seg.Media().Name()]; seg.Size == 0 || ok && size == seg.Size {
				continue
			}
			seg.Size = 0
			at, ok := slices.BinarySearchFunc(newest, seg.MSN, func(s Segment, msn int64) int { return cmp.Compare(s.MSN, msn) })
			if !ok || newest[at].Size > 0 {
				damaged++
			}
			if ok {
				newest[at].Size = 0
			}
		}
	}
	if damaged > 0 {
		s.metrics.damaged.Add(float64(damaged))
		s.log.Warn("log is damaged", "broadcast", f.Broadcast, "lines_and_files", damaged)
	}
	return whole.Segments, nil
}

// objectSizes returns the sizes of the objects in a folder, by name.
func objectSizes(ctx context.Context, b storage.Bucket, folder string) (map[string]int64, error) {
	sizes := map[string]int64{}
	for info, err := range b.List(ctx, folder) {
		if err != nil {
			return nil, err
		}
		sizes[strings.TrimPrefix(info.Key, folder)] = info.Size
	}
	return sizes, nil
}
