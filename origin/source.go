package origin

import (
	"context"

	"golive/playlist"
)

// Source provides broadcasts: those of this node, of a peer, or of a bucket. Its methods may
// be called from many goroutines. An error that wraps playlist.ErrNotFound or
// storage.ErrNotExist means that nothing has that name; names that nothing can have are
// refused without a read. All return ctx's error when that ends first.
type Source interface {
	// Playlist returns a playlist by its file name: the multivariant playlist or the
	// replay of a broadcast, or, with a rendition, that rendition's. It waits for the
	// position that the directives name, for three target durations at the most.
	Playlist(ctx context.Context, id, rendition, name string, d playlist.Directives) (playlist.Response, error)
	// Media returns a segment or part by its file name. It waits for the part that the
	// playlist hints at.
	Media(ctx context.Context, id, rendition, name string) (playlist.Media, error)
	// Picture returns the poster of a broadcast, or the storyboard of a replay or a sheet of it,
	// by its file name.
	Picture(ctx context.Context, id, name string) (*playlist.Text, error)
}
