package hlscheck

import (
	"net/http"
	"testing"
	"time"
)

func TestCacheLife_FollowsCacheControlAndExpires(t *testing.T) {
	date := "Sun, 22 Nov 2026 10:00:00 GMT"
	for _, c := range []struct {
		name   string
		header http.Header
		life   time.Duration
		said   bool
	}{
		{"nothing", http.Header{}, 0, false},
		{"no age", http.Header{"Cache-Control": {"public"}}, 0, false},
		{"age", http.Header{"Cache-Control": {"public, Max-Age=60, immutable"}}, time.Minute, true},
		{"age of shared caches", http.Header{"Cache-Control": {"max-age=1", "s-maxage=\"60\""}}, time.Minute, true},
		{"not to be stored", http.Header{"Cache-Control": {"no-store, max-age=60"}}, 0, true},
		{"to be asked for again", http.Header{"Cache-Control": {"no-cache"}}, 0, true},
		{"Expires", http.Header{"Expires": {"Sun, 22 Nov 2026 10:00:09 GMT"}, "Date": {date}}, 9 * time.Second, true},
		{"Expires long ago", http.Header{"Expires": {"Sun, 22 Nov 2026 09:00:00 GMT"}, "Date": {date}}, 0, true},
		{"Expires without a date", http.Header{"Expires": {"0"}}, 0, true},
		{"age before Expires", http.Header{"Cache-Control": {"max-age=2"}, "Expires": {"0"}}, 2 * time.Second, true},
	} {
		if life, said := cacheLife(c.header, time.Now()); life != c.life || said != c.said {
			t.Errorf("%s: %v, %t; want %v, %t", c.name, life, said, c.life, c.said)
		}
	}
}
