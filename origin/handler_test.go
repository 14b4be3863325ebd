package origin

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/media"
	"golive/origin/audience"
	"golive/playlist"
	"golive/storage"
	"golive/storage/storagetest/memory"
)

// testSource is a Source with one broadcast, "b", of one rendition, "source".
type testSource struct {
	window *playlist.Window
	bucket storage.Bucket
	open   *media.Segment
	clock  media.Ticks
	parts  int64
	replay string // of the broadcast "past"
	// pictures are by the id and name.
	pictures map[string]string

	arrived time.Time // of the parts that are added
}

func (s *testSource) Playlist(ctx context.Context, id, rendition, name string, d playlist.Directives) (playlist.Response, error) {
	switch {
	case (name == "index.m3u8" || name == "ts.m3u8") && id == "b" && rendition == "source":
		return s.window.Respond(ctx, d)
	case (name == "index.m3u8" || name == "ts.m3u8") && id == "b" && rendition == "":
		return playlist.Response{Text: playlist.NewText([]byte("#EXTM3U\n"))}, nil
	case (name == "replay.m3u8" || name == "replay-T.m3u8") && id == "past" && s.replay != "":
		return playlist.Response{Text: playlist.NewText([]byte(s.replay))}, nil
	}
	return playlist.Response{}, playlist.ErrNotFound
}

func (s *testSource) Media(ctx context.Context, id, rendition, name string) (playlist.Media, error) {
	if id == "b" && rendition == "source" {
		m, err := s.window.Media(ctx, name)
		if m.Slabs == nil {
			m.Remote = openerOf(s.bucket, "live/"+id+"/"+rendition+"/"+m.Object)
		}
		if !errors.Is(err, playlist.ErrNotFound) {
			return m, err
		}
	}
	if strings.Count(name, ".") != 1 || !strings.HasSuffix(name, ".ts") || strings.Contains(name, "/") {
		return playlist.Media{}, playlist.ErrNotFound
	}
	remote := openerOf(s.bucket, "archived/"+id+"/"+rendition+"/"+name)
	return playlist.Media{Object: name, Size: media.UnknownSize, Remote: remote}, nil
}

func (s *testSource) Picture(_ context.Context, id, name string) (*playlist.Text, error) {
	if text := s.pictures[id+"/"+name]; text != "" {
		return playlist.NewText([]byte(text)), nil
	}
	return nil, playlist.ErrNotFound
}

// openerOf opens an object of the bucket.
func openerOf(b storage.Bucket, key string) playlist.Opener {
	return func(ctx context.Context, offset, length int64) (io.ReadCloser, int64, error) {
		r, err := b.Get(ctx, key, offset, length)
		if err != nil {
			return nil, 0, err
		}
		return io.NopCloser(r.Body), r.Size, nil
	}
}

func newTestSource() *testSource {
	cfg := playlist.DefaultConfig()
	return &testSource{
		window: playlist.NewWindow(cfg, playlist.Constants{Target: 2, PartTarget: media.Second / 4}, playlist.Start{}, nil),
		bucket: memory.New(),
	}
}

func (s *testSource) begin(msn int64) {
	s.open = &media.Segment{Publication: "s", MSN: msn, Independent: true, ProgramDateTime: time.Unix(1_800_000_000, 0).Add(s.clock.Duration())}
	s.window.Open(*s.open)
}

func (s *testSource) part() {
	s.partOf(fmt.Appendf(nil, "<%d.%d>", s.open.MSN, len(s.open.Parts)))
}

func (s *testSource) partOf(data []byte) {
	p := &media.Part{
		Publication: "s", MSN: s.open.MSN, Number: s.parts, Offset: s.open.Size, Start: s.clock,
		Duration: media.Second / 4, Data: data, Arrived: s.arrived,
	}
	s.parts++
	p.Size = int64(len(p.Data))
	s.clock += p.Duration
	s.open.Parts = append(s.open.Parts, p)
	s.open.Size += p.Size
	s.open.Duration += p.Duration
	s.window.Part(p)
	s.window.Commit()
}

// segment adds one whole segment; stored ones are in the bucket, and leave
// memory with the next segment.
func (s *testSource) segment(t testing.TB, msn int64, stored bool) {
	t.Helper()
	s.begin(msn)
	for range 8 {
		s.part()
	}
	s.finish(t, stored)
}

