package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"golive/ingest"
)

// The size of the player for another page, in pixels, unless that asks for a smaller one.
const (
	embedWidth  = 1280
	embedHeight = 720
	// minEmbedWidth is the least, at which the controls still fit.
	minEmbedWidth = 256
)

// oembed is the answer in the words of oEmbed 1.0 (oembed.com).
type oembed struct {
	Type            string `json:"type"`
	Version         string `json:"version"`
	Title           string `json:"title"`
	ProviderName    string `json:"provider_name"`
	ProviderURL     string `json:"provider_url"`
	CacheAge        int    `json:"cache_age"`
	HTML            string `json:"html"`
	Width           int    `json:"width"`
	Height          int    `json:"height"`
	ThumbnailURL    string `json:"thumbnail_url,omitempty"`
	ThumbnailWidth  int    `json:"thumbnail_width,omitempty"`
	ThumbnailHeight int    `json:"thumbnail_height,omitempty"`
}

// oembed answers how a pasted link to one of our player pages is shown in another page. Of a broadcast
// that is not for strangers it knows nothing.
func (w *Web) oembed(rw http.ResponseWriter, r *http.Request) {
	h, query := rw.Header(), r.URL.Query()
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("X-Content-Type-Options", "nosniff")
	if format := query.Get("format"); format != "" && format != "json" {
		http.Error(rw, "only format=json is answered", http.StatusNotImplemented)
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), lookTimeout)
	defer cancel()
	base := publicBase(r)
	about, ok := w.linked(query.Get("url"), base)
	if !ok {
		http.Error(rw, "url is not the address of a broadcast's page on this server", http.StatusNotFound)
		return
	}
	title := about.Title
	if title == "" {
		title = about.ID
	}
	width, height := embedSize(query.Get("maxwidth"), query.Get("maxheight"))
	answer := oembed{
		Type: "video", Version: "1.0", Title: title, ProviderName: "golive", ProviderURL: base + w.cfg.BasePath + "/", CacheAge: 60,
		HTML: `<iframe src="` + base + w.cfg.BasePath + "/embed/" + url.PathEscape(about.ID) + `" width="` + strconv.Itoa(width) + `" height="` + strconv.Itoa(height) +
			`" frameborder="0" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>`,
		Width: width, Height: height,
	}
	if path := w.poster(ctx, about.ID, ""); path != "" {
		answer.ThumbnailURL, answer.ThumbnailWidth, answer.ThumbnailHeight = base+path, w.cfg.PosterSize, w.cfg.PosterSize*embedHeight/embedWidth
	}
	h.Set("Content-Type", "application/json; charset=utf-8")
	h.Set("Cache-Control", "public, max-age=60")
	// An error means that the client has left.
	_ = json.NewEncoder(rw).Encode(answer)
}

// linked returns the broadcast to whose page a link leads, if it is one of ours, as seen at base.
func (w *Web) linked(link, base string) (About, bool) {
	u, err := url.Parse(link)
	_, host, _ := strings.Cut(base, "://")
	if err != nil || u.Host != host {
		return About{}, false
	}
	path, ok := strings.CutPrefix(u.Path, w.cfg.BasePath)
	if !ok {
		return About{}, false
	}
	for _, prefix := range []string{"/watch/", "/embed/"} {
		id, ok := strings.CutPrefix(strings.TrimSuffix(path, "/"), prefix)
		if ok && ingest.CheckID(strings.TrimPrefix(id, "@")) == nil {
			return w.about(id)
		}
	}
	return About{}, false
}

// embedSize returns a size of 16:9 within the limits, which may be empty.
func embedSize(maxWidth, maxHeight string) (width, height int) {
	width = embedWidth
	if n, err := strconv.Atoi(maxWidth); err == nil && n > 0 {
		width = min(width, n)
	}
	if n, err := strconv.Atoi(maxHeight); err == nil && n > 0 && n < embedHeight {
		width = min(width, n*embedWidth/embedHeight)
	}
	width = max(width, minEmbedWidth)
	return width, width * embedHeight / embedWidth
}
