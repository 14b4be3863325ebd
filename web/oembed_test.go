package web

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestOEmbed_AnswersForBroadcastsOfThisServerOnly(t *testing.T) {
	about := func(id string) (About, bool) {
		if id == "show" || id == "@alice" {
			return About{ID: "show", Title: `Sun & <b>"sea"</b>`}, true
		}
		return About{}, false
	}
	poster := func(context.Context, string) string { return "/video/live/show/poster.jpg?v=1" }
	mux := newMux(t, Config{RTMPPort: 1935, BasePath: "/video", About: about, Poster: poster, PosterSize: 960})
	ask := func(link, more string) (*http.Response, oembed) {
		resp := get(t, mux, "/v1/oembed?url="+url.QueryEscape(link)+more)
		var answer oembed
		if text := body(t, resp); resp.StatusCode == http.StatusOK {
			if err := json.Unmarshal([]byte(text), &answer); err != nil {
				t.Fatal(err)
			}
		}
		return resp, answer
	}
	const base = "http://example.test:8080/video"
	for _, path := range []string{"/watch/show", "/watch/show/", "/embed/show?replay", "/watch/@alice"} {
		resp, a := ask(base+path, "")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Fatalf("%s: %d %v", path, resp.StatusCode, resp.Header)
		}
		if a.Type != "video" || a.Version != "1.0" || a.Title != `Sun & <b>"sea"</b>` || a.Width != 1280 || a.Height != 720 || a.ThumbnailURL != base+"/live/show/poster.jpg?v=1" || a.ThumbnailWidth != 960 || a.ThumbnailHeight != 540 ||
			!strings.Contains(a.HTML, `<iframe src="`+base+`/embed/show" width="1280"`) {
			t.Errorf("%s: %+v", path, a)
		}
	}
	for limits, want := range map[string]int{"&maxwidth=640": 640, "&maxheight=180": 320, "&maxwidth=1": 256, "&maxwidth=x": 1280, "&maxheight=99999999999999999": 1280, "&maxwidth=-4": 1280} {
		if _, a := ask(base+"/watch/show", limits); a.Width != want || a.Height != want*9/16 {
			t.Errorf("%s: %d x %d, want a width of %d", limits, a.Width, a.Height, want)
		}
	}
	for _, link := range []string{
		"", "%", base, base + "/watch/other", base + "/watch/show/~token", base + "/watch/.x", "http://example.test:8080/watch/show", "http://elsewhere.test/video/watch/show",
		"javascript:alert(1)", "//example.test:8080/other",
	} {
		if resp, _ := ask(link, ""); resp.StatusCode != http.StatusNotFound {
			t.Errorf("%q: status %d, want 404", link, resp.StatusCode)
		}
	}
	if resp, _ := ask(base+"/watch/show", "&format=xml"); resp.StatusCode != http.StatusNotImplemented {
		t.Errorf("format=xml: status %d, want 501", resp.StatusCode)
	}
}

func TestPlayerPages_CallABroadcastByItsTitle(t *testing.T) {
	about := func(id string) (About, bool) { return About{ID: id, Title: `A "b" <i>`}, true }
	mux := newMux(t, Config{RTMPPort: 1935, About: about})
	for _, path := range []string{"/watch/show", "/embed/show"} {
		page := body(t, get(t, mux, path))
		for _, want := range []string{
			`<title>A &#34;b&#34; &lt;i&gt; · golive</title>`, `<meta property="og:title" content="A &#34;b&#34; &lt;i&gt;">`, `data-name="A &#34;b&#34; &lt;i&gt;"`,
			`<link rel="alternate" type="application/json+oembed" href="http://example.test:8080/v1/oembed?url=http%3A%2F%2Fexample.test%3A8080%2Fwatch%2Fshow"`,
		} {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %s", path, want)
			}
		}
	}
}
