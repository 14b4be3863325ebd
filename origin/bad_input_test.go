package origin

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// An invalid request is answered at once: none waits for what will never exist. The playlist has the segments 0 to 2 and part 0 of 3.
func TestHandler_BadInputIsAnsweredAtOnce(t *testing.T) {
	const list = "/live/b/source/index.m3u8?"
	for path, want := range map[string]int{
		// Not a number.
		list + "_HLS_msn":                         400,
		list + "_HLS_msn=":                        400,
		list + "_HLS_msn=x":                       400,
		list + "_HLS_msn=-1":                      400,
		list + "_HLS_msn=+1":                      400, // + means a space
		list + "_HLS_msn=1.0":                     400,
		list + "_HLS_msn=1e3":                     400,
		list + "_HLS_msn=0x1":                     400,
		list + "_HLS_msn=1_0":                     400,
		list + "_HLS_msn=1%00":                    400,
		list + "_HLS_msn=%D9%A3":                  400, // an Arabic-Indic digit three
		list + "_HLS_msn=9223372036854775808":     400,
		list + "_HLS_msn=3&_HLS_part=":            400,
		list + "_HLS_msn=3&_HLS_part=x":           400,
		list + "_HLS_msn=3&_HLS_part=-1":          400,
		list + "_HLS_msn=3&_HLS_part=99999999999": 400,
		// Not a well-formed query.
		list + "_HLS_msn=%zz":  400,
		list + "_HLS_msn=%":    400,
		list + "_HLS_msn=1;x=": 400,
		// Twice, even with the same value.
		list + "_HLS_msn=1&_HLS_msn=1":                         400,
		list + "_HLS_msn=1&_HLS_msn=2":                         400,
		list + "_HLS_msn=1&_HLS_part=0&_HLS_part=0":            400,
		list + "_HLS_skip=YES&_HLS_skip=YES":                   400,
		list + "_HLS_future=1&_HLS_future=2":                   400,
		list + "_HLS_msn=1&_HLS_part=0&_HLS_skip=v2&_HLS_msn=": 400,
		// Alone, or unknown.
		list + "_HLS_part=0":   400,
		list + "_HLS_skip=NO":  400,
		list + "_HLS_skip=":    400,
		list + "_HLS_skip=yes": 400,
		list + "_HLS_future=1": 200,
		list + "_hls_msn=99":   200,
		// Far ahead; the next two may be waited for.
		list + "_HLS_msn=6":                   400,
		list + "_HLS_msn=4611686018427387903": 400,
		list + "_HLS_msn=6&_HLS_part=0":       400,
		list + "_HLS_msn=3&_HLS_part=99":      400,
		list + "_HLS_msn=4&_HLS_part=2000000": 400,
		// In the past.
		list + "_HLS_msn=0":               200,
		list + "_HLS_msn=0&_HLS_part=0":   200,
		list + "_HLS_msn=0&_HLS_part=99":  200, // part 0 of the next segment
		list + "_HLS_msn=3&_HLS_part=0":   200,
		list + "_HLS_msn=2&_HLS_skip=YES": 200,
		// There is no such rendition, or broadcast, or segment.
		"/live/b/hd/index.m3u8?_HLS_msn=4":          404,
		"/live/b/hd/s.25.ts":                        404, // hinted at in another rendition
		"/live/b/hd/s-0.ts":                         404,
		"/live/nobody/source/index.m3u8?_HLS_msn=4": 404,
		"/live/nobody/source/s.25.ts":               404,
		"/live/b/source/s.26.ts":                    404, // after the hint
		"/live/b/source/s.99999999999999999999.ts":  404,
		"/live/b/source/s.32.ts":                    404,
		"/live/b/source/s-3.ts":                     404,
		"/live/b/source/s-.ts":                      404,
		"/live/b/source/s--1.ts":                    404,
		"/live/b/source/s-00.ts":                    404,
		"/live/b/source/S-0.ts":                     404,
		"/live/b/source/s-0.mp4":                    404,
		"/live/b/source/%2e%2e/index.m3u8":          404,
		"/live/b/source/..%2f..%2fetc":              404,
	} {
		synctest.Test(t, func(t *testing.T) {
			h := live(t).handler()
			began := time.Now()
			w := get(h, path)
			if took := time.Since(began); w.Code != want || took != 0 {
				t.Errorf("%s: %d after %s, want %d: %s", path, w.Code, took, want, w.Body)
			}
			if n := testutil.ToFloat64(h.metrics.waiting); n != 0 {
				t.Errorf("%s: %v requests wait, want none", path, n)
			}
		})
	}
}

func TestHandler_RangeBeyondTheEndIsRefused(t *testing.T) {
	h := live(t).handler()
	for _, name := range []string{"s-0.ts", "s-2.ts", "s.1.ts", "s.17.ts", "s.24.ts"} {
		whole := get(h, "/live/b/source/"+name)
		for _, spec := range []string{"bytes=1000-", "bytes=1000-2000", "bytes=9223372036854775807-", "bytes=99999999999999999999-", "bytes=18446744073709551615-18446744073709551616", "bytes=-0"} {
			w := get(h, "/live/b/source/"+name, "Range", spec)
			if w.Code != http.StatusRequestedRangeNotSatisfiable || w.Header().Get("Content-Length") == whole.Header().Get("Content-Length") {
				t.Errorf("%s, range %s: status %d, want 416", name, spec, w.Code)
			}
			if cache := w.Header().Get("Cache-Control"); cache != "public, max-age=1" {
				t.Errorf("%s, range %s: Cache-Control is %q", name, spec, cache)
			}
		}
	}
}
