package web

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"golive/internal/setting"
)

func newMux(t *testing.T, cfg Config) *http.ServeMux {
	t.Helper()
	w, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	w.Register(mux)
	return mux
}

func get(t *testing.T, h http.Handler, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "http://example.test:8080"+path, http.NoBody)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return rec.Result()
}

func body(t *testing.T, resp *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestNew_RefusesAnInvalidPort(t *testing.T) {
	for _, port := range []int{-1, 0, 65536} {
		_, err := New(Config{RTMPPort: port})
		if _, ok := errors.AsType[*setting.FieldError](err); !ok {
			t.Errorf("New with port %d: error %v, want a FieldError", port, err)
		}
	}
}

func TestStudio_TellsHowToPublishInOpenMode(t *testing.T) {
	page := body(t, get(t, newMux(t, Config{RTMPPort: 1935, Open: true, Version: "1.2.3"}), "/studio"))
	for _, want := range []string{
		"rtmp://example.test/live", `<code data-obs-key aria-labelledby="obs-key">my-stream</code>`,
		"ffmpeg -re", "golive publish", "golive 1.2.3",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the studio lacks %q", want)
		}
	}
	if strings.Contains(page, "YOUR_STREAM_KEY") {
		t.Error("the studio asks for a stream key though publishing is open")
	}
}

func TestStudio_AsksForTheStreamKeyWhenNotOpen(t *testing.T) {
	page := body(t, get(t, newMux(t, Config{RTMPPort: 1936}), "/studio"))
	for _, want := range []string{"use your stream key", "rtmp://example.test:1936/live/<span data-key>YOUR_STREAM_KEY"} {
		if !strings.Contains(page, want) {
			t.Errorf("the studio lacks %q", want)
		}
	}
	if strings.Contains(page, "data-key>my-stream") {
		t.Error("the studio invents a name though a key is needed")
	}
}

func TestStudio_NamesTheServerByTheVisitorsHost(t *testing.T) {
	mux := newMux(t, Config{RTMPPort: 1935, Open: true})
	for host, want := range map[string]string{
		"localhost":                        "rtmp://localhost/live",
		"live.example.test:8080":           "rtmp://live.example.test/live",
		"192.0.2.7:80":                     "rtmp://192.0.2.7/live",
		"[2001:db8::7]:8080":               "rtmp://[2001:db8::7]/live",
		"[2001:db8::7]":                    "rtmp://[2001:db8::7]/live",
		`x";rm -rf ~;":8080`:               "rtmp://localhost/live",
		"<script>alert(1)</script>":        "rtmp://localhost/live",
		"$(id):8080":                       "rtmp://localhost/live",
		"":                                 "rtmp://localhost/live",
		"-dash.example.test":               "rtmp://localhost/live",
		strings.Repeat("a.", 140) + "test": "rtmp://localhost/live",
	} {
		page := body(t, get(t, mux, "/studio", "Host", host))
		if !strings.Contains(page, `data-server="`+want+`"`) {
			t.Errorf("host %q: page lacks server %q", host, want)
		}
		if strings.Contains(page, "alert(1)") || strings.Contains(page, "$(id)") {
			t.Errorf("host %q reached the page", host)
		}
	}
}

func TestPages_HaveAPolicyWithoutInlineScripts(t *testing.T) {
	mux := newMux(t, Config{RTMPPort: 1935, Open: true})
	inline := regexp.MustCompile(`(?i)<script(?:[^>]*)>[^<]|<style|\sstyle=|\son[a-z]+=|javascript:`)
	for path, ancestors := range map[string]string{"/": "'none'", "/golive": "'none'", "/studio": "'none'", "/watch/demo": "'none'", "/embed/demo": "*", "/watch/..demo": "'none'"} {
		resp := get(t, mux, path)
		csp := resp.Header.Get("Content-Security-Policy")
		if !strings.HasSuffix(csp, "frame-ancestors "+ancestors) || !strings.Contains(csp, "script-src 'self'") || !strings.Contains(csp, "worker-src 'self' blob:") {
			t.Errorf("%s: policy %q", path, csp)
		}
		if resp.Header.Get("Cache-Control") != "no-store" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, resp.Header)
		}
		if found := inline.FindString(body(t, resp)); found != "" {
			t.Errorf("%s: inline code or style %q, which the policy forbids", path, found)
		}
	}
}

