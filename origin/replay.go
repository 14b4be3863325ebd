package origin

import (
	"net/http"
	"strings"

	"golive/media"
	"golive/playlist"
	"golive/storage/catalog"
)

// replay serves the playlist of a broadcast that has ended.
func (h *Handler) replay(w http.ResponseWriter, r *http.Request, id, name string) (sent, error) {
	end, err := h.reads.Begin(r.Context(), r.RemoteAddr)
	if err != nil {
		return sent{}, err
	}
	text, err := h.source.Replay(r.Context(), id, name)
	end()
	if err != nil {
		return sent{}, err
	}
	cache := cacheReplay
	if name == catalog.ReplayName { // the next broadcast under the same id takes it over
		cache = cacheBriefly
	}
	return writeText(w, r, text, cache)
}

// aired serves a segment that no window has any more, for a replay.
func (h *Handler) aired(w http.ResponseWriter, r *http.Request, id, rendition, name string) (sent, error) {
	if strings.Count(name, ".") != 1 || !strings.HasSuffix(name, ".ts") {
		return sent{}, errNotFound
	}
	return h.stored(w, r, playlist.Media{Object: name, Size: media.UnknownSize}, id, rendition, name, h.source.Aired)
}
