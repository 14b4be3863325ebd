package catalog

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"golive/storage"
)

// deletes is how many deletions run at once: single ones, as every store takes
// them, and few enough to leave room for the segments of what is live.
const deletes = 8

// headSize is how much of a playlist ReadHead reads, in bytes: the owner is on its
// second line, and the first segment's date within ten.
const headSize = 1 << 10

// Sweep deletes everything of the broadcast: its segments, its journal, its
// playlists where no later broadcast has put its own, and its manifests, last. It
// lists only the broadcast's own objects.
func (l Layout) Sweep(ctx context.Context, b storage.Bucket, f Found) (deleted int, err error) {
	s := sweep{bucket: b}
	s.segments(ctx, l, f.Manifest)
	for _, rendition := range f.Renditions {
		s.below(ctx, l.Journals(f.ID, rendition, f.Token))
		s.ifOwn(ctx, l.Media(f.ID, rendition, PlaylistName), f.Token)
	}
	s.ifOwn(ctx, l.Multivariant(f.ID), f.Token)
	s.ifOwn(ctx, l.Replay(f.ID), f.Token)
	s.delete(ctx, l.ReplayOf(f.ID, f.Token))
	s.delete(ctx, l.Live(f.ID, f.Token))
	s.delete(ctx, f.Key)
	if s.err != nil {
		return s.deleted, fmt.Errorf("sweep broadcast %s (%s): %w", f.ID, f.Token, s.err)
	}
	return s.deleted, nil
}

// SweepJournal deletes the pages of the broadcast's journal.
func (l Layout) SweepJournal(ctx context.Context, b storage.Bucket, m Manifest) error {
	s := sweep{bucket: b}
	for _, rendition := range m.Renditions {
		s.below(ctx, l.Journals(m.ID, rendition, m.Token))
	}
	return s.err
}

// SweepSegments deletes every segment of the broadcast, those that no playlist
// names included.
func (l Layout) SweepSegments(ctx context.Context, b storage.Bucket, m Manifest) error {
	s := sweep{bucket: b}
	s.segments(ctx, l, m)
	return s.err
}

// sweep deletes; it stops at the first error, and what is left is found again.
type sweep struct {
	bucket  storage.Bucket
	deleted int
	err     error
}

func (s *sweep) segments(ctx context.Context, l Layout, m Manifest) {
	for _, rendition := range m.Renditions {
		for _, session := range m.Sessions {
			s.below(ctx, l.Media(m.ID, rendition, session+"-"))
		}
	}
}

// below deletes all that begins with prefix.
func (s *sweep) below(ctx context.Context, prefix string) {
	if s.err != nil {
		return
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(deletes)
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

// ifOwn deletes the playlist at key if it is the broadcast's.
func (s *sweep) ifOwn(ctx context.Context, key, token string) {
	if s.err != nil {
		return
	}
	head, err := ReadHead(ctx, s.bucket, key)
	switch {
	case errors.Is(err, storage.ErrNotExist):
	case err != nil:
		s.err = err
	case Owner(head) == token:
		s.delete(ctx, key)
	}
}

// ownerComment begins the line of a stored playlist that says whose it is; to
// players it is a comment.
const ownerComment = "# golive broadcast "

// Own is a copy of the playlist with the line that says that it belongs to the
// broadcast with that token, after the first, #EXTM3U.
func Own(text []byte, token string) []byte {
	first, rest, _ := bytes.Cut(text, []byte("\n"))
	owned := make([]byte, 0, len(text)+len(ownerComment)+len(token)+1)
	owned = append(append(owned, first...), '\n')
	owned = append(append(owned, ownerComment...), token...)
	return append(append(owned, '\n'), rest...)
}

// Disown is the playlist without that line.
func Disown(text []byte, token string) []byte {
	return bytes.Replace(text, []byte(ownerComment+token+"\n"), nil, 1)
}

// ReadHead is the beginning of the playlist at key: its owner, and its first segment.
func ReadHead(ctx context.Context, b storage.Bucket, key string) ([]byte, error) {
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	head, err := readHead(r.Body)
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return head, nil
}

// Owner is the token on the playlist's owner line; empty when it has none.
func Owner(text []byte) string {
	for line := range bytes.Lines(text) {
		if token, ok := bytes.CutPrefix(line, []byte(ownerComment)); ok {
			return string(bytes.TrimSpace(token))
		}
	}
	return ""
}