// The page of one host publishes to another one if that is the server's public URL.
func TestPages_MayPublishToThePublicURL(t *testing.T) {
	public := ""
	mux := newMux(t, Config{RTMPPort: 1935, PublicURL: func() string { return public }})
	for _, c := range []struct{ public, path, want string }{
		{"", "/golive", "connect-src 'self'; "},
		{"https://live.example.com/base", "/golive", "connect-src 'self' https://live.example.com; "},
		{"http://10.0.0.1:8080", "/golive", "connect-src 'self' http://10.0.0.1:8080; "},
		{"https://live.example.com", "/watch/demo", "connect-src 'self'; "},
	} {
		public = c.public
		if csp := get(t, mux, c.path).Header.Get("Content-Security-Policy"); !strings.Contains(csp, c.want) {
			t.Errorf("%s with public_url %q: policy %q, want %q", c.path, c.public, csp, c.want)
		}
	}
}

func TestPlayer_HasPagesForValidNamesOnly(t *testing.T) {
	mux := newMux(t, Config{RTMPPort: 1935, Open: true, Window: 90 * time.Second})
	for path, want := range map[string]int{
		"/watch/demo": 200, "/watch/Town.hall_2-x": 200, "/embed/demo": 200,
		"/watch/.hidden": 404, "/watch/a%20b": 404, "/watch/%3Cb%3E": 404, "/embed/" + strings.Repeat("x", 65): 404, "/watch/a/b": 404,
		"/watch/..%2f..%2fetc": 404,
		"/watch/demo/~a.b.c":   200, "/embed/demo/~a.b.c": 200, "/watch/demo/a.b.c": 404, "/watch/demo/~a%22b": 404, "/watch/.hidden/~a.b.c": 404,
	} {
		resp := get(t, mux, path)
		page := body(t, resp)
		if resp.StatusCode != want {
			t.Errorf("GET %s: status %d, want %d", path, resp.StatusCode, want)
		}
		if strings.Contains(page, "<b>") {
			t.Errorf("GET %s: the name reached the page unescaped", path)
		}
	}
	if page := body(t, get(t, mux, "/watch/demo")); !strings.Contains(page, `data-id="demo" data-name="demo" data-window="90"`) {
		t.Error("watch page does not name its broadcast and how far it can be rewound")
	}
}

func TestPages_LinkOnlyAssetsThatAreThere(t *testing.T) {
	mux := newMux(t, Config{RTMPPort: 1935, Open: true})
	links := regexp.MustCompile(`(?:src|href)="([^"]*assets/[^"]+)"`)
	seen := map[string]bool{}
	visit := func(path string) {
		if seen[path] {
			return
		}
		seen[path] = true
		resp := get(t, mux, path)
		_ = body(t, resp)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("GET %s: status %d", path, resp.StatusCode)
		}
	}
	for _, page := range []string{"/", "/golive", "/studio", "/watch/demo", "/embed/demo", "/watch/.no"} {
		for _, m := range links.FindAllStringSubmatch(body(t, get(t, mux, page)), -1) {
			visit(resolve(page, m[1]))
		}
	}
	if len(seen) < 10 {
		t.Errorf("only %d assets are linked: the test does not find all links", len(seen))
	}
}

// resolve returns the path to which a browser resolves a link on a page.
func resolve(page, link string) string {
	base := &url.URL{Path: page}
	ref, err := base.Parse(link)
	if err != nil {
		return err.Error()
	}
	return ref.Path
}

// Below the prefix of a proxy, links from the root lead to another server.
func TestPages_LinkNothingFromTheRoot(t *testing.T) {
	mux := newMux(t, Config{RTMPPort: 1935, Open: true})
	link := regexp.MustCompile(`(?:src|href|action|data-[a-z-]+)="([^"#]+)"`)
	for page, home := range map[string]string{"/": "/", "/golive": "/", "/studio": "/", "/watch/demo": "/", "/embed/demo": "", "/watch/.no": "/", "/watch/%2e%2e%2fx": "/"} {
		text, found := body(t, get(t, mux, page)), false
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.HasPrefix(m[1], "/") {
				t.Errorf("%s links %q", page, m[1])
			}
			found = found || resolve("/video"+page, m[1]) == "/video"+home
		}
		if !found && home != "" {
			t.Errorf("%s does not link the home page", page)
		}
	}
	script := regexp.MustCompile("['\"`]/[a-z]")
	files, err := fs.Glob(embeddedAssets, "assets/js/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "/aac.js") {
			continue // mostly WebAssembly, as text
		}
		source, err := embeddedAssets.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if found := script.FindString(string(source)); found != "" {
			t.Errorf("%s has a path from the root: %s", name, found)
		}
	}
}

