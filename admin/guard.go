package admin

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Guard refuses requests that web pages of other sites send to next. A page can make its
// visitor's browser send requests to any address, also to this machine: by a name of its
// own that resolves to it (DNS rebinding), which Host shows, or directly, which
// Sec-Fetch-Site and Origin show.
func Guard(c Config, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		switch {
		case !c.isOurs(r):
			http.Error(w, "the admin listener does not have this name: add it to admin.hosts", http.StatusMisdirectedRequest)
		case isForeign(r):
			http.Error(w, "the admin listener does not answer other sites' pages", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isOurs reports whether Host names this listener. A request without Host is of HTTP/1.0, and
// not from a browser.
func (c Config) isOurs(r *http.Request) bool {
	host := hostOf(r.Host)
	if host == "" || strings.EqualFold(host, "localhost") {
		return true
	}
	own, _, _ := net.SplitHostPort(c.Listen) // it is valid
	if own != "" && strings.EqualFold(host, own) || slices.ContainsFunc(c.Hosts, func(h string) bool {
		return strings.EqualFold(host, strings.Trim(h, "[]"))
	}) {
		return true
	}
	address, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if address = address.Unmap(); address.IsLoopback() {
		return true
	}
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.AddrPort().Addr().Unmap().WithZone("") == address
}

// isForeign reports whether a page of another site sent the request.
func isForeign(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return true
	case "":
		origin := r.Header.Get("Origin")
		return origin != "" && origin != "http://"+r.Host && origin != "https://"+r.Host
	}
	return false
}

// hostOf returns the name or address in a Host header, without port, brackets and the dot
// at the end of a full name.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.TrimSuffix(strings.Trim(host, "[]"), ".")
}
