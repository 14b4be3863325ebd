package origin

import (
	"net/http"
	"testing"
)

func TestHandler_ServesPictures(t *testing.T) {
	source := live(t)
	source.pictures = map[string]string{"b/poster.jpg": "\xff\xd8", "past/storyboard-T.vtt": "WEBVTT\n", "past/storyboard-T-3.jpg": "\xff\xd8\xff"}
	h := source.handler()
	const forever = "public, max-age=31536000, immutable"
	for path, want := range map[string]struct {
		status      int
		mime, cache string
	}{
		"/live/b/poster.jpg":              {200, "image/jpeg", "public, max-age=10"},
		"/live/b/poster.jpg?v=7":          {200, "image/jpeg", "public, max-age=10"},
		"/live/past/storyboard-T.vtt":     {200, "text/vtt; charset=utf-8", forever},
		"/live/past/storyboard-T-3.jpg":   {200, "image/jpeg", forever},
		"/live/past/poster.jpg":           {404, "text/plain; charset=utf-8", "public, max-age=1"},
		"/live/past/storyboard-T-03.jpg":  {404, "text/plain; charset=utf-8", "public, max-age=1"},
		"/live/past/storyboard-T--1.jpg":  {404, "text/plain; charset=utf-8", "public, max-age=1"},
		"/live/past/storyboard-T.json":    {404, "text/plain; charset=utf-8", "public, max-age=1"},
		"/live/past/source/poster.jpg":    {404, "text/plain; charset=utf-8", "public, max-age=1"},
		"/live/past/storyboard-T-3.jpg/x": {404, "text/plain; charset=utf-8", "public, max-age=1"},
	} {
		w := get(h, path)
		if w.Code != want.status || w.Header().Get("Content-Type") != want.mime || w.Header().Get("Cache-Control") != want.cache {
			t.Errorf("%s: status %d, headers %v", path, w.Code, w.Header())
		}
		if w.Code != 200 {
			continue
		}
		if again := get(h, path, "If-None-Match", w.Header().Get("ETag")); again.Code != 304 || again.Body.Len() > 0 {
			t.Errorf("%s with its ETag: status %d, want 304", path, again.Code)
		}
		if head := ask(h, http.MethodHead, path); head.Code != 200 || head.Body.Len() > 0 || head.Header().Get("Content-Length") != w.Header().Get("Content-Length") {
			t.Errorf("HEAD %s: status %d, headers %v", path, head.Code, head.Header())
		}
	}
	if w := get(h, "/live/b/poster.jpg", "Accept-Encoding", "gzip"); w.Header().Get("Content-Encoding") != "" {
		t.Error("a JPEG is sent with a Content-Encoding")
	}
}
