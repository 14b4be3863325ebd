package origin

import (
	"net/http"
	"strings"

	"golive/media"
	"golive/playlist"
)

// isReplay says whether a file name in a broadcast's folder is that of the playlist
// of a whole broadcast: replay.m3u8, or replay-TOKEN.m3u8 of a certain one.
func isReplay(name string) bool {
	return strings.HasPrefix(name, "replay") && strings.HasSuffix(name, ".m3u8") && !strings.Contains(name, "/")
}

// newestReplay is the name that the next broadcast under the same id takes over.
const newestReplay = "replay.m3u8"

// replay serves the playlist of a broadcast that has ended.
func (h *Handler) replay(w http.ResponseWriter, r *http.Request, id, name string) (sent, error) {
	text, err := h.source.Replay(r.Context(), id, name)
	if err != nil {
		return sent{}, err
	}
	cache := cacheReplay
	if name == newestReplay {
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
