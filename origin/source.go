package origin

import (
	"context"

	"golive/playlist"
	"golive/storage"
)

// Source knows broadcasts: those of this node, of a peer, or of a bucket.
type Source interface {
	// Multivariant is a broadcast's multivariant playlist; false when there is no
	// such broadcast, or nothing to play yet.
	Multivariant(id string) (*playlist.Text, bool)
	// Window is the live state of a rendition; false when there is none.
	Window(id, rendition string) (*playlist.Window, bool)
	// Object opens length bytes from offset of a segment that has left memory.
	Object(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error)
	// Replay is the playlist of a broadcast that has ended, by its file name; the
	// error wraps storage.ErrNotExist when there is none.
	Replay(ctx context.Context, id, name string) (*playlist.Text, error)
	// Aired is Object for a segment that no Window has any more and a replay lists.
	Aired(ctx context.Context, id, rendition, name string, offset, length int64) (*storage.Reader, error)
}