// A script that the browser finds only in another script delays the first picture by a round trip.
func TestPages_LoadOneScript(t *testing.T) {
	mux := newMux(t, Config{RTMPPort: 1935})
	for path, script := range map[string]string{"/": "home.js", "/golive": "broadcast.js", "/studio": "studio.js", "/watch/show": "watch.js", "/embed/show": "embed.js"} {
		page := body(t, get(t, mux, path))
		if n := strings.Count(page, "/js/"); n != 1 || !strings.Contains(page, "/js/"+script+`"`) {
			t.Errorf("%s loads %d scripts, or not %s", path, n, script)
		}
	}
}

func TestPlayer_HasEveryPartItsScriptsAskFor(t *testing.T) {
	parts := regexp.MustCompile(`[ .]part\('([a-z-]+)'\)`)
	for _, page := range []string{"/watch/demo", "/embed/demo"} {
		text := body(t, get(t, newMux(t, Config{RTMPPort: 1935}), page))
		for _, script := range []string{"player.ts", "controls.ts", "seekbar.ts"} {
			source, err := os.ReadFile("src/" + script)
			if err != nil {
				t.Fatal(err)
			}
			found := parts.FindAllStringSubmatch(string(source), -1)
			if len(found) == 0 {
				t.Errorf("the test finds no part that %s asks for", script)
			}
			for _, m := range found {
				if !regexp.MustCompile(`\sdata-` + m[1] + `[\s=>]`).MatchString(text) {
					t.Errorf("%s has no part %q, which %s asks for", page, m[1], script)
				}
			}
		}
	}
}

func testAssets(t *testing.T) *assets {
	t.Helper()
	a, err := loadAssets(fstest.MapFS{
		"js/a.js":          {Data: []byte(strings.Repeat("export const x = 1;\n", 50))},
		"tiny.css":         {Data: []byte("a{}")},
		"vendor/README.md": {Data: []byte("notes")},
	})
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func assetMux(a *assets) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{fingerprint}/{name...}", a)
	return mux
}

func TestAssets_AreCachedForEverUnderTheirFingerprintOnly(t *testing.T) {
	a := testAssets(t)
	mux := assetMux(a)
	for path, want := range map[string]string{
		"/assets/" + a.fingerprint + "/tiny.css": "public, max-age=31536000, immutable",
		"/assets/0123456789ab/tiny.css":          "no-cache",
	} {
		resp := get(t, mux, path)
		if got := resp.Header.Get("Cache-Control"); got != want || resp.StatusCode != http.StatusOK {
			t.Errorf("GET %s: %d, Cache-Control %q, want %q", path, resp.StatusCode, got, want)
		}
	}
	for _, path := range []string{"/none.js", "/vendor/README.md", "/vendor/", "/js"} {
		if resp := get(t, mux, "/assets/"+a.fingerprint+path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: status %d, want 404", path, resp.StatusCode)
		}
	}
}

func TestAssets_ChangeTheFingerprintWithAnyByte(t *testing.T) {
	one, err := loadAssets(fstest.MapFS{"a.js": {Data: []byte("1")}})
	if err != nil {
		t.Fatal(err)
	}
	two, err := loadAssets(fstest.MapFS{"a.js": {Data: []byte("2")}})
	if err != nil {
		t.Fatal(err)
	}
	if one.fingerprint == two.fingerprint {
		t.Error("different assets have the same fingerprint")
	}
}

func TestAssets_AreRevalidatedByETag(t *testing.T) {
	a := testAssets(t)
	mux := assetMux(a)
	path := "/assets/" + a.fingerprint + "/js/a.js"
	for _, encoding := range []string{"", "gzip"} {
		etag := get(t, mux, path, "Accept-Encoding", encoding).Header.Get("ETag")
		if etag == "" {
			t.Fatalf("encoding %q: no ETag", encoding)
		}
		if resp := get(t, mux, path, "Accept-Encoding", encoding, "If-None-Match", etag); resp.StatusCode != http.StatusNotModified {
			t.Errorf("encoding %q: status %d for its own ETag, want 304", encoding, resp.StatusCode)
		}
	}
}

