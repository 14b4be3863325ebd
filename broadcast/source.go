package broadcast

import (
	"context"

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

// Object opens a segment of a broadcast in the bucket.
func (h *Hub) Object(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error) {
	return h.bucket.Get(ctx, h.cfg.Prefix+"/"+id+"/"+rendition+"/"+name, offset, length)
}