// finish completes the open segment, and lists it without waiting for the next part.
func (s *testSource) finish(t testing.TB, stored bool) {
	t.Helper()
	s.window.Close(s.open)
	s.window.Pause()
	s.window.Commit()
	if stored {
		o := storage.Object{Key: "live/b/source/" + s.open.Name(), Slabs: s.open.Slabs()}
		if err := s.bucket.Put(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		s.window.Snapshot().Entry("s", s.open.MSN).Stored()
	}
}

func (s *testSource) handler() *Handler {
	reg := prometheus.NewRegistry()
	return NewHandler(DefaultConfig(), s, Guard{}, audience.New(nil, reg), NewReadLimiter(100, nil), slog.New(slog.DiscardHandler), NewMetrics(reg))
}

func get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	return ask(h, http.MethodGet, path, header...)
}

func ask(h http.Handler, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func live(t testing.TB) *testSource {
	t.Helper()
	h := newTestSource()
	for msn := range int64(3) {
		h.segment(t, msn, true)
	}
	h.begin(3)
	h.part()
	return h
}

func TestHandler_ServesWithTheRightHeaders(t *testing.T) {
	h := live(t).handler()
	for path, want := range map[string]struct{ mime, cache string }{
		"/live/b/index.m3u8":        {"application/vnd.apple.mpegurl", "public, max-age=1"},
		"/live/b/source/index.m3u8": {"application/vnd.apple.mpegurl", "public, max-age=1"},
		"/live/b/source/s-0.ts":     {"video/mp2t", "public, max-age=31536000, immutable"},
		"/live/b/source/s-2.ts":     {"video/mp2t", "public, max-age=31536000, immutable"},
		"/live/b/source/s.11.ts":    {"video/mp2t", "public, max-age=31536000, immutable"},
		"/live/b/source/s.24.ts":    {"video/mp2t", "public, max-age=31536000, immutable"},
	} {
		w := get(h, path)
		head := ask(h, http.MethodHead, path)
		for name, value := range map[string]string{
			"Content-Type": want.mime, "Cache-Control": want.cache, "Access-Control-Allow-Origin": "*",
		} {
			if got := w.Header().Get(name); got != value || w.Code != 200 {
				t.Errorf("GET %s: %d %s: %q, want %q", path, w.Code, name, got, value)
			}
			if got := head.Header().Get(name); got != value || head.Code != 200 {
				t.Errorf("HEAD %s: %d %s: %q, want %q", path, head.Code, name, got, value)
			}
		}
		if head.Body.Len() > 0 || head.Header().Get("Content-Length") != fmt.Sprint(w.Body.Len()) {
			t.Errorf("HEAD %s: %d bytes, Content-Length %s, GET gives %d", path, head.Body.Len(), head.Header().Get("Content-Length"), w.Body.Len())
		}
		again := get(h, path, "If-None-Match", w.Header().Get("ETag"))
		if again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("GET %s with its ETag: status %d with %d bytes, want 304 without a body", path, again.Code, again.Body.Len())
		}
	}
}

func TestHandler_SegmentHasTheBytesOfItsParts(t *testing.T) {
	h := live(t).handler()
	for msn := range 3 {
		var parts strings.Builder
		for i := range 8 {
			parts.WriteString(get(h, fmt.Sprintf("/live/b/source/s.%d.ts", 8*msn+i)).Body.String())
		}
		if got := get(h, fmt.Sprintf("/live/b/source/s-%d.ts", msn)).Body.String(); got != parts.String() || got == "" {
			t.Errorf("segment %d is %q, its parts are %q", msn, got, parts.String())
		}
	}
}

