package origin

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

// sink is a ResponseWriter that discards what is written.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(int)             {}

// BenchmarkHandler measures what the handler adds to net/http.
func BenchmarkHandler(b *testing.B) {
	for _, c := range []struct{ name, path, encoding string }{
		{"playlist", "/live/b/source/index.m3u8", ""},
		{"gzip", "/live/b/source/index.m3u8", "gzip, deflate, br"},
		{"delta", "/live/b/source/index.m3u8?_HLS_msn=3&_HLS_part=0&_HLS_skip=YES", "gzip, deflate, br"},
		{"part", "/live/b/source/s.19.ts", ""},
		{"segment", "/live/b/source/s-2.ts", ""},
	} {
		b.Run(c.name, func(b *testing.B) {
			h := live(b).handler()
			r := httptest.NewRequest(http.MethodGet, c.path, nil)
			if c.encoding != "" {
				r.Header.Set("Accept-Encoding", c.encoding)
			}
			w := &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				h.ServeHTTP(w, r)
			}
		})
	}
}
