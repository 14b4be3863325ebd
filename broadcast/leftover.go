package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"golive/media"
	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
)

// maxStoredPlaylist bounds what is read back, in bytes.
const maxStoredPlaylist = 4 << 20

// pageReads is how many pages of a journal are read at once.
const pageReads = 8

// leftover is what is known of a broadcast that an earlier run of the server, or
// another server, began.
type leftover struct {
	manifest     catalog.Manifest
	list         *playlist.Restored // the live playlist, perhaps without segments
	multivariant []byte             // nil when it was not stored
	journal      []*playlist.Restored
	unread       bool   // the journal is still to be read, from the bucket
	index        []byte // the live playlist as it is stored, when it was another server's
	rest         []afterList
}

// afterList is a spooled segment that is newer than the list, and what is missing
// before it.
type afterList struct {
	missing []*media.Segment
	spooled *storage.Spooled
}

// maxHole bounds how many segments in a row may be missing: a day's, more than any
// spool has between two.
const maxHole = 100_000

// reader reads what describes broadcasts: from this node's disk, and what is damaged
// there from the bucket.
type reader struct {
	sources []storage.Bucket
	layout  catalog.Layout
	log     *slog.Logger
}

// leftover reads what the manifest makes findable, but not the journal. An object that
// is damaged costs what it says; one that storage does not give now may be given the
// next time: that is an error. What is not there was never put.
func (r reader) leftover(ctx context.Context, m catalog.Manifest) (*leftover, error) {
	l := &leftover{
		manifest: m,
		list:     &playlist.Restored{Constants: playlist.Constants{Target: m.Target, PartTarget: m.PartTarget}},
		unread:   true,
	}
	list, err := r.archive(ctx, r.layout.Media(m.ID, SourceRendition, catalog.PlaylistName), m.Token)
	if err != nil {
		return nil, err
	}
	if list != nil {
		l.list = list
	}
	if l.multivariant, err = r.owned(ctx, r.sources[0], r.layout.Multivariant(m.ID), m.Token); err != nil {
		l.multivariant = nil // it can be played all the same, by its media playlist
	}
	return l, nil
}

// whole is the leftover with its journal.
func (r reader) whole(ctx context.Context, m catalog.Manifest) (*leftover, error) {
	l, err := r.leftover(ctx, m)
	if err != nil {
		return nil, err
	}
	if err = r.readJournal(ctx, l); err != nil {
		return nil, err
	}
	return l, nil
}

// readJournal reads the journal, and lists its end where there is no list.
func (r reader) readJournal(ctx context.Context, l *leftover) error {
	journal, err := r.journal(ctx, l.manifest)
	if err != nil {
		return err
	}
	l.journal, l.unread = journal, false
	l.listJournal()
	return nil
}

// archive reads a playlist of the broadcast with that token, from the first source
// where it is not damaged; nil when there is none.
func (r reader) archive(ctx context.Context, key, token string) (*playlist.Restored, error) {
	for _, b := range r.sources {
		text, err := r.owned(ctx, b, key, token)
		if err != nil {
			return nil, err
		}
		if text == nil {
			return nil, nil // not damaged: it was never put
		}
		list, err := playlist.ParseArchive(text)
		if err == nil {
			return list, nil
		}
		r.log.Warn("stored playlist is damaged", "key", key, "err", err)
	}
	return nil, nil
}

// owned reads a playlist as it was rendered; nil when there is none, or one of another
// broadcast.
func (r reader) owned(ctx context.Context, b storage.Bucket, key, token string) ([]byte, error) {
	text, err := catalog.ReadText(ctx, b, key, maxStoredPlaylist)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case len(text) > 0 && catalog.Owner(text) != token:
		return nil, nil
	}
	return catalog.Disown(text, token), nil
}

