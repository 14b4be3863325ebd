package httpserver

import (
	"net/http"
	"net/url"
	"strings"
)

// UnderBasePath returns a handler that serves next both at the root and below base
// ("/video"; "" is the root): a proxy may strip the prefix or leave it.
//
// Paths that end in a slash or have empty segments are redirected to their canonical form.
// The redirects are relative, because a proxy may have stripped an unknown prefix.
func UnderBasePath(base string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if base != "" && (r.URL.Path == base || strings.HasPrefix(r.URL.Path, base+"/")) {
			if r.URL.Path == base {
				redirect(w, r, base[strings.LastIndexByte(base, '/')+1:]+"/")
				return
			}
			r = stripPrefix(base, r)
		}
		p := r.URL.Path
		switch {
		case strings.Contains(p+"/", "/../") || strings.Contains(p+"/", "/./"):
			// A browser resolves these before it sends the request.
			http.NotFound(w, r)
		case p != "/" && (strings.HasSuffix(p, "/") || strings.Contains(p, "//")):
			escaped := r.URL.EscapedPath()
			var names []string
			for name := range strings.SplitSeq(escaped, "/") {
				if name != "" {
					names = append(names, name)
				}
			}
			redirect(w, r, strings.Repeat("../", max(strings.Count(escaped, "/")-1, 0))+strings.Join(names, "/"))
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// redirect sends the client to a relative address, with the query. http.Redirect would
// make it one from the root.
func redirect(w http.ResponseWriter, r *http.Request, to string) {
	if to == "" {
		to = "./"
	}
	if strings.Contains(strings.SplitN(to, "/", 2)[0], ":") {
		to = "./" + to // else it looks like a scheme
	}
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusPermanentRedirect)
}

// stripPrefix returns the request without the prefix, as http.StripPrefix does.
func stripPrefix(base string, r *http.Request) *http.Request {
	out := *r
	u := url.URL{Path: r.URL.Path[len(base):], RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	if raw, ok := strings.CutPrefix(r.URL.RawPath, base); ok {
		u.RawPath = raw
	}
	out.URL = &u
	return &out
}
