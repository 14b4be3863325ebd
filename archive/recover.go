package archive

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"golive/media"
	"golive/storage"
)

// Recovered is a broadcast that an earlier run left, as its log describes it.
type Recovered struct {
	// Header is the state at the end of the log. Its Ended is zero when no record ends the
	// broadcast.
	Header
	// Segments are the newest of each rendition, in order: at least those of the live
	// playlist, and all that the bucket does not have yet. Those whose bytes are lost are gaps.
	Segments map[string][]Segment
	// LastAt is when the newest segment with media was recorded.
	LastAt time.Time
	// Damaged counts lines that could not be read, and segments whose files are missing
	// or short.
	Damaged int

	pages []int // the log's on the local disk, in order
}

// Resumable reports whether any segment of the broadcast is known, so that it can be continued.
func (f *Recovered) Resumable() bool {
	for _, list := range f.Segments {
		if len(list) > 0 {
			return true
		}
	}
	return false
}

// recovery reads logs.
type recovery struct {
	layout   Layout
	window   time.Duration // of the live playlist
	uploaded bool          // segments go to a bucket, and Stored says which have
}

// read reads the log of the broadcast m in b from its newest page back, as far as a restart
// needs.
func (r recovery) read(ctx context.Context, b storage.Bucket, m Meta, refs []pageRef) (*Recovered, error) {
	found := newRecovered(m)
	var pages []Page // in order
	for _, ref := range slices.Backward(refs) {
		p, err := getPage(ctx, b, ref)
		if err != nil {
			return nil, err
		}
		found.Damaged += p.Damaged
		pages = slices.Insert(pages, 0, p)
		if r.suffices(pages) {
			break
		}
	}
	found.replay(pages)
	return found, nil
}

func newRecovered(m Meta) *Recovered {
	return &Recovered{Header: newHeader(m), Segments: map[string][]Segment{}}
}

// replay applies pages, in order.
func (f *Recovered) replay(pages []Page) {
	adopted := false
	for _, p := range pages {
		if h := p.Header; h != nil && h.Broadcast == f.Broadcast && h.Token == f.Token {
			if !adopted && len(f.Positions) == 0 {
				f.Header = h.clone()
			}
			f.Meta, adopted = h.Meta, true // the newest owner
			for name, p := range h.Positions {
				f.forget(name, p.Removed)
			}
		}
		for j := range p.Records {
			f.apply(&p.Records[j])
			f.applyToSegments(&p.Records[j])
		}
	}
}

// suffices reports whether the newest pages have all that a restart needs: where the
// broadcast stood, the segments of the live playlist, and those that wait for the
// bucket.
func (r recovery) suffices(pages []Page) bool {
	if pages[0].Header == nil {
		return false
	}
	s := pages[0].Header.clone()
	if newest := pages[len(pages)-1]; newest.Header != nil && newest.Header.Archived {
		return true
	}
	first, last := map[string]*Segment{}, map[string]*Segment{}
	for _, p := range pages {
		for i := range p.Records {
			rec := &p.Records[i]
			s.apply(rec)
			if rec.Kind == KindSegment {
				if first[rec.Rendition] == nil {
					first[rec.Rendition] = rec.Segment
				}
				last[rec.Rendition] = rec.Segment
			}
		}
	}
	for name, p := range s.Positions {
		oldest := first[name]
		switch {
		case p.Next == 0 || p.Removed == p.Next-1: // it has no segments
		case oldest == nil:
			return false
		case oldest.MSN <= p.Removed+1: // it has no earlier segments
		case r.uploaded && oldest.MSN > p.Stored+1:
			return false
		case last[name].End().Sub(oldest.Date) < r.window:
			return false
		}
	}
	return true
}

// applyToSegments applies a record to the segments.
func (f *Recovered) applyToSegments(r *Record) {
	if r.Kind == KindSegment && r.Size > 0 {
		f.LastAt = r.At
	}
	list := f.Segments[r.Rendition]
	switch r.Kind {
	case KindSegment:
		if n := len(list); n > 0 && r.MSN <= list[n-1].MSN {
			// It is the same where a node uploaded it again after a restart.
			again := func(s Segment) bool { s.Size = r.Size; return s == *r.Segment }
			if !slices.ContainsFunc(list, again) {
				f.Damaged++
			}
			return
		}
		if n := len(list); n > 0 {
			list = append(list, missing(&list[n-1], r.Segment)...)
		}
		f.Segments[r.Rendition] = append(list, *r.Segment)
	case KindLost:
		for i := range list {
			if list[i].MSN == *r.Through {
				list[i].Size = 0
			}
		}
	case KindRemoved:
		f.forget(r.Rendition, *r.Through)
	default: // of no segment
	}
}

// forget removes the segments of a rendition up to a number, which are deleted.
func (f *Recovered) forget(rendition string, through int64) {
	if list := f.Segments[rendition]; len(list) > 0 && list[0].MSN <= through {
		f.Segments[rendition] = slices.DeleteFunc(list, func(s Segment) bool { return s.MSN <= through })
	}
}

// maxMissing bounds how many consecutive segments may be missing: those of about a day.
const maxMissing = 100_000

