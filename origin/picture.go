package origin

import (
	"net/http"
	"strings"

	"golive/archive"
)

// isPicture reports whether name is the file name of a picture or a storyboard.
func isPicture(name string) bool {
	_, ok := archive.ParsePictureName(name)
	return ok
}

// picture serves the poster of a broadcast, the storyboard of a replay, and its sheets.
func (h *Handler) picture(w http.ResponseWriter, r *http.Request, f resource) (sent, error) {
	end, err := h.reads.Begin(r.Context(), r.RemoteAddr)
	if err != nil {
		return sent{}, err
	}
	p, err := h.source.Picture(r.Context(), f.id, f.name)
	end()
	if err != nil {
		return sent{}, err
	}
	cache := f.keepFor(cacheForever)
	if f.name == archive.PosterName {
		cache = cachePoster
	}
	if strings.HasSuffix(f.name, ".vtt") {
		return writeText(w, r, p, vttType, cache)
	}
	return writeForm(w, r, p.Form(), jpegType, cache)
}
