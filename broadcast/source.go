package broadcast

import (
	"context"
	"slices"
	"strings"
	"time"

	"golive/archive"
	"golive/ingest"
	"golive/playlist"
	"golive/storage"
)

// Multivariant is a broadcast's multivariant playlist; false when there is no
// such broadcast, or nothing to play yet.
func (h *Hub) Multivariant(id string) (*playlist.Text, bool) {
	b, ok := h.Find(id)
	if !ok {
		return nil, false
	}
	text := b.Multivariant()
	return text, text != nil
}

// Window is the live state of a rendition; false when there is none.
func (h *Hub) Window(id, rendition string) (*playlist.Window, bool) {
	b, ok := h.Find(id)
	if !ok {
		return nil, false
	}
	w := b.Window(rendition)
	return w, w != nil
}

// Object opens a segment of a broadcast that has left memory, on the local disk, or in the
// bucket.
func (h *Hub) Object(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error) {
	if b, ok := h.Find(id); ok {
		if k := b.keeper.Load(); k != nil {
			r, err := k.rec.Open(ctx, rendition, name, offset, length)
			if err == nil || !h.stores.shared() {
				return r, err
			}
		}
	}
	if h.stores.Bucket == nil {
		return nil, storage.ErrNotExist
	}
	return h.stores.Bucket.Get(ctx, h.layout.Media(id, rendition, name), offset, length)
}

// Replay is the playlist of a broadcast that has ended, by its file name, which may be in a
// rendition's folder; the error wraps storage.ErrNotExist when there is none.
func (h *Hub) Replay(ctx context.Context, id, name string) (*playlist.Text, error) {
	rendition, file, inFolder := strings.Cut(name, "/")
	if !inFolder {
		rendition, file = SourceRendition, name
	}
	if h.replays == nil || ingest.CheckID(id) != nil || ingest.CheckID(rendition) != nil || !archive.IsReplayName(file) {
		return nil, storage.ErrNotExist
	}
	if err := h.replays.index.hasReplay(ctx, id, name); err != nil {
		return nil, err
	}
	return h.replays.get(ctx, h.layout.Folder(id)+"/"+name)
}

// PastBroadcast is what is known of a broadcast by its record alone.
type PastBroadcast struct {
	// Began and Ended are when it did.
	Began, Ended time.Time
	// Replay is the file name of its playlist.
	Replay string
}

// Past is the broadcast that ended last under that id, if there is a replay of it.
func (h *Hub) Past(ctx context.Context, id string) (PastBroadcast, bool) {
	if h.replays == nil || ingest.CheckID(id) != nil {
		return PastBroadcast{}, false
	}
	found, err := h.replays.newest(ctx, id)
	if err != nil {
		return PastBroadcast{}, false
	}
	return PastBroadcast{Began: found.Began, Ended: found.Ended, Replay: archive.ReplayNameOf(found.Token)}, true
}

// Aired opens a segment that no Window has any more, for a replay; the error wraps
// storage.ErrNotExist when there is none. Names that no segment can have are refused
// before the bucket is asked.
func (h *Hub) Aired(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error) {
	if h.replays == nil || ingest.CheckID(id) != nil {
		return nil, storage.ErrNotExist
	}
	publication, msn, ok := segmentName(name)
	if !ok {
		return nil, storage.ErrNotExist
	}
	own := "" // of which all is known
	b, ok := h.Find(id)
	if ok {
		own = b.meta.Load().Token
	}
	if ok && slices.Contains(*b.publications.Load(), publication) {
		if !b.hasAired(rendition, msn) {
			return nil, storage.ErrNotExist
		}
	} else if err := h.replays.hasSegment(ctx, id, own, rendition, publication, msn); err != nil {
		return nil, err
	}
	return h.replays.open(ctx, h.layout.Media(id, rendition, name), offset, length)
}

// hasAired reports whether a rendition has come to that media sequence number.
func (b *Broadcast) hasAired(rendition string, msn int64) bool {
	w := b.Window(rendition)
	return w != nil && w.Snapshot().Has(playlist.Position{MSN: msn, Part: -1})
}
