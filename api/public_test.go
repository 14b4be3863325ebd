package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, http.NoBody)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestAPI_AllowsPagesOfAllOrigins(t *testing.T) {
	h := serve(t, catalogue{studio()})
	for _, path := range []string{"/v1/broadcasts", "/v1/broadcasts/studio", "/v1/broadcasts/nobody", "/v1/openapi.json", "/v1/docs", "/v1/none"} {
		w := ask(h, http.MethodGet, path, "Origin", "https://a.test")
		if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" || w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("GET %s: %v", path, w.Header())
		}
		const asked = "content-type, authorization, traceparent"
		w = ask(h, http.MethodOptions, path, "Origin", "https://a.test", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", asked)
		if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Headers") != asked || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("OPTIONS %s: %d %v", path, w.Code, w.Header())
		}
	}
}

func TestAPI_AllowsOnlyConfiguredOrigins(t *testing.T) {
	mux := http.NewServeMux()
	if _, err := Register(mux, Config{CORSOrigins: []string{"https://a.test"}}, Parts{Directory: catalogue{studio()}}); err != nil {
		t.Fatal(err)
	}
	for origin, want := range map[string]string{"https://a.test": "https://a.test", "https://b.test": "", "null": ""} {
		w := ask(mux, http.MethodGet, "/v1/broadcasts", "Origin", origin)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != want || w.Header().Get("Vary") != "Origin" || w.Code != 200 {
			t.Errorf("%s: %q, %v", origin, got, w.Header())
		}
	}
}

func TestAPI_RefusesWithProblemDetails(t *testing.T) {
	h := serve(t, catalogue{studio()})
	for path, want := range map[string]int{
		"/v1/broadcasts/nobody":                       404,
		"/v1/broadcasts/a%2Fb":                        404,
		"/v1/broadcasts/%00":                          404,
		"/v1/broadcasts/%ff%fe":                       404,
		"/v1/broadcasts/%2e%2e":                       404,
		"/v1/broadcasts/a%20b":                        404,
		"/v1/broadcasts/<b>":                          404,
		"/v1/broadcasts/" + strings.Repeat("x", 65):   404,
		"/v1/broadcasts/" + strings.Repeat("x", 4000): 404,
		"/v1/broadcasts/studio/more":                  404,
		"/v1/none":                                    404,
		"/v1/":                                        404,
	} {
		w := ask(h, http.MethodGet, path)
		if w.Code != want || w.Header().Get("Content-Type") != "application/problem+json" || !strings.Contains(w.Body.String(), `"status":404`) {
			t.Errorf("%.60s: %d %s %s", path, w.Code, w.Header().Get("Content-Type"), w.Body)
		}
	}
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"} {
		w := ask(h, method, "/v1/broadcasts")
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD, OPTIONS" || w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %v", method, w.Code, w.Header())
		}
	}
}

func TestAPI_DocsCannotBeFramed(t *testing.T) {
	csp := get(serve(t, catalogue{}), "/v1/docs").Header().Get("Content-Security-Policy")
	for _, want := range []string{"frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'", "default-src 'none'"} {
		if !strings.Contains(csp, want) {
			t.Errorf("%q lacks %q", csp, want)
		}
	}
}

func TestAPI_DocumentNamesItsBasePath(t *testing.T) {
	mux := http.NewServeMux()
	if _, err := Register(mux, DefaultConfig(), Parts{Server: Server{BasePath: "/video"}, Directory: catalogue{}}); err != nil {
		t.Fatal(err)
	}
	if w := get(mux, "/v1/openapi.json"); !strings.Contains(w.Body.String(), `"servers":[{"url":"/video"}]`) {
		t.Errorf("%s", w.Body)
	}
	if page := get(mux, "/v1/docs").Body.String(); strings.Contains(page, `href="/`) {
		t.Error("the page links something from the root")
	}
}

func TestConfig_RefusesInvalidOrigins(t *testing.T) {
	for text, valid := range map[string]bool{
		"*": true, "https://a.test": true, "http://a.test:8080": true, "http://[::1]:80": true,
		"": false, "a.test": false, "https://a.test/": false, "https://a.test/x": false, "https://": false, "https://u@a.test": false, "null": false,
	} {
		c := DefaultConfig()
		c.CORSOrigins = []string{text}
		if err := c.Validate(); (err == nil) != valid {
			t.Errorf("%q: %v", text, err)
		}
	}
}
