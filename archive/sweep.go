package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sync/errgroup"

	"golive/storage"
)

// maxDeletions is how many deletions run at once: of single objects, as every store supports it,
// and few enough that uploads of live segments are not delayed.
const maxDeletions = 8

// Sweep deletes all objects of a broadcast: its segments, replay, pictures and log. If shared is
// true it also deletes the playlists and the poster of the id, unless another broadcast has a log
// under the id. It deletes the object at manifest last, the key of the broadcast's manifest, if
// that is not empty. It lists only the broadcast's own objects and the id's logs.
func (l Layout) Sweep(ctx context.Context, b storage.Bucket, h Header, manifest string, shared bool) (deleted int, err error) {
	s := sweep{bucket: b}
	s.delete(ctx, l.ReplayOf(h.Broadcast, h.Token))
	for rendition := range h.Positions {
		for _, publication := range h.Publications {
			s.deletePrefix(ctx, l.Media(h.Broadcast, rendition, publication+"-"))
		}
		s.delete(ctx, l.Media(h.Broadcast, rendition, ReplayNameOf(h.Token)))
	}
	for _, prefix := range l.storyboards(h.Broadcast, h.Token) {
		s.deletePrefix(ctx, prefix)
	}
	if shared && s.isOnlyLog(ctx, l, h.Meta) {
		s.deletePlaylists(ctx, l, &h)
		s.delete(ctx, l.Replay(h.Broadcast))
		s.delete(ctx, l.Poster(h.Broadcast))
	}
	s.deletePrefix(ctx, l.Log(h.Meta)+"/")
	s.delete(ctx, l.Live(h.Broadcast, h.Token))
	if manifest != "" {
		s.delete(ctx, manifest)
	}
	if s.err != nil {
		return s.deleted, fmt.Errorf("sweep broadcast %s (%s): %w", h.Broadcast, h.Token, s.err)
	}
	return s.deleted, nil
}

// SweepPlaylists deletes the live playlists of a broadcast.
func (l Layout) SweepPlaylists(ctx context.Context, b storage.Bucket, h Header) error {
	s := sweep{bucket: b}
	s.deletePlaylists(ctx, l, &h)
	return s.err
}

// sweep deletes objects. It stops at the first error; the next sweep finds the rest.
type sweep struct {
	bucket  storage.Bucket
	deleted int
	err     error
}

func (s *sweep) deletePlaylists(ctx context.Context, l Layout, h *Header) {
	s.delete(ctx, l.Multivariant(h.Broadcast))
	for rendition := range h.Positions {
		s.delete(ctx, l.Media(h.Broadcast, rendition, PlaylistName))
	}
}

// isOnlyLog reports whether the id has no other log.
func (s *sweep) isOnlyLog(ctx context.Context, l Layout, m Meta) bool {
	if s.err != nil {
		return false
	}
	for info, err := range s.bucket.List(ctx, l.Logs(m.Broadcast)) {
		if err != nil {
			s.err = err
			return false
		}
		if !strings.HasPrefix(info.Key, l.Log(m)+"/") {
			return false
		}
	}
	return true
}

// deletePrefix deletes the objects whose keys begin with prefix.
func (s *sweep) deletePrefix(ctx context.Context, prefix string) {
	if s.err != nil {
		return
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(maxDeletions)
	for info, err := range s.bucket.List(ctx, prefix) {
		if err != nil {
			s.err = err
			break
		}
		s.deleted++
		g.Go(func() error { return s.bucket.Delete(ctx, info.Key) })
	}
	s.err = errors.Join(s.err, g.Wait())
}

func (s *sweep) delete(ctx context.Context, key string) {
	if s.err != nil {
		return
	}
	s.deleted++
	s.err = s.bucket.Delete(ctx, key)
}