func TestHandler_ServesRanges(t *testing.T) {
	h := live(t).handler()
	for _, path := range []string{"/live/b/source/s-0.ts", "/live/b/source/s-2.ts"} { // stored, in memory
		whole := get(h, path).Body.String()
		n := len(whole)
		for spec, want := range map[string]string{
			"bytes=0-0": whole[:1], "bytes=3-11": whole[3:12], "bytes=5-": whole[5:], "bytes=-4": whole[n-4:],
			"bytes=0-999": whole, "bytes=-999": whole, "Bytes=0-0": whole[:1],
			"bytes=0-9223372036854775807": whole, "bytes=0-18446744073709551615": whole,
			"bytes=1-99999999999999999999999999": whole[1:], "bytes=-18446744073709551616": whole,
			"bytes=0000000000000000000000003-4": whole[3:5],
		} {
			w := get(h, path, "Range", spec)
			if w.Code != http.StatusPartialContent || w.Body.String() != want {
				t.Errorf("%s %s: %d %q, want %q", path, spec, w.Code, w.Body, want)
			}
			if !strings.HasSuffix(w.Header().Get("Content-Range"), fmt.Sprintf("/%d", n)) {
				t.Errorf("%s %s: Content-Range is %q", path, spec, w.Header().Get("Content-Range"))
			}
		}
		for _, spec := range []string{"bytes=1-2,4-5", "items=1-2", "bytes=x-2", "bytes=7-3", "bytes=--1", "bytes=+1-2", "bytes=1-+2", "bytes=99999999999999999999-99999999999999999998", "bytes=", "bytes=-", "bytes"} {
			if w := get(h, path, "Range", spec); w.Code != 200 || w.Body.String() != whole {
				t.Errorf("%s %s: status %d, want 200 with the whole segment", path, spec, w.Code)
			}
		}
		for _, spec := range []string{"bytes=999-", "bytes=-0"} {
			w := get(h, path, "Range", spec)
			if w.Code != http.StatusRequestedRangeNotSatisfiable || w.Header().Get("Content-Range") != fmt.Sprintf("bytes */%d", n) {
				t.Errorf("%s %s: status %d, Content-Range %q, want 416", path, spec, w.Code, w.Header().Get("Content-Range"))
			}
		}
		if w := get(h, path, "Range", "bytes=0-0", "If-Range", `"other"`); w.Code != 200 {
			t.Errorf("%s: range of another version: status %d, want 200", path, w.Code)
		}
	}
}

// Rule 44 of package hlscheck.
func TestHandler_CompressesPlaylistsOnRequest(t *testing.T) {
	h := live(t).handler()
	plain := get(h, "/live/b/source/index.m3u8").Body.String()
	for accept, want := range map[string]bool{
		"gzip": true, "br, gzip;q=0.5": true, "deflate": false, "gzip;q=0": false, "": false,
	} {
		w := get(h, "/live/b/source/index.m3u8", "Accept-Encoding", accept)
		if got := w.Header().Get("Content-Encoding") == "gzip"; got != want {
			t.Errorf("Accept-Encoding %q: compressed %t", accept, got)
			continue
		}
		if !want {
			continue
		}
		zr, err := gzip.NewReader(w.Body)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(zr)
		if err != nil || string(text) != plain {
			t.Errorf("decompressed playlist is %q, error %v", text, err)
		}
		if w.Header().Get("ETag") == get(h, "/live/b/source/index.m3u8").Header().Get("ETag") {
			t.Error("the compressed and the plain playlist have the same ETag")
		}
	}
}

func TestHandler_RefusesUnknownPathsAndMethods(t *testing.T) {
	h := live(t).handler()
	for path, want := range map[string]int{
		"/live/":                       404,
		"/live/b":                      404,
		"/live/nobody/index.m3u8":      404,
		"/live/b/hd/index.m3u8":        404,
		"/live/b/source/":              404,
		"/live/b/source/s-3.ts":        404, // not complete yet
		"/live/b/source/s-9.ts":        404,
		"/live/b/source/other-0.ts":    404,
		"/live/b/source/../../etc":     404,
		"/live/b/source/s.107.ts":      404,
		"/live/b/source/index.m3u8/x":  404,
		"/live/b/source/s-0.ts?x=1":    200,
		"/live/b/source/index.m3u8?a":  200,
		"/live/b/source/index.m3u8?a=": 200,
	} {
		if w := get(h, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
	if w := ask(h, http.MethodPost, "/live/b/index.m3u8"); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d, want 405", w.Code)
	}
	if w := ask(h, http.MethodOptions, "/live/b/index.m3u8"); w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Headers") == "" {
		t.Errorf("OPTIONS: status %d, want 204", w.Code)
	}
}

// A ServeMux cleans paths before it routes them.
func TestHandler_PassesOtherPathsToTheNextHandler(t *testing.T) {
	next := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	h := live(t).handler().Before(next)
	for path, want := range map[string]int{
		"/live/b/index.m3u8": 200, "/live/b/source/s-0.ts": 200, "/live/nobody": 404,
		"/": 418, "/live": 418, "/v1/live/": 418, "/live/../v1": 418, "/live/b/./index.m3u8": 418,
		"/live//b/index.m3u8": 418, "/live/%2e%2e/v1": 418, "/live/..": 418,
	} {
		if w := get(h, path); w.Code != want {
			t.Errorf("%s: %d, want %d", path, w.Code, want)
		}
	}
}

