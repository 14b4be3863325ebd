package origin

import (
	"log/slog"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
)

func TestHandler_CountsWhatItAnswered(t *testing.T) {
	house := live(t)
	reg := prometheus.NewRegistry()
	h := NewHandler(house, slog.New(slog.DiscardHandler), NewMetrics(reg))
	for _, segment := range []string{"/live/b/source/s-0.ts", "/live/b/source/s-2.ts"} { // stored, in memory
		get(h, segment)
		get(h, segment, "Range", "bytes=0-1")
		get(h, segment, "Range", "bytes=999-")
		get(h, segment, "If-None-Match", "*")
		ask(h, http.MethodHead, segment)
	}
	get(h, "/live/b/source/index.m3u8", "If-None-Match", "*")
	get(h, "/live/b/source/index.m3u8?_HLS_part=1")
	want := map[string]float64{
		"segment 200": 4, "segment 206": 2, "segment 304": 2, "segment 416": 2, "media 304": 1, "media 400": 1,
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "golive_origin_requests_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if n := m.GetCounter().GetValue(); n > 0 {
				got[m.GetLabel()[1].GetValue()+" "+m.GetLabel()[0].GetValue()] = n
			}
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}