// journal reads the pages, in order.
func (r reader) journal(ctx context.Context, m catalog.Manifest) ([]*playlist.Restored, error) {
	var keys []string
	for _, b := range r.sources {
		for info, err := range b.List(ctx, r.layout.Journals(m.ID, SourceRendition, m.Token)) {
			if err != nil {
				return nil, fmt.Errorf("list the journal of %s: %w", m.ID, err)
			}
			keys = append(keys, info.Key)
		}
		if len(keys) > 0 {
			break
		}
	}
	pages := make([]*playlist.Restored, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(pageReads)
	for i, key := range keys {
		g.Go(func() (err error) {
			pages[i], err = r.archive(ctx, key, m.Token)
			return err
		})
	}
	err := g.Wait()
	return slices.DeleteFunc(pages, func(p *playlist.Restored) bool { return p == nil }), err
}

// listJournal makes the end of the journal the list where there is none.
func (l *leftover) listJournal() {
	const enough = 16
	if len(l.list.Segments) > 0 || len(l.journal) == 0 {
		return
	}
	last := *l.journal[len(l.journal)-1]
	last.Ended = false
	gone := last.Segments[:max(0, len(last.Segments)-enough)]
	last.Segments = last.Segments[len(gone):]
	for _, page := range l.journal[:len(l.journal)-1] {
		last.DiscontinuitySequence += discontinuities(page.Segments)
	}
	last.DiscontinuitySequence += discontinuities(gone)
	l.list = &last
}

func discontinuities(segments []*media.Segment) (n int64) {
	for _, s := range segments {
		if s.Discontinuity {
			n++
		}
	}
	return n
}

// adopt takes in a segment of the spool; false when the bucket has it already.
func (l *leftover) adopt(e *storage.Spooled) bool {
	s := e.Segment
	if s.MSN <= l.last() {
		return false
	}
	l.rest = append(l.rest, afterList{missing: l.before(s), spooled: e})
	if !l.manifest.Has(s.Session) { // its manifest is lost
		l.manifest = l.manifest.WithSession(s.Session)
	}
	if c := &l.list.Constants; c.Target == 0 { // nothing of it was acknowledged
		c.Target = int(math.Ceil(s.Duration.Seconds()))
		c.PartTarget = longestPart(s)
	}
	return true
}

func longestPart(s *media.Segment) media.Ticks {
	longest := media.Ticks(1)
	for _, p := range s.Parts {
		longest = max(longest, p.Duration)
	}
	return longest
}

// last is the newest segment's number; -1 when there is none.
func (l *leftover) last() int64 {
	switch s, rest := l.list.Segments, l.rest; {
	case len(rest) > 0:
		return rest[len(rest)-1].spooled.Segment.MSN
	case len(s) > 0:
		return s[len(s)-1].MSN
	}
	return -1
}

// end is the wall-clock time where the newest segment ends that there was; zero when
// there was none.
func (l *leftover) end() time.Time {
	if n := len(l.rest); n > 0 {
		return endOf(l.rest[n-1].spooled.Segment)
	}
	for _, s := range slices.Backward(l.list.Segments) {
		if s.Size != 0 { // not one that an earlier restart listed as lost
			return endOf(s)
		}
	}
	return time.Time{}
}

func endOf(s *media.Segment) time.Time { return s.ProgramDateTime.Add(s.Duration.Duration()) }

// listEnd is where the newest segment ends, be it lost.
func (l *leftover) listEnd() time.Time {
	if n := len(l.rest); n > 0 {
		return endOf(l.rest[n-1].spooled.Segment)
	}
	return l.list.End()
}

// ended says whether players were told so.
func (l *leftover) ended() bool { return l.list.Ended || !l.manifest.Ended.IsZero() }

// before is the segments that are missing between the newest one and s: they were
// in memory when the server was killed, or given up.
func (l *leftover) before(s *media.Segment) []*media.Segment {
	last := l.last()
	n := s.MSN - last - 1
	if last < 0 || n <= 0 || n > maxHole {
		return nil
	}
	from := l.listEnd()
	lost := media.TicksFromDuration(s.ProgramDateTime.Sub(from))
	// Nobody may have published for a while: that is no media.
	most := media.Ticks(n) * media.Ticks(l.list.Constants.Target) * media.Second
	lost = min(max(lost, media.Ticks(n)*media.Second/10), most)
	segments := make([]*media.Segment, n)
	for i := range media.Ticks(n) {
		begin, end := lost*i/media.Ticks(n), lost*(i+1)/media.Ticks(n)
		segments[i] = &media.Segment{
			Session:         s.Session,
			MSN:             last + 1 + int64(i),
			Duration:        end - begin,
			ProgramDateTime: from.Add(begin.Duration()),
			Independent:     true,
		}
	}
	return segments
}