// Rules 32 to 38 of package hlscheck.
func TestHandler_ChecksDeliveryDirectives(t *testing.T) {
	h := live(t).handler()
	for query, want := range map[string]int{
		"_HLS_msn=0":                         200, // 33
		"_HLS_msn=2":                         200,
		"_HLS_msn=3&_HLS_part=0":             200,
		"_HLS_part=1":                        400, // 34
		"_HLS_msn=6":                         400, // 35
		"_HLS_msn=99999999999":               400,
		"_HLS_msn=-1":                        400,
		"_HLS_msn=x":                         400,
		"_HLS_msn=":                          400,
		"_HLS_msn=1&_HLS_msn=2":              400,
		"_HLS_msn=3&_HLS_part=99":            400,
		"_HLS_msn=3&_HLS_part=-1":            400,
		"_HLS_skip=YES":                      200,
		"_HLS_skip=v2":                       200,
		"_HLS_skip=NO":                       400,
		"_HLS_future=1":                      200,
		"_HLS_msn=99999999999999999999999":   400,
		"_HLS_msn=1&_HLS_part=9999999999999": 400,
		"_HLS_msn=%zz":                       400,
	} {
		if w := get(h, "/live/b/source/index.m3u8?"+query); w.Code != want {
			t.Errorf("%s: %d %s, want %d", query, w.Code, w.Body, want)
		}
	}
}

// Rules 32 and 39 of package hlscheck: a request for the next part is answered when the part exists.
func TestHandler_BlocksUntilThePartExists(t *testing.T) {
	for path, want := range map[string]string{
		"/live/b/source/index.m3u8?_HLS_msn=3&_HLS_part=1": `URI="s.25.ts"`,
		"/live/b/source/s.25.ts":                           "<3.1>",
	} {
		synctest.Test(t, func(t *testing.T) {
			source := live(t)
			h := source.handler()
			answer := make(chan *httptest.ResponseRecorder)
			go func() { answer <- get(h, path) }()
			synctest.Wait()
			select {
			case w := <-answer:
				t.Fatalf("%s was answered before the part existed: status %d", path, w.Code)
			default:
			}
			source.part()
			if w := <-answer; w.Code != 200 || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d %q, want 200", path, w.Code, w.Body)
			}
		})
	}
}

// A playlist without a segment is not answered yet, whatever the request says.
func TestHandler_CountsRequestsThatWait(t *testing.T) {
	for name, begin := range map[string]func(*testing.T) (s *testSource, path string){
		"for a position": func(t *testing.T) (*testSource, string) {
			return live(t), "/live/b/source/index.m3u8?_HLS_msn=3"
		},
		"for a part": func(t *testing.T) (*testSource, string) {
			return live(t), "/live/b/source/s.25.ts"
		},
		"for the first segment": func(*testing.T) (*testSource, string) {
			s := newTestSource()
			s.begin(0)
			s.part()
			return s, "/live/b/source/index.m3u8"
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				source, path := begin(t)
				h := source.handler()
				answer := make(chan *httptest.ResponseRecorder)
				go func() { answer <- get(h, path) }()
				synctest.Wait()
				if n := testutil.ToFloat64(h.metrics.waiting); n != 1 {
					t.Errorf("%v requests wait, want 1", n)
				}
				for len(source.open.Parts) < 8 {
					source.part()
				}
				source.finish(t, false)
				if w := <-answer; w.Code != http.StatusOK {
					t.Errorf("status %d, want 200: %s", w.Code, w.Body)
				}
				if n := testutil.ToFloat64(h.metrics.waiting); n != 0 {
					t.Errorf("%v requests wait after the answer, want none", n)
				}
			})
		})
	}
}

// Rule 36 of package hlscheck.
func TestHandler_EndsAWaitAfterThreeTargetDurations(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := live(t).handler()
		began := time.Now()
		w := get(h, "/live/b/source/index.m3u8?_HLS_msn=3")
		if w.Code != http.StatusServiceUnavailable || time.Since(began) != 6*time.Second {
			t.Errorf("status %d after %s, want 503 after three target durations", w.Code, time.Since(began))
		}
	})
}

func TestHandler_EndsAWaitWhenTheClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := live(t).handler()
		ctx, leave := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() {
			r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/live/b/source/index.m3u8?_HLS_msn=3", nil)
			h.ServeHTTP(httptest.NewRecorder(), r)
			close(done)
		}()
		synctest.Wait()
		leave()
		<-done
		if n := testutil.ToFloat64(h.metrics.waiting); n != 0 {
			t.Errorf("%v requests wait after the client has left, want none", n)
		}
	})
}

