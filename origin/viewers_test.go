package origin

import (
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/origin/audience"
)

// Only a request for a media playlist counts a viewer: any other may come from a cache, a search
// engine, or a player that has not started.
func TestHandler_CountsViewersByTheirPlaylistRequests(t *testing.T) {
	for path, want := range map[string]int{
		"/live/b/source/index.m3u8":                      1,
		"/live/b/source/index.m3u8?_HLS_msn=2":           1,
		"/live/b/source/index.m3u8?CMCD=sid%3D%22one%22": 1,
		"/live/b/index.m3u8":                             0,
		"/live/b/source/s-0.ts":                          0,
		"/live/b/source/s.24.ts":                         0,
		"/live/b/hd/index.m3u8":                          0,
		"/live/nobody/source/index.m3u8":                 0,
	} {
		h := live(t).handler()
		w := get(h, path)
		if n := h.audience.All(); n != want || h.audience.Viewers("b") != want {
			t.Errorf("%s: %d viewers, want %d", path, n, want)
		}
		for name := range w.Header() {
			if name == "Set-Cookie" || name == "Vary" && w.Header().Get(name) != "Accept-Encoding" {
				t.Errorf("%s: the response depends on the viewer: headers %v", path, w.Header())
			}
		}
	}
}

func TestHandler_CountsStalls(t *testing.T) {
	reg := prometheus.NewRegistry()
	h := NewHandler(DefaultConfig(), live(t), Guard{}, audience.New(nil, reg), NewReadLimiter(100, nil), nil, NewMetrics(reg))
	get(h, "/live/b/source/s-0.ts", "CMCD-Status", "bs")
	get(h, "/live/b/source/index.m3u8?CMCD=bs%2Csid%3D%22one%22")
	ask(h, http.MethodOptions, "/live/b/source/s-0.ts", "CMCD-Status", "bs") // a preflight request
	const want = "# HELP golive_origin_player_stalls_total Stalls that players reported (bs of CMCD).\n" +
		"# TYPE golive_origin_player_stalls_total counter\ngolive_origin_player_stalls_total 2\n"
	if err := testutil.GatherAndCompare(reg, strings.NewReader(want), "golive_origin_player_stalls_total"); err != nil {
		t.Error(err)
	}
}
