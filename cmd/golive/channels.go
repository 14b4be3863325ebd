package main

import (
	"net/http"
	"strings"

	"golive/registry"
	"golive/web"
)

// channels leads requests for a channel to its broadcast: /live/@NAME/index.m3u8, /watch/@NAME and
// /embed/@NAME.
type channels struct {
	registry *registry.Registry
}

// before returns a handler that redirects requests for channels, and leaves all others to next.
func (c channels) before(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// No id has an @, so a path that is not of a channel costs three comparisons.
		for _, prefix := range []string{"/live/@", "/watch/@", "/embed/@"} {
			if rest, ok := strings.CutPrefix(r.URL.Path, prefix); ok {
				name, file, _ := strings.Cut(rest, "/")
				c.redirect(w, name, file, prefix == "/live/@")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// redirect leads to a file of the channel's broadcast, or to its page if file is empty. The address is
// relative: a proxy may serve golive below another path.
func (c channels) redirect(w http.ResponseWriter, name, file string, media bool) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Access-Control-Allow-Origin", "*")
	id := c.current(name, media)
	if id == "" || strings.Contains(file, "..") {
		http.Error(w, "nothing is live on this channel", http.StatusNotFound)
		return
	}
	target := id
	if file != "" {
		target = strings.Repeat("../", strings.Count(file, "/")+1) + id + "/" + file
	}
	h.Set("Location", target)
	w.WriteHeader(http.StatusFound)
}

// about returns what strangers may know of a broadcast, or of the channel "@NAME".
func (c channels) about(id string) (web.About, bool) {
	if name, ok := strings.CutPrefix(id, "@"); ok {
		id = c.current(name, false)
	}
	b, ok := c.registry.FindBroadcast(id)
	if !ok || b.IsHidden() {
		return web.About{}, false
	}
	return web.About{ID: b.ID, Title: b.Title}, true
}

// current returns the id of the newest broadcast of the channel that can be watched, or else, for a
// page, of the one that is expected or was the last; empty if there is none.
func (c channels) current(name string, media bool) string {
	page, _ := c.registry.ListBroadcasts(registry.Filter{Channel: name, Limit: channelDepth})
	other := ""
	for _, b := range page {
		switch {
		case b.IsHidden() || b.Test:
		case b.State == registry.Live || b.State == registry.Reconnecting:
			return b.ID
		case other == "":
			other = b.ID
		}
	}
	if media {
		return ""
	}
	return other
}

// channelDepth is how many of a channel's newest broadcasts are looked at.
const channelDepth = 20