// Rule 37 of package hlscheck.
func TestHandler_IgnoresDirectivesAfterTheEnd(t *testing.T) {
	source := live(t)
	source.window.Close(source.open)
	source.window.End()
	source.window.Commit()
	for _, query := range []string{"_HLS_msn=50", "_HLS_msn=4&_HLS_part=0", "_HLS_skip=YES"} {
		w := get(source.handler(), "/live/b/source/index.m3u8?"+query)
		if w.Code != 200 || !strings.Contains(w.Body.String(), "#EXT-X-ENDLIST") || strings.Contains(w.Body.String(), "EXT-X-SKIP") {
			t.Errorf("%s: status %d, want 200: %s", query, w.Code, w.Body)
		}
	}
}

func TestParseRange_NeverLeavesTheResource(t *testing.T) {
	for _, size := range []int64{0, 1, 10} {
		for _, spec := range []string{"bytes=0-", "bytes=-5", "bytes=3-2", "bytes=9-9", "bytes=9-10", "bytes=10-", "bytes= 1-2"} {
			from, length, _, err := parseRange(spec, size)
			if err == nil && (from < 0 || length < 0 || from+length > size) {
				t.Errorf("range %s of %d bytes is %d bytes from %d on", spec, size, length, from)
			}
		}
	}
}

func TestCut_ReturnsTheBytesOfTheRange(t *testing.T) {
	slabs := [][]byte{[]byte("abc"), []byte("d"), nil, []byte("efgh")}
	whole := bytes.Join(slabs, nil)
	for from := range len(whole) {
		for to := from + 1; to <= len(whole); to++ {
			if got := bytes.Join(cut(slabs, int64(from), int64(to-from)), nil); !bytes.Equal(got, whole[from:to]) {
				t.Errorf("[%d:%d) is %q, want %q", from, to, got, whole[from:to])
			}
		}
	}
}

func TestHandler_PreflightAllowsWhateverHeadersAPageSends(t *testing.T) {
	h := live(t).handler()
	const asked = "content-type, accept-encoding, authorization, traceparent"
	for _, path := range []string{"/live/b/index.m3u8", "/live/b/source/index.m3u8", "/live/b/source/s-0.ts", "/live/past/replay.m3u8", "/live/nobody/index.m3u8"} {
		w := ask(h, http.MethodOptions, path, "Origin", "https://a.test", "Access-Control-Request-Method", "GET", "Access-Control-Request-Headers", asked)
		if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Headers") != asked || w.Header().Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: status %d, headers %v", path, w.Code, w.Header())
		}
	}
}

// Segments, parts and initialization segments in CMAF, and the playlists in MPEG-TS beside them.
func TestHandler_ServesBothContainers(t *testing.T) {
	source := newTestSource()
	init := &media.Init{Name: "s-0.mp4", Data: []byte("ftyp moov")}
	source.open = &media.Segment{Container: media.CMAF, Init: init, Publication: "s", Independent: true, ProgramDateTime: time.Unix(1_800_000_000, 0)}
	source.window.Open(*source.open)
	p := &media.Part{Container: media.CMAF, Publication: "s", Duration: media.Second / 4, Data: []byte("moof mdat"), Size: 9}
	source.open.Parts, source.open.Size, source.open.Duration = []*media.Part{p}, 9, p.Duration
	source.window.Part(p)
	source.window.Close(source.open)
	source.window.Pause()
	source.window.Commit()
	h := source.handler()
	for path, want := range map[string]string{
		"/live/b/source/s-0.mp4": "video/mp4", "/live/b/source/s-0.m4s": "video/mp4", "/live/b/source/s.0.m4s": "video/mp4",
		"/live/b/index.m3u8": "application/vnd.apple.mpegurl", "/live/b/ts.m3u8": "application/vnd.apple.mpegurl",
		"/live/b/source/index.m3u8": "application/vnd.apple.mpegurl", "/live/b/source/ts.m3u8": "application/vnd.apple.mpegurl",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusOK || w.Header().Get("Content-Type") != want || w.Body.Len() == 0 {
			t.Errorf("%s: status %d, type %s, %d bytes", path, w.Code, w.Header().Get("Content-Type"), w.Body.Len())
		}
	}
	for _, path := range []string{"/live/b/source/s-0.ts", "/live/b/source/s-1.mp4", "/live/b/source/s.1.m4s", "/live/b/ts.mp4", "/live/b/source/source/ts.m3u8"} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d, want 404", path, w.Code)
		}
	}
}
