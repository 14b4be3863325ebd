package httpserver

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
)

func TestUnderBasePath_AnswersWithAndWithoutThePrefix(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, r.URL.RequestURI()) })
	for _, base := range []string{"", "/video", "/a/b"} {
		h := UnderBasePath(base, next)
		for _, path := range []string{"/", "/watch/x", "/v1/broadcasts/a%2Fb?c=d", "/live/b/source/s-1.ts?_HLS_msn=1", "/video2/x", "/a/bc"} {
			for _, prefix := range []string{"", base} {
				if w := get(h, prefix+path); w.Code != 200 || w.Body.String() != path {
					t.Errorf("base %q: %s is answered with %d %q, want 200 %q", base, prefix+path, w.Code, w.Body, path)
				}
			}
		}
	}
}

// A redirect leads to the same page, whatever prefix a proxy has removed from the path.
func TestUnderBasePath_RedirectsOddPathsRelatively(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for path, want := range map[string]string{
		"/watch/x/":             "/watch/x",
		"/watch/x//?replay":     "/watch/x?replay",
		"/embed/x/":             "/embed/x",
		"/live/x/":              "/live/x",
		"/live/x/index.m3u8/":   "/live/x/index.m3u8",
		"/v1/broadcasts/":       "/v1/broadcasts",
		"/v1/broadcasts/x/":     "/v1/broadcasts/x",
		"/v1/broadcasts/a%2Fb/": "/v1/broadcasts/a%2Fb",
		"//watch//x":            "/watch/x",
		"//evil.test/x":         "/evil.test/x",
		"//":                    "/",
		"/javascript:alert(1)/": "/javascript:alert(1)",
	} {
		for _, c := range []struct{ base, requested, browser string }{
			{"", "", ""}, {"", "", "/video"}, {"", "", "/a/b"}, // the proxy removes the prefix
			{"/video", "/video", "/video"}, {"/a/b", "/a/b", "/a/b"}, // the proxy leaves the prefix
		} {
			r := httptest.NewRequest(http.MethodGet, "http://golive.test/", http.NoBody)
			u, err := url.ParseRequestURI(c.requested + path)
			if err != nil {
				t.Fatal(err)
			}
			u.Scheme, u.Host = "", ""
			if c.requested == "" && path[:2] == "//" { // as net/http parses such a request line
				u = &url.URL{Path: path}
			}
			r.URL = u
			w := httptest.NewRecorder()
			UnderBasePath(c.base, next).ServeHTTP(w, r)
			page, err := url.Parse("http://golive.test" + c.browser + path)
			if err != nil {
				t.Fatal(err)
			}
			to, err := page.Parse(w.Header().Get("Location"))
			if err != nil || w.Code != http.StatusPermanentRedirect || to.String() != "http://golive.test"+c.browser+want {
				t.Errorf("base %q, %s%s: %d to %q, which is %v, want %s%s", c.base, c.browser, path, w.Code, w.Header().Get("Location"), to, c.browser, want)
			}
		}
	}
	if w := get(UnderBasePath("/video", next), "/video?a=b"); w.Header().Get("Location") != "video/?a=b" {
		t.Errorf("the prefix alone: %d to %q, want video/?a=b", w.Code, w.Header().Get("Location"))
	}
	for _, path := range []string{"/watch/../x", "/..", "/a/./b", "/watch/%2e%2e/x", "/v1/broadcasts/.."} {
		if w := get(UnderBasePath("", next), path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
}

func TestConfig_BasePath(t *testing.T) {
	for text, valid := range map[string]bool{
		"": true, "/video": true, "/a/b-c.d_e~1": true,
		"video": false, "/": false, "/video/": false, "/a//b": false, "/..": false, "/a b": false, "/a?b": false, "https://a.test/video": false,
	} {
		cfg := DefaultConfig()
		cfg.BasePath = text
		if err := cfg.Validate(); (err == nil) != valid {
			t.Errorf("base path %q: error %v, want valid %t", text, err, valid)
		}
	}
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}
