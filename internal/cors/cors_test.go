package cors

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestPreflight_AllowsWhateverHeadersAPageSends(t *testing.T) {
	for requested, want := range map[string]string{
		"":      defaultHeaders,
		"range": "range",
		"content-type, accept-encoding, authorization, traceparent": "content-type, accept-encoding, authorization, traceparent",
		"cmcd-object,cmcd-request,x-my_own":                         "cmcd-object, cmcd-request, x-my_own",
		"a,, b ,c\td,é,<x>":                                         "a, b",
		strings.Repeat("x", maxHeaders+1):                           defaultHeaders,
	} {
		r := httptest.NewRequest(http.MethodOptions, "/", http.NoBody)
		if requested != "" {
			r.Header.Set("Access-Control-Request-Headers", requested)
		}
		h := http.Header{}
		Preflight(h, r)
		if got := h.Get("Access-Control-Allow-Headers"); got != want {
			t.Errorf("headers allowed for %.80q are %.80q, want %q", requested, got, want)
		}
		if h.Get("Access-Control-Allow-Methods") != Methods || h.Get("Vary") != "Access-Control-Request-Headers" || h.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%.80q: headers are %v, want the methods %s, Vary on the requested headers, and no credentials", requested, h, Methods)
		}
	}
}

func TestOrigins_AllowOnlyConfiguredOrigins(t *testing.T) {
	for _, c := range []struct {
		origins      Origins
		origin, want string
		vary         bool
	}{
		{Origins{"*"}, "https://a.test", "*", false},
		{Origins{"*"}, "", "*", false},
		{Origins{"https://a.test", "http://b.test:8080"}, "http://b.test:8080", "http://b.test:8080", true},
		{Origins{"https://a.test"}, "https://a.test.evil.test", "", true},
		{Origins{"https://a.test"}, "http://a.test", "", true},
		{Origins{"https://a.test"}, "null", "", true},
		{Origins{"https://a.test"}, "", "", true},
		{nil, "https://a.test", "", true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", http.NoBody)
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		h := http.Header{}
		c.origins.Allow(h, r)
		if got := h.Get("Access-Control-Allow-Origin"); got != c.want || (h.Get("Vary") == "Origin") != c.vary {
			t.Errorf("%v, request of %q: headers are %v, want origin %q and Vary %t", c.origins, c.origin, h, c.want, c.vary)
		}
	}
}
