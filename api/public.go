package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"golive/internal/cors"
)

// public wraps the routes of the API: it sets the headers of every response, and refuses
// requests without a route as the routes do.
type public struct {
	routes  *http.ServeMux
	origins cors.Origins
}

// ServeHTTP implements http.Handler.
func (p *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	p.origins.Allow(h, r)
	if !cors.OnlyReads(w, r, func(status int, message string) { refuse(w, status, message) }) {
		return
	}
	if _, pattern := p.routes.Handler(r); pattern == "" {
		refuse(w, http.StatusNotFound, "there is nothing at this address")
		return
	}
	p.routes.ServeHTTP(w, r)
}

// refuse responds with a problem (RFC 9457), as huma does.
func refuse(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	// An error means that the client has left.
	_ = json.NewEncoder(w).Encode(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}
