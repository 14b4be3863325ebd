package origin

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/origin/audience"
)

func TestHandler_CountsResponses(t *testing.T) {
	source := live(t)
	reg := prometheus.NewRegistry()
	h := NewHandler(DefaultConfig(), source, Guard{}, audience.New(nil, reg), NewReadLimiter(100, nil), slog.New(slog.DiscardHandler), NewMetrics(reg))
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

// The bytes of bodies are counted as far as they were sent.
func TestHandler_CountsSentBytes(t *testing.T) {
	source := live(t)
	for name, c := range map[string]struct {
		path, method string
		header       []string
		kind         kind
	}{
		"playlist":             {"index.m3u8", http.MethodGet, nil, kindMedia},
		"playlist, compressed": {"index.m3u8", http.MethodGet, []string{"Accept-Encoding", "gzip"}, kindMedia},
		"its head":             {"index.m3u8", http.MethodHead, nil, kindMedia},
		"not modified":         {"index.m3u8", http.MethodGet, []string{"If-None-Match", "*"}, kindMedia},
		"stored":               {"s-0.ts", http.MethodGet, nil, kindSegment},
		"stored, its head":     {"s-0.ts", http.MethodHead, nil, kindSegment},
		"stored, a range":      {"s-0.ts", http.MethodGet, []string{"Range", "bytes=3-9"}, kindSegment},
		"in memory":            {"s-2.ts", http.MethodGet, nil, kindSegment},
		"its head, too":        {"s-2.ts", http.MethodHead, nil, kindSegment},
		"a range":              {"s-2.ts", http.MethodGet, []string{"Range", "bytes=3-9"}, kindSegment},
		"no such range":        {"s-2.ts", http.MethodGet, []string{"Range", "bytes=999-"}, kindSegment},
		"part":                 {"s.17.ts", http.MethodGet, nil, kindPart},
	} {
		h := source.handler()
		w := ask(h, c.method, "/live/b/source/"+c.path, c.header...)
		want := w.Body.Len()
		if w.Code >= 400 {
			want = 0 // the text of an error is not counted as media
		}
		if got := testutil.ToFloat64(h.metrics.sent[c.kind]); got != float64(want) {
			t.Errorf("%s: %v bytes are counted, want %d", name, got, want)
		}
	}
}

func TestHandler_CountsSentBytesOfAbortedResponses(t *testing.T) {
	const size, read = 1 << 20, 100_000
	for _, stored := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			source := newTestSource()
			source.begin(0)
			source.partOf(make([]byte, size))
			source.finish(t, stored)
			source.segment(t, 1, true)
			source.segment(t, 2, true)
			h := source.handler()
			s := startServer(t, h)
			conn, err := s.ln.Dial(t.Context(), "", "")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Fprint(conn, "GET /live/b/source/s-0.ts HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			if _, err := io.CopyN(io.Discard, conn, read); err != nil {
				t.Fatal(err)
			}
			time.Sleep(3 * maxLag)
			// The viewer has also read the header.
			if got := testutil.ToFloat64(h.metrics.sent[kindSegment]); got < read-1000 || got > read {
				t.Errorf("stored %t: %v sent bytes are counted", stored, got)
			}
			if n := s.slow(t); n != 1 {
				t.Errorf("stored %t: %v slow viewers are counted", stored, n)
			}
			s.close(t)
		})
	}
}

// Only requests that waited are measured, from the arrival of the part.
func TestHandler_MeasuresTheDelayOfParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		source := live(t)
		reg := prometheus.NewRegistry()
		h := NewHandler(DefaultConfig(), source, Guard{}, audience.New(nil, reg), NewReadLimiter(100, nil), slog.New(slog.DiscardHandler), NewMetrics(reg))
		get(h, "/live/b/source/index.m3u8?_HLS_msn=3&_HLS_part=0") // there already
		get(h, "/live/b/source/s.24.ts")
		var waiting sync.WaitGroup
		for _, path := range []string{"index.m3u8?_HLS_msn=3&_HLS_part=1", "s.25.ts"} {
			waiting.Go(func() { get(h, "/live/b/source/"+path) })
		}
		waiting.Go(func() { get(h, "/live/b/source/index.m3u8?_HLS_msn=3") }) // for a segment
		synctest.Wait()
		source.arrived = time.Now().Add(-20 * time.Millisecond)
		for range 7 {
			source.part()
		}
		source.window.Close(source.open)
		source.window.Commit()
		waiting.Wait()
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() == "golive_origin_part_delay_seconds" {
				d := f.GetMetric()[0].GetHistogram()
				if d.GetSampleCount() != 2 || d.GetSampleSum() != 2*0.02 {
					t.Errorf("%d parts were measured, with a total delay of %v s", d.GetSampleCount(), d.GetSampleSum())
				}
				return
			}
		}
		t.Error("the metric of the delay of parts is not gathered")
	})
}
