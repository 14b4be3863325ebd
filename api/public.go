package api

import (
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"golive/internal/cors"
)

// public is what is in front of the interface's routes: headers that every answer
// has, and answers in the interface's own form to requests that have no route.
type public struct {
	routes  *http.ServeMux
	origins cors.Origins
}

// ServeHTTP implements http.Handler.
func (p *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	p.origins.Allow(h, r)
	switch r.Method {
	case http.MethodGet, http.MethodHead:
	case http.MethodOptions:
		h.Set("Allow", cors.Methods)
		cors.Preflight(h, r)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		h.Set("Allow", cors.Methods)
		refuse(w, http.StatusMethodNotAllowed, "only GET and HEAD are answered here")
		return
	}
	if _, pattern := p.routes.Handler(r); pattern == "" {
		refuse(w, http.StatusNotFound, "there is nothing at this address")
		return
	}
	p.routes.ServeHTTP(w, r)
}

// refuse answers with a problem (RFC 9457), as huma's own refusals are.
func refuse(w http.ResponseWriter, status int, detail string) {
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-cache")
	w.WriteHeader(status)
	// The client may have left; there is nothing to do about it.
	_ = json.NewEncoder(w).Encode(&huma.ErrorModel{Title: http.StatusText(status), Status: status, Detail: detail})
}