func TestAssets_AreGzippedWhenTheVisitorCanReadIt(t *testing.T) {
	a := testAssets(t)
	mux := assetMux(a)
	path := "/assets/" + a.fingerprint + "/js/a.js"
	for accept, want := range map[string]string{
		"gzip, deflate, br": "gzip", "br;q=1.0, GZIP;q=0.5": "gzip", "*": "gzip",
		"": "", "identity": "", "gzip;q=0": "", "gzip;q=0.000, *": "", "*;q=0": "", "br": "",
	} {
		resp := get(t, mux, path, "Accept-Encoding", accept)
		if got := resp.Header.Get("Content-Encoding"); got != want {
			t.Errorf("Accept-Encoding %q: Content-Encoding %q, want %q", accept, got, want)
			continue
		}
		if resp.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("Accept-Encoding %q: no Vary", accept)
		}
		text := io.Reader(resp.Body)
		if want == "gzip" {
			z, err := gzip.NewReader(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			text = z
		}
		b, err := io.ReadAll(text)
		if err != nil || string(b) != string(a.files["js/a.js"].plain) {
			t.Errorf("Accept-Encoding %q: other bytes than the file's (%v)", accept, err)
		}
	}
}

func TestPages_SayWhenHLSJSIsMissing(t *testing.T) {
	w, err := New(Config{RTMPPort: 1935, Open: true})
	if err != nil {
		t.Fatal(err)
	}
	delete(w.assets.files, hlsScript)
	mux := http.NewServeMux()
	w.Register(mux)
	for _, path := range []string{"/", "/watch/demo", "/embed/demo"} {
		page := body(t, get(t, mux, path))
		if !strings.Contains(page, "This build has no hls.js") || strings.Contains(page, "vendor/hls") {
			t.Errorf("GET %s: the page does not say that hls.js is missing, or links it", path)
		}
	}
}

func TestScripts_PassTheirNodeTests(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed")
	}
	out, err := exec.CommandContext(t.Context(), node, "--test", "tests/").CombinedOutput()
	if err != nil {
		t.Errorf("node --test: %v\n%s", err, out)
	}
}

func TestPlayerPages_NameThePosterForOtherSites(t *testing.T) {
	poster := func(_ context.Context, id string) string {
		if id != "studio" {
			return ""
		}
		return "/video/live/studio/poster.jpg?v=1&2"
	}
	mux := newMux(t, Config{RTMPPort: 1935, BasePath: "/video", Poster: poster})
	for _, path := range []string{"/watch/studio", "/embed/studio"} {
		page := body(t, get(t, mux, path))
		for _, want := range []string{
			`poster="../live/studio/poster.jpg?v=1&amp;2"`, `data-poster=""`,
			`<meta property="og:image" content="http://example.test:8080/video/live/studio/poster.jpg?v=1&amp;2">`,
			`<meta name="twitter:card" content="player">`, `<meta name="twitter:player" content="http://example.test:8080/video/embed/studio">`,
			`<meta property="og:url" content="http://example.test:8080/video/watch/studio">`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
		page = body(t, get(t, mux, strings.Replace(path, "studio", "other", 1)))
		if strings.Contains(page, "og:image") || strings.Contains(page, "poster=") || strings.Contains(page, "data-poster") {
			t.Errorf("%s names a poster of a broadcast without one", path)
		}
	}
	signed := body(t, get(t, mux, "/watch/studio/~a.b-_.c"))
	for _, want := range []string{
		`data-token="~a.b-_.c"`, `poster="../../live/studio/~a.b-_.c/poster.jpg?v=1&amp;2"`,
		`<meta property="og:image" content="http://example.test:8080/video/live/studio/~a.b-_.c/poster.jpg?v=1&amp;2">`,
		`<meta property="og:url" content="http://example.test:8080/video/watch/studio/~a.b-_.c">`,
	} {
		if !strings.Contains(signed, want) {
			t.Errorf("with a playback token the page lacks %s", want)
		}
	}
	secure := body(t, get(t, mux, "/watch/studio", "X-Forwarded-Proto", "https", "Host", `a"b.test:99`))
	if !strings.Contains(secure, `content="https://localhost:99/video/live/`) {
		t.Errorf("behind a proxy with TLS:\n%s", secure)
	}
}
