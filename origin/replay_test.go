package origin

import (
	"net/http"
	"testing"

	"golive/storage"
)

func TestHandler_ServesReplays(t *testing.T) {
	house := live(t)
	house.replay = "#EXTM3U\nsource/old-7.ts\n"
	body := []byte("0123456789")
	for _, id := range []string{"past", "b"} {
		if err := house.bucket.Put(t.Context(), storage.Object{Key: "aired/" + id + "/source/old-7.ts", Slabs: [][]byte{body}}); err != nil {
			t.Fatal(err)
		}
	}
	h := house.handler()
	for _, c := range []struct {
		path, bytes string
		status      int
		body, cache string
	}{
		{"/live/past/replay.m3u8", "", 200, house.replay, "public, max-age=1"},
		{"/live/past/replay-T.m3u8", "", 200, house.replay, "public, max-age=3600"},
		{"/live/past/replay-U.m3u8", "", 404, "", "public, max-age=1"},
		{"/live/b/replay.m3u8", "", 404, "", "public, max-age=1"},
		{"/live/past/source/old-7.ts", "", 200, "0123456789", "public, max-age=31536000, immutable"},
		{"/live/past/source/old-7.ts", "bytes=2-4", 206, "234", "public, max-age=31536000, immutable"},
		{"/live/past/source/old-7.ts", "bytes=7-", 206, "789", "public, max-age=31536000, immutable"},
		{"/live/past/source/old-7.ts", "bytes=10-", 416, "", "public, max-age=1"},
		{"/live/past/source/old-8.ts", "", 404, "", "public, max-age=1"},
		{"/live/past/source/old-7.0.ts", "", 404, "", "public, max-age=1"},
		{"/live/past/source/index.m3u8", "", 404, "", "public, max-age=1"},
		{"/live/past/720p/old-7.ts", "", 404, "", "public, max-age=1"},
		{"/live/b/source/old-7.ts", "", 200, "0123456789", "public, max-age=31536000, immutable"}, // live again
	} {
		w := get(h, c.path, "Range", c.bytes)
		if w.Code != c.status || c.status < 300 && w.Body.String() != c.body || w.Header().Get("Cache-Control") != c.cache {
			t.Errorf("%s %s: %d %q %v", c.path, c.bytes, w.Code, w.Body, w.Header())
		}
	}
	w := ask(h, http.MethodHead, "/live/past/source/old-7.ts")
	if w.Code != 200 || w.Header().Get("Content-Length") != "10" || w.Body.Len() != 0 {
		t.Errorf("HEAD: %d %v %q", w.Code, w.Header(), w.Body)
	}
	if w := get(h, "/live/past/source/old-7.ts", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("If-None-Match: %d", w.Code)
	}
}
