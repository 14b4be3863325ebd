package broadcast

import (
	"context"
	"errors"
	"time"

	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
)

// claimed is whose the broadcast is, seen from a bucket that other nodes write to
// too: its publisher may have gone to one of them.
type claimed uint8

const (
	// unclaimed: nothing speaks against it that the broadcast is this node's.
	unclaimed claimed = iota
	// displaced: another broadcast under the same id has the playlists. This one's
	// own objects are still this node's.
	displaced
	// continued: another node goes on with this very broadcast, or has ended it. All
	// of its objects are that node's.
	continued
)

// checkTimeout bounds the look at the bucket, which has just taken a segment.
const checkTimeout = 10 * time.Second

// check looks whose the broadcast is, on the Archiver's goroutine. A bucket that does
// not say leaves it to this node.
func (s *shelf) check() {
	if s.shared == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkTimeout)
	defer cancel()
	ours := s.manifest.Load()
	m, err := s.layout.ReadLive(ctx, s.shared, ours.ID, ours.Token)
	switch {
	case errors.Is(err, storage.ErrNotExist) && s.acknowledged: // another node has ended it
		s.claim, s.checked = continued, true
		return
	case err == nil && !ours.HasAll(m.Sessions):
		s.claim, s.checked = continued, true
		return
	case err != nil && !errors.Is(err, storage.ErrNotExist):
		return
	}
	newer, err := displacement(ctx, s.shared, s.layout, *ours)
	if err != nil {
		return
	}
	s.checked = true
	if newer {
		s.claim = displaced
	}
}

// displacement says whether another broadcast under the same id has the playlists: it
// is live, or it began after the one of the manifest and has ended.
func displacement(ctx context.Context, b storage.Bucket, layout catalog.Layout, m catalog.Manifest) (bool, error) {
	head, err := catalog.ReadHead(ctx, b, layout.Media(m.ID, SourceRendition, catalog.PlaylistName))
	switch {
	case err == nil && catalog.Owner(head) != m.Token:
		return true, nil
	case err != nil && !errors.Is(err, storage.ErrNotExist):
		return false, err
	}
	head, err = catalog.ReadHead(ctx, b, layout.Replay(m.ID))
	switch {
	case errors.Is(err, storage.ErrNotExist):
		return false, nil
	case err != nil:
		return false, err
	}
	began, _ := playlist.Span(head)
	return catalog.Owner(head) != m.Token && began.After(m.Began), nil
}
