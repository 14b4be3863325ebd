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

	"golive/media"
)

// Recovered is what a log says of a broadcast that an earlier run left.
type Recovered struct {
	Meta
	// Ended is when the broadcast ended; zero when nothing says that it has.
	Ended time.Time
	// Archived says that nothing of it waits any more.
	Archived bool
	// Publications are the tokens of its publishers' connections.
	Publications []string
	// Positions are where its renditions stood, by name.
	Positions map[string]Position
	// Segments are the newest of each rendition, in order: at least those of the live
	// playlist, and all that the bucket does not have yet.
	Segments map[string][]RecoveredSegment
	// LastAt is when the newest segment with media was recorded.
	LastAt time.Time
	// Displaced says that a bucket has a later broadcast under the same id.
	Displaced bool
	// Damaged counts lines that could not be read, and segments whose files are missing
	// or short.
	Damaged int

	pages []int // the log's, in order
}

// Resumable reports whether anything of the broadcast is known to go on with.
func (f *Recovered) Resumable() bool {
	for _, list := range f.Segments {
		if len(list) > 0 {
			return true
		}
	}
	return false
}

// RecoveredSegment is a segment of a Recovered broadcast.
type RecoveredSegment struct {
	Segment
	// Lost says that its bytes are gone.
	Lost bool
}

// Media returns the segment without its parts; a lost one is a gap.
func (s *RecoveredSegment) Media() *media.Segment {
	seg := s.Segment
	if s.Lost {
		seg.Size = 0
	}
	return seg.Media()
}

// state returns where the log stands.
func (f *Recovered) state() state {
	s := state{meta: f.Meta, ended: f.Ended, archived: f.Archived, publications: f.Publications, positions: f.Positions}
	return s.clone()
}

// Header returns what a manifest says of the broadcast.
func (f *Recovered) Header() Header {
	s := f.state()
	return *s.header(0).Header
}

// recovery reads one log.
type recovery struct {
	root     *os.Root
	layout   Layout
	window   time.Duration // of the live playlist
	uploaded bool          // segments go to a bucket, and Stored says which have
	log      *slog.Logger
}

// read reads the log of the broadcast m, from its newest page back as far as it needs.
func (r recovery) read(m Meta) (*Recovered, error) {
	numbers, err := pageNumbers(r.root, r.layout.Log(m))
	if err != nil {
		return nil, err
	}
	found, err := r.assemble(m, numbers, func(i int) (Page, error) {
		return readPage(r.root, r.layout.Page(m, numbers[i]), numbers[i])
	})
	if err != nil || found.Archived {
		return found, err
	}
	r.trim(found)
	return found, r.check(found)
}

// assemble reads pages, of which page gives one by its place in numbers, until they
// suffice.
func (r recovery) assemble(m Meta, numbers []int, page func(i int) (Page, error)) (*Recovered, error) {
	found := &Recovered{Meta: m, pages: numbers, Segments: map[string][]RecoveredSegment{}}
	var pages []Page // in order
	for i := range slices.Backward(numbers) {
		p, err := page(i)
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

// replay takes in pages, in order.
func (f *Recovered) replay(pages []Page) {
	m := f.Meta
	s := newState(m)
	adopted := false
	for _, p := range pages {
		if h := p.Header; h != nil && h.Broadcast == m.Broadcast && h.Token == m.Token {
			if !adopted && len(s.positions) == 0 {
				s.adopt(h)
			}
			s.meta, adopted = h.Meta, true // the newest owner
		}
		for j := range p.Records {
			s.apply(&p.Records[j])
			f.take(&p.Records[j])
		}
	}
	f.Meta, f.Ended, f.Archived, f.Publications, f.Positions = s.meta, s.ended, s.archived, s.publications, s.positions
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
	if r.Kind == KindSegment && r.Size > 0 {
		f.LastAt = r.At
	}
	list := f.Segments[r.Rendition]
	switch r.Kind {
	case KindSegment:
		if n := len(list); n > 0 && r.MSN <= list[n-1].MSN {
			f.Damaged++ // written twice
			return
		}
		if n := len(list); n > 0 {
			list = append(list, missing(&list[n-1].Segment, r.Segment)...)
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

// maxHole bounds how many segments in a row may be missing: a day's.
const maxHole = 100_000

// missing returns the segments between two, whose records are lost, as lost ones: they
// share the time in between, as far as that can be media.
func missing(before, after *Segment) []RecoveredSegment {
	n := after.MSN - before.MSN - 1
	if n <= 0 || n > maxHole {
		return nil
	}
	least, most := media.Ticks(n)*media.Second/10, media.Ticks(n)*max(before.Duration, after.Duration, media.Second)
	lost := min(max(media.TicksFromDuration(after.Date.Sub(before.End())), least), most)
	list := make([]RecoveredSegment, n)
	for i := range media.Ticks(n) {
		begin, end := lost*i/media.Ticks(n), lost*(i+1)/media.Ticks(n)
		list[i] = RecoveredSegment{Lost: true, Segment: Segment{
			Publication: after.Publication,
			MSN:         before.MSN + 1 + int64(i),
			Start:       before.Start + before.Duration + begin,
			Duration:    end - begin,
			Date:        before.End().Add(begin.Duration()),
		}}
	}
	return list
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
			if m, ok := parseLog(b.Name(), l.Name()); ok && l.IsDir() {
				metas = append(metas, m)
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
