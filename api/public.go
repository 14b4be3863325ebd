package api

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"golive/api/auth"
	"golive/internal/cors"
)

// public wraps the routes of the API: it sets the headers of every response, finds out who sends
// the request, limits requests that change something, and refuses requests without a route as the
// routes do.
type public struct {
	api    *API
	routes *http.ServeMux
}

// ServeHTTP implements http.Handler.
func (p *public) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h, now := w.Header(), p.api.config.Load()
	h.Set("X-Content-Type-Options", "nosniff")
	now.origins().Allow(h, r)
	if _, pattern := p.routes.Handler(r); pattern == "" {
		p.refuseRoute(w, r)
		return
	}
	if p.api.Records == nil {
		p.routes.ServeHTTP(w, r)
		return
	}
	h.Set("Access-Control-Expose-Headers", "Location, Retry-After, WWW-Authenticate")
	from := origin{address: p.api.addressOf(r), base: p.api.baseOf(r, now.PublicURL)}
	writes := r.Method != http.MethodGet && r.Method != http.MethodHead
	if writes && !from.address.IsLoopback() {
		if tooMany(w, now.rate.addresses.take(networkOf(from.address), time.Now())) {
			return
		}
	}
	caller, err := now.auth.Identify(r.Context(), r.Header)
	if err != nil {
		refuseCaller(w, err)
		return
	}
	if writes && caller.User.ID != "" && tooMany(w, now.rate.users.take(caller.User.ID, time.Now())) {
		return
	}
	from.caller = caller
	p.routes.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), originKey{}, from)))
}

// refuseRoute answers a request without a route: a preflight, or what cannot be answered.
func (p *public) refuseRoute(w http.ResponseWriter, r *http.Request) {
	methods := p.methods(r)
	if r.Method == http.MethodOptions {
		cors.Preflight(w.Header(), r)
		w.Header().Set("Allow", methods)
		w.Header().Set("Access-Control-Allow-Methods", methods)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	if methods == cors.Methods && p.hasNone(r) {
		refuse(w, http.StatusNotFound, "there is nothing at this address")
		return
	}
	w.Header().Set("Allow", methods)
	refuse(w, http.StatusMethodNotAllowed, "only "+methods+" are answered here")
}

// methods returns the methods that the address of r answers, as in the header Allow.
func (p *public) methods(r *http.Request) string {
	all := cors.Methods
	if !p.has(r, http.MethodGet) && !p.hasNone(r) {
		all = http.MethodOptions
	}
	for _, method := range []string{http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if p.has(r, method) {
			all += ", " + method
		}
	}
	return all
}

func (p *public) has(r *http.Request, method string) bool {
	other := *r
	other.Method = method
	_, pattern := p.routes.Handler(&other)
	return pattern != ""
}

// hasNone reports whether the address answers no method.
func (p *public) hasNone(r *http.Request) bool {
	return !slices.ContainsFunc([]string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete}, func(m string) bool { return p.has(r, m) })
}

// tooMany refuses a request that may be tried again after wait, unless that is 0.
func tooMany(w http.ResponseWriter, wait time.Duration) bool {
	if wait <= 0 {
		return false
	}
	w.Header().Set("Retry-After", seconds(wait))
	refuse(w, http.StatusTooManyRequests, "too many requests: wait as long as Retry-After says")
	return true
}

// seconds returns d in whole seconds, rounded up, for Retry-After.
func seconds(d time.Duration) string { return strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))) }

// refuseCaller refuses a request whose credentials are not valid or not enough, or cannot be checked
// now.
func refuseCaller(w http.ResponseWriter, err error) {
	switch {
	case errors.Is(err, auth.ErrAway):
		w.Header().Set("Retry-After", seconds(retryAfter))
		refuse(w, http.StatusServiceUnavailable, auth.ErrAway.Error())
	case errors.Is(err, auth.ErrForbidden):
		refuse(w, http.StatusForbidden, strings.TrimPrefix(err.Error(), auth.ErrForbidden.Error()+": "))
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="golive", error="invalid_token"`)
		refuse(w, http.StatusUnauthorized, strings.TrimPrefix(err.Error(), auth.ErrUnauthorized.Error()+": "))
	}
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
