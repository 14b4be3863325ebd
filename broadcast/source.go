package broadcast

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/media"
	"golive/playlist"
	"golive/storage"
)

// Playlist returns a playlist by its file name: the multivariant playlist or the replay of
// a broadcast, or with a rendition that rendition's. A request that names a position waits
// for it. A request for a playlist that has no segment yet, because the broadcast has just
// begun, waits for the first one. The error wraps playlist.ErrNotFound or storage.ErrNotExist
// when there is none.
func (h *Hub) Playlist(ctx context.Context, id, rendition, name string, d playlist.Directives) (playlist.Response, error) {
	if name != archive.PlaylistName && name != playlist.PlainName {
		text, err := h.replay(ctx, id, rendition, name)
		return playlist.Response{Text: text}, err
	}
	b, ok := h.Find(id)
	if !ok {
		return playlist.Response{}, playlist.ErrNotFound
	}
	if rendition != "" {
		w := b.Window(rendition, name)
		if w == nil {
			return playlist.Response{}, playlist.ErrNotFound
		}
		return w.Respond(ctx, d)
	}
	text, err := b.awaitMultivariant(ctx, name)
	return playlist.Response{Text: text}, err
}

// replay returns the playlist of a broadcast that has ended.
func (h *Hub) replay(ctx context.Context, id, rendition, name string) (*playlist.Text, error) {
	path := name
	if rendition != "" {
		path = rendition + "/" + name
	}
	if h.replays == nil || ingest.CheckID(id) != nil || rendition != "" && ingest.CheckID(rendition) != nil || !archive.IsReplayName(name) {
		return nil, storage.ErrNotExist
	}
	return h.replays.text(ctx, id, path)
}

// Media returns a segment or part by its file name. It waits for the part that comes next. The
// error wraps playlist.ErrNotFound or storage.ErrNotExist when there is none.
func (h *Hub) Media(ctx context.Context, id, rendition, name string) (playlist.Media, error) {
	b, ok := h.Find(id)
	if !ok {
		return h.archived(ctx, nil, id, rendition, name)
	}
	list := archive.PlaylistName
	if strings.HasSuffix(name, media.MPEGTS.Extension()) {
		list = playlist.PlainName
	}
	w := b.Window(rendition, list)
	if w == nil {
		return h.archived(ctx, b, id, rendition, name)
	}
	m, err := w.Media(ctx, name)
	switch {
	case errors.Is(err, playlist.ErrNotFound):
		return h.archived(ctx, b, id, rendition, name)
	case err == nil && m.Slabs == nil:
		h.setOpeners(&m, b, h.layout.Media(id, rendition, m.Object), rendition)
	}
	return m, err
}

// archived returns a segment that is no longer in a Window, for a replay; b is the broadcast
// that has the id now, or nil. Names that no segment can have are refused before the bucket
// is asked.
func (h *Hub) archived(ctx context.Context, b *Broadcast, id, rendition, name string) (playlist.Media, error) {
	publication, msn, ok := segmentName(name)
	if !ok || h.replays == nil || ingest.CheckID(id) != nil {
		return playlist.Media{}, storage.ErrNotExist
	}
	switch own := b != nil && slices.Contains(*b.publications.Load(), publication); {
	case own && !b.hasPublished(rendition, msn):
		return playlist.Media{}, storage.ErrNotExist
	case !own:
		current := "" // the token of the broadcast whose segments are all known here
		if b != nil {
			current = b.meta.Load().Token
		}
		if err := h.replays.hasSegment(ctx, id, current, rendition, publication, msn); err != nil {
			return playlist.Media{}, err
		}
		b = nil
	}
	m := playlist.Media{Object: name, Size: media.UnknownSize}
	h.setOpeners(&m, b, h.layout.Media(id, rendition, name), rendition)
	return m, nil
}

// setOpeners sets where a segment is read from: the broadcast's local files, if b is not nil,
// and the bucket.
func (h *Hub) setOpeners(m *playlist.Media, b *Broadcast, key, rendition string) {
	fromBucket := func(ctx context.Context, offset, length int64) (io.ReadCloser, int64, error) {
		return readerOf(h.replays.open(ctx, key, offset, length))
	}
	switch {
	case h.stores.Bucket == nil:
	case h.stores.shared():
		m.Remote = fromBucket
	default:
		m.Local = fromBucket
	}
	if b == nil {
		return
	}
	if a := b.archiver.Load(); a.rec != nil {
		m.Local = func(ctx context.Context, offset, length int64) (io.ReadCloser, int64, error) {
			return readerOf(a.rec.Open(ctx, rendition, m.Object, offset, length))
		}
	}
}

// readerOf returns what a playlist.Opener returns.
func readerOf(r *storage.Reader, err error) (io.ReadCloser, int64, error) {
	if err != nil {
		return nil, 0, err
	}
	return reading{r.Body, r.Close}, r.Size, nil
}

// reading is the body of a storage.Reader.
type reading struct {
	io.Reader

	close func() error
}

// Close implements io.Closer.
func (r reading) Close() error { return r.close() }

// hasPublished reports whether a rendition has reached that media sequence number.
func (b *Broadcast) hasPublished(rendition string, msn int64) bool {
	w := b.Window(rendition, playlist.PlainName)
	return w != nil && w.Snapshot().Has(playlist.Position{MSN: msn, Part: -1})
}

// PastBroadcast describes a broadcast that has ended, from its record.
type PastBroadcast struct {
	// Began and Ended are the times of its beginning and end.
	Began, Ended time.Time
	// Replay is the file name of its playlist.
	Replay string
	// Poster and Storyboard are the file names of its pictures; empty when there are none.
	Poster, Storyboard string
}

// Past returns the newest ended broadcast of an id, if it has a replay.
func (h *Hub) Past(ctx context.Context, id string) (PastBroadcast, bool) {
	if h.replays == nil || ingest.CheckID(id) != nil {
		return PastBroadcast{}, false
	}
	found, err := h.replays.newest(ctx, id)
	if err != nil {
		return PastBroadcast{}, false
	}
	past := PastBroadcast{
		Began: found.Began, Ended: found.Ended, Replay: archive.ReplayNameOf(found.Token),
		Storyboard: storyboardName(found.Token, found.Pictures.Sheets),
	}
	if found.Pictures.Poster {
		past.Poster = archive.PosterName
	}
	return past, true
}
