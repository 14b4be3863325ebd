package broadcast

import (
	"context"
	"errors"
	"fmt"
	"math"
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

// readLeftover reads what the manifest makes findable. A playlist that storage
// does not give now may be given the next time: that is an error. What is not there
// was never put.
func readLeftover(ctx context.Context, b storage.Bucket, layout catalog.Layout, m catalog.Manifest) (*leftover, error) {
	l := &leftover{
		manifest: m,
		list:     &playlist.Restored{Constants: playlist.Constants{Target: m.Target, PartTarget: m.PartTarget}},
	}
	text, err := readOwned(ctx, b, layout.Media(m.ID, SourceRendition, catalog.PlaylistName), m.Token)
	if err != nil {
		return nil, err
	}
	if text != nil {
		if l.list, err = playlist.ParseArchive(text); err != nil {
			return nil, err
		}
	}
	if l.multivariant, err = readOwned(ctx, b, layout.Multivariant(m.ID), m.Token); err != nil {
		l.multivariant = nil // it can be played all the same, by its media playlist
	}
	l.journal, err = readJournal(ctx, b, layout, m)
	return l, err
}

// readOwned reads a playlist as it was rendered; nil when there is none, or one of
// another broadcast.
func readOwned(ctx context.Context, b storage.Bucket, key, token string) ([]byte, error) {
	text, err := catalog.ReadText(ctx, b, key, maxStoredPlaylist)
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case catalog.Owner(text) != token:
		return nil, nil
	}
	return catalog.Disown(text, token), nil
}

// readJournal reads the pages, in order.
func readJournal(ctx context.Context, b storage.Bucket, layout catalog.Layout, m catalog.Manifest) ([]*playlist.Restored, error) {
	var keys []string
	for info, err := range b.List(ctx, layout.Journals(m.ID, SourceRendition, m.Token)) {
		if err != nil {
			return nil, fmt.Errorf("list the journal of %s: %w", m.ID, err)
		}
		keys = append(keys, info.Key)
	}
	pages := make([]*playlist.Restored, len(keys))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(pageReads)
	for i, key := range keys {
		g.Go(func() error {
			text, err := catalog.ReadText(ctx, b, key, maxStoredPlaylist)
			if err == nil {
				pages[i], err = playlist.ParseArchive(text)
			}
			return err
		})
	}
	return pages, g.Wait()
}

// adopt takes in a segment of the spool; false when the bucket has it already.
func (l *leftover) adopt(e *storage.Spooled) bool {
	s := e.Segment
	if s.MSN <= l.last() {
		return false
	}
	l.rest = append(l.rest, afterList{missing: l.before(s), spooled: e})
	if !l.manifest.Has(s.Session) {
		l.manifest = l.manifest.WithSession(s.Session)
	}
	if c := &l.list.Constants; c.Target == 0 { // its manifest is lost
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

// end is the wall-clock time where the newest segment ends.
func (l *leftover) end() time.Time {
	if n := len(l.rest); n > 0 {
		s := l.rest[n-1].spooled.Segment
		return s.ProgramDateTime.Add(s.Duration.Duration())
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
	from := l.end()
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
