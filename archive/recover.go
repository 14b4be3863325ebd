package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"
)

// Recovered is what a log says of a broadcast that an earlier run left.
type Recovered struct {
	Meta
	// Ended is when the broadcast ended; zero when nothing says that it has.
	Ended time.Time
	// Positions are where its renditions stood, by name.
	Positions map[string]Position
	// Segments are the newest of each rendition, in order: at least those of the live
	// playlist, and all that the bucket does not have yet.
	Segments map[string][]RecoveredSegment
	// LastAt is when the newest record that has a time was made.
	LastAt time.Time
	// Damaged counts lines that could not be read, and segments whose files are missing
	// or short.
	Damaged int

	pages []int // the log's, in order
}

// RecoveredSegment is a segment of a Recovered broadcast.
type RecoveredSegment struct {
	Segment
	// Lost says that its bytes are gone.
	Lost bool
}

// recovery reads one log.
type recovery struct {
	root     *os.Root
	layout   Layout
	window   time.Duration // of the live playlist
	uploaded bool          // segments go to a bucket, and Stored says which have
	log      *slog.Logger
}

// read reads the log of the broadcast m, of which only the id and the token are known,
// from its newest page back as far as it needs.
func (r recovery) read(m Meta) (*Recovered, error) {
	folder := r.layout.Log(m.Broadcast, m.Token)
	numbers, err := pageNumbers(r.root, folder)
	if err != nil {
		return nil, err
	}
	found := &Recovered{Meta: m, pages: numbers, Segments: map[string][]RecoveredSegment{}}
	var pages []Page // in order
	for _, n := range slices.Backward(numbers) {
		p, err := readPage(r.root, r.layout.Page(m, n), n)
		if err != nil {
			return nil, err
		}
		found.Damaged += p.Damaged
		pages = slices.Insert(pages, 0, p)
		if r.suffices(pages) {
			break
		}
	}
	s := newState(m)
	for i, p := range pages {
		switch h := p.Header; {
		case h == nil || h.Broadcast != m.Broadcast || h.Token != m.Token:
		case i == 0:
			s.adopt(h)
		case s.meta.Began.IsZero(): // the headers before were damaged
			s.meta = h.Meta
		}
		for j := range p.Records {
			s.apply(&p.Records[j])
			found.take(&p.Records[j])
		}
	}
	found.Meta, found.Ended, found.Positions = s.meta, s.ended, s.positions
	r.trim(found)
	return found, r.check(found)
}

// suffices reports whether the newest pages say all that a restart needs: where the
// broadcast stood, the segments of the live playlist, and those that wait for the
// bucket.
func (r recovery) suffices(pages []Page) bool {
	if pages[0].Header == nil {
		return false
	}
	s := newState(Meta{})
	s.adopt(pages[0].Header)
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
	for name, p := range s.positions {
		oldest := first[name]
		switch {
		case p.Next == 0 || p.Removed == p.Next-1: // there is nothing
		case oldest == nil:
			return false
		case oldest.MSN <= p.Removed+1: // there is nothing before
		case r.uploaded && oldest.MSN > p.Stored+1:
			return false
		case last[name].End().Sub(oldest.Date) < r.window:
			return false
		}
	}
	return true
}

// take adds what a record says of segments.
func (f *Recovered) take(r *Record) {
	if r.At.After(f.LastAt) {
		f.LastAt = r.At
	}
	list := f.Segments[r.Rendition]
	switch r.Kind {
	case KindSegment:
		if n := len(list); n > 0 && r.MSN <= list[n-1].MSN {
			f.Damaged++ // written twice
			return
		}
		f.Segments[r.Rendition] = append(list, RecoveredSegment{Segment: *r.Segment, Lost: r.Size == 0})
	case KindLost:
		for i := range list {
			if list[i].MSN == *r.Through {
				list[i].Lost = true
			}
		}
	case KindRemoved:
		f.Segments[r.Rendition] = slices.DeleteFunc(list, func(s RecoveredSegment) bool { return s.MSN <= *r.Through })
	default: // of no segment
	}
}

// keep is how many windows of segments a restart goes on with: players may ask for some
// that have left the playlist.
const keep = 3

// trim forgets the segments that nobody may ask for live and that the bucket has.
func (r recovery) trim(f *Recovered) {
	for name, list := range f.Segments {
		if len(list) == 0 {
			continue
		}
		oldest := list[len(list)-1].End().Add(-keep * r.window)
		stored := f.Positions[name].Stored
		n := 0
		for n < len(list) && list[n].End().Before(oldest) && (!r.uploaded || list[n].MSN <= stored) {
			n++
		}
		f.Segments[name] = list[n:]
	}
}

// check finds the segments whose files a crash or a person has taken away.
func (r recovery) check(f *Recovered) error {
	for name, list := range f.Segments {
		folder, err := r.root.OpenRoot(r.layout.Media(f.Broadcast, name, "."))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("open rendition %s: %w", name, err)
		}
		stored := f.Positions[name].Stored
		for i := range list {
			s := &list[i]
			if s.Lost || r.uploaded && s.MSN <= stored {
				continue
			}
			if folder == nil || !s.isWhole(folder) {
				s.Lost = true
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

// recoverAll reads every log below the root. One that cannot be read is told in the
// error and left as it is.
func (r recovery) recoverAll() ([]*Recovered, error) {
	broadcasts, err := fs.ReadDir(r.root.FS(), r.layout.Prefix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list broadcasts: %w", err)
	}
	var metas []Meta
	var errs []error
	for _, b := range broadcasts {
		if !b.IsDir() || !validName(b.Name()) {
			continue
		}
		logs, err := fs.ReadDir(r.root.FS(), r.layout.Folder(b.Name()))
		if err != nil {
			errs = append(errs, fmt.Errorf("broadcast %s: %w", b.Name(), err))
			continue
		}
		for _, l := range logs {
			if token, ok := logToken(l); ok {
				metas = append(metas, Meta{Broadcast: b.Name(), Token: token})
			}
		}
	}
	all, readErrs := make([]*Recovered, len(metas)), make([]error, len(metas))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, m := range metas {
		g.Go(func() error {
			if all[i], readErrs[i] = r.read(m); readErrs[i] != nil {
				all[i], readErrs[i] = nil, fmt.Errorf("broadcast %s: %w", m.Broadcast, readErrs[i])
			}
			return nil
		})
	}
	_ = g.Wait() // each error is in its place
	all = slices.DeleteFunc(all, func(f *Recovered) bool { return f == nil })
	for _, f := range all {
		if f.Damaged > 0 {
			r.log.Warn("log is damaged", "broadcast", f.Broadcast, "lines_and_files", f.Damaged)
		}
	}
	slices.SortStableFunc(all, func(a, b *Recovered) int { return a.Began.Compare(b.Began) })
	return all, errors.Join(append(errs, readErrs...)...)
}

// logToken is the token of a log's folder.
func logToken(e fs.DirEntry) (string, bool) {
	token, ok := cutLogPrefix(e.Name())
	return token, ok && e.IsDir() && validToken(token)
}