// missing returns gaps for the segments between two, whose records are lost. They share the time
// in between, within plausible durations.
func missing(before, after *Segment) []Segment {
	n := after.MSN - before.MSN - 1
	if n <= 0 || n > maxMissing {
		return nil
	}
	least, most := media.Ticks(n)*media.Second/10, media.Ticks(n)*max(before.Duration, after.Duration, media.Second)
	lost := min(max(media.TicksFromDuration(after.Date.Sub(before.End())), least), most)
	list := make([]Segment, n)
	for i := range media.Ticks(n) {
		begin, end := lost*i/media.Ticks(n), lost*(i+1)/media.Ticks(n)
		list[i] = Segment{
			Publication: after.Publication,
			MSN:         before.MSN + 1 + int64(i),
			Start:       before.Start + before.Duration + begin,
			Duration:    end - begin,
			Date:        before.End().Add(begin.Duration()),
		}
	}
	return list
}

// keepWindows is how many windows of segments a restart keeps: players may request some that
// have left the playlist.
const keepWindows = 3

// trim removes the segments that no live player requests and that the bucket has.
func (r recovery) trim(f *Recovered) {
	for name, list := range f.Segments {
		if len(list) == 0 {
			continue
		}
		oldest := list[len(list)-1].End().Add(-keepWindows * r.window)
		stored := f.Positions[name].Stored
		n := 0
		for n < len(list) && list[n].End().Before(oldest) && (!r.uploaded || list[n].MSN <= stored) {
			n++
		}
		f.Segments[name] = list[n:]
	}
}

// check makes gaps of the segments whose files are missing or short.
func (r recovery) check(root *os.Root, f *Recovered) error {
	for name, list := range f.Segments {
		folder, err := root.OpenRoot(r.layout.Media(f.Broadcast, name, "."))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open rendition %s: %w", name, err)
		}
		stored := f.Positions[name].Stored
		for i := range list {
			s := &list[i]
			if s.Size == 0 || r.uploaded && s.MSN <= stored {
				continue
			}
			if folder == nil || !s.isWhole(folder) {
				s.Size = 0
				f.Damaged++
			}
		}
		if folder != nil {
			// It was only read.
			_ = folder.Close()
		}
	}
	return nil
}

// isWhole reports whether the folder has the segment's file, in its full length.
func (s *Segment) isWhole(folder *os.Root) bool {
	info, err := folder.Stat(s.Media().Name())
	return err == nil && info.Size() == s.Size
}

// Recover reads the broadcasts that earlier runs left, in the order in which they began. The error
// names those that cannot be read, which are left as they are.
func (s *Store) Recover(ctx context.Context) ([]*Recovered, error) {
	ids, err := fs.ReadDir(s.files.Dir().Root().FS(), s.cfg.Layout.Prefix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list broadcasts: %w", err)
	}
	found, errs := make([][]*Recovered, len(ids)), make([]error, len(ids))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, id := range ids {
		if !id.IsDir() || !validName(id.Name()) {
			continue
		}
		g.Go(func() (err error) {
			if found[i], err = s.recoverID(ctx, id.Name()); err != nil {
				errs[i] = fmt.Errorf("broadcast %s: %w", id.Name(), err)
			}
			return nil
		})
	}
	_ = g.Wait() // its errors are in errs
	all := slices.Concat(found...)
	for _, f := range all {
		if s.metrics.damaged.Add(float64(f.Damaged)); f.Damaged > 0 {
			s.log.Warn("log is damaged", "broadcast", f.Broadcast, "lines_and_files", f.Damaged)
		}
	}
	slices.SortFunc(all, func(a, b *Recovered) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.Token, b.Token))
	})
	return all, errors.Join(errs...)
}

// recoverID reads the logs of an id on the local disk.
func (s *Store) recoverID(ctx context.Context, id string) (all []*Recovered, err error) {
	r := recovery{layout: s.cfg.Layout, window: s.cfg.Window, uploaded: s.cfg.Uploaded}
	logs, err := s.localLogs(id)
	for m, refs := range logs {
		f, logErr := r.read(ctx, s.files, m, refs)
		if logErr == nil && !f.Archived {
			r.trim(f)
			logErr = r.check(s.files.Dir().Root(), f)
		}
		if logErr != nil {
			err = errors.Join(err, logErr)
			continue
		}
		for _, ref := range refs {
			f.pages = append(f.pages, ref.number)
		}
		all = append(all, f)
	}
	return all, err
}

// localLogs lists the logs of an id on the local disk. It reads only folders, no page.
func (s *Store) localLogs(id string) (bucketLogs, error) {
	root, l, logs := s.files.Dir().Root().FS(), s.cfg.Layout, bucketLogs{}
	folders, err := fs.ReadDir(root, l.Folder(id))
	if err != nil {
		return nil, err
	}
	for _, folder := range folders {
		m, ok := parseLog(id, folder.Name())
		if !ok || !folder.IsDir() {
			continue
		}
		pages, err := fs.ReadDir(root, l.Log(m))
		if err != nil {
			return logs, err
		}
		for _, page := range pages {
			if number, owner, ok := parsePageName(page.Name()); ok && page.Type().IsRegular() {
				logs[m] = append(logs[m], pageRef{l.Log(m) + "/" + page.Name(), number, owner})
			}
		}
	}
	return logs, nil
}
