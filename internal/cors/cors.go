package cors

import (
	"net/http"
	"slices"
	"strings"
)

// Methods are the allowed methods, for the headers Allow and Access-Control-Allow-Methods.
const Methods = "GET, HEAD, OPTIONS"

const (
	// defaultHeaders are the headers that are allowed if the browser does not list those of the page.
	defaultHeaders = "Range, If-None-Match, CMCD-Object, CMCD-Request, CMCD-Session, CMCD-Status"
	// maxHeaders bounds the list of allowed headers, in bytes.
	maxHeaders = 4 << 10
)

// Preflight sets the headers of the answer to the preflight request r: reading is allowed,
// with any request header. "*" is not enough: it does not include Authorization, and older
// browsers do not support it.
func Preflight(h http.Header, r *http.Request) {
	h.Set("Access-Control-Allow-Methods", Methods)
	h.Set("Access-Control-Allow-Headers", allowed(r.Header["Access-Control-Request-Headers"]))
	h.Set("Access-Control-Max-Age", "86400")
	h.Add("Vary", "Access-Control-Request-Headers")
}

// OnlyReads reports whether r is a GET or a HEAD. It answers every other request itself: a
// preflight request as CORS requires, the rest with refuse.
func OnlyReads(w http.ResponseWriter, r *http.Request, refuse func(status int, message string)) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	h := w.Header()
	h.Set("Allow", Methods)
	if r.Method == http.MethodOptions {
		Preflight(h, r)
		w.WriteHeader(http.StatusNoContent)
		return false
	}
	refuse(http.StatusMethodNotAllowed, "only GET and HEAD are answered here")
	return false
}

// allowed returns the valid header names in requested.
func allowed(requested []string) string {
	var b strings.Builder
	for _, line := range requested {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.Trim(name, " \t")
			if !isToken(name) || b.Len()+len(name) > maxHeaders {
				continue
			}
			if b.Len() > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name)
		}
	}
	if b.Len() == 0 {
		return defaultHeaders
	}
	return b.String()
}

// isToken reports whether s is a token (RFC 9110 section 5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		c := s[i]
		if 'a' > c|0x20 || c|0x20 > 'z' {
			if ('0' > c || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
				return false
			}
		}
	}
	return s != ""
}

// Origins are the origins whose pages may read responses; "*" means all.
type Origins []string

// Contains reports whether origin is one of o.
func (o Origins) Contains(origin string) bool {
	return slices.ContainsFunc(o, func(one string) bool { return one == "*" || strings.EqualFold(one, origin) })
}

// Allow sets the headers that allow the page of r to read the response, if its origin is one
// of o.
func (o Origins) Allow(h http.Header, r *http.Request) {
	if slices.Contains(o, "*") {
		h.Set("Access-Control-Allow-Origin", "*")
		return
	}
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if o.Contains(origin) { // a scheme and a host
		h.Set("Access-Control-Allow-Origin", origin)
	}
}
