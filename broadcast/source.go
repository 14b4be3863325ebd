package broadcast

import (
	"context"
	"time"

	"golive/ingest"
	"golive/playlist"
	"golive/storage"
	"golive/storage/catalog"
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

// Object opens a segment of a broadcast in the spool, where what the bucket does not
// have yet may be, or in the bucket.
func (h *Hub) Object(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error) {
	key := h.layout.Media(id, rendition, name)
	if b, ok := h.Find(id); ok {
		if waiting, ok := b.shelf.archiver.Open(key, offset, length); ok {
			return waiting, nil
		}
	}
	return h.stores.Bucket.Get(ctx, key, offset, length)
}

// Replay is the playlist of a broadcast that has ended, by its file name; the error
// wraps storage.ErrNotExist when there is none.
func (h *Hub) Replay(ctx context.Context, id, name string) (*playlist.Text, error) {
	if ingest.CheckID(id) != nil || !catalog.IsReplayName(name) {
		return nil, storage.ErrNotExist
	}
	if err := h.replays.index.hasReplay(ctx, id, name); err != nil {
		return nil, err
	}
	r, err := h.replays.get(ctx, h.layout.Folder(id)+"/"+name)
	if err != nil {
		return nil, err
	}
	return r.text, nil
}

// PastBroadcast is what is known of a broadcast by its replay alone.
type PastBroadcast struct {
	// Began and Ended are the times of what is kept of it.
	Began, Ended time.Time
	// Replay is the file name of its playlist.
	Replay string
}

// Past is the broadcast that ended last under that id, if there is a replay of it.
func (h *Hub) Past(ctx context.Context, id string) (PastBroadcast, bool) {
	if ingest.CheckID(id) != nil {
		return PastBroadcast{}, false
	}
	if h.replays.index.hasReplay(ctx, id, catalog.ReplayName) != nil {
		return PastBroadcast{}, false
	}
	r, err := h.replays.get(ctx, h.layout.Replay(id))
	if err != nil {
		return PastBroadcast{}, false
	}
	past := PastBroadcast{Began: r.began, Ended: r.ended, Replay: catalog.ReplayName}
	if r.token != "" { // the name that the next broadcast does not take over
		past.Replay = catalog.ReplayNameOf(r.token)
	}
	return past, true
}

// Aired opens a segment that no Window has any more, for a replay; the error wraps
// storage.ErrNotExist when there is none. Names that no segment can have are refused
// before the bucket is asked.
func (h *Hub) Aired(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error) {
	if ingest.CheckID(id) != nil || rendition != SourceRendition {
		return nil, storage.ErrNotExist
	}
	session, msn, ok := segmentName(name)
	if !ok {
		return nil, storage.ErrNotExist
	}
	if b, ok := h.Find(id); ok && b.shelf.manifest.Load().Has(session) {
		if !b.hasAired(msn) {
			return nil, storage.ErrNotExist
		}
	} else if err := h.replays.hasSegment(ctx, id, session, msn); err != nil {
		return nil, err
	}
	return h.replays.open(ctx, h.layout.Media(id, rendition, name), offset, length)
}

// hasAired says whether the broadcast has come to that media sequence number.
func (b *Broadcast) hasAired(msn int64) bool {
	w := b.program.window.Load()
	return w != nil && w.Snapshot().Has(playlist.Position{MSN: msn, Part: -1})
}
