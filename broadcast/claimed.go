package broadcast

import (
	"context"
	"errors"
	"time"

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
	owner, err := catalog.ReadOwner(ctx, s.shared, s.key(catalog.PlaylistName))
	switch {
	case errors.Is(err, storage.ErrNotExist):
		s.checked = true
	case err == nil:
		s.checked = true
		if owner != "" && owner != ours.Token {
			s.claim = displaced
		}
	}
}
