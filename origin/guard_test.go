package origin

import (
	"crypto/ed25519"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/archive"
	"golive/origin/audience"
	"golive/origin/playtoken"
)

// signer signs the tokens of these tests.
func signer() *playtoken.Signer { return playtoken.NewSigner(ed25519.NewKeyFromSeed(make([]byte, 32))) }

// accessTable is an Access: the token generations of the broadcasts that need a token.
type accessTable map[string]int

func (a accessTable) Protected(id string) (bool, int) {
	generation, ok := a[id]
	return ok, generation
}

// guarded returns a Handler of s with a guard.
func (s *testSource) guarded(g Guard) *Handler {
	reg := prometheus.NewRegistry()
	g.Tokens = signer().Verifier()
	return NewHandler(DefaultConfig(), s, g, audience.New(nil, reg), NewReadLimiter(100, nil), slog.New(slog.DiscardHandler), NewMetrics(reg))
}

// everything returns a source with a resource of each kind, and their paths. The replay is that of
// the broadcast "past".
func everything(t *testing.T) (*testSource, []string) {
	t.Helper()
	s := live(t)
	s.replay = "#EXTM3U\n"
	s.pictures = map[string]string{"b/poster.jpg": "jpeg", "past/" + archive.StoryboardName("T"): "WEBVTT", "past/" + archive.SheetName("T", 0): "jpeg"}
	return s, []string{
		"/live/b/index.m3u8", "/live/b/ts.m3u8",
		"/live/b/source/index.m3u8", "/live/b/source/ts.m3u8", "/live/b/source/index.m3u8?_HLS_msn=3&_HLS_part=0&_HLS_skip=YES",
		"/live/b/source/s.19.ts", "/live/b/source/s-2.ts", "/live/b/source/s-0.ts",
		"/live/past/replay.m3u8", "/live/b/poster.jpg", "/live/past/" + archive.StoryboardName("T"), "/live/past/" + archive.SheetName("T", 0),
	}
}

// withPathToken returns the path with a token for its broadcast.
func withPathToken(path, id, token string) string {
	return strings.Replace(path, "/live/"+id+"/", "/live/"+id+"/"+token+"/", 1)
}

func idOf(path string) string { return strings.Split(path, "/")[2] }

func TestGuard_AnswersAValidTokenAsPublicPlayback(t *testing.T) {
	s, paths := everything(t)
	public, guarded := s.handler(), s.guarded(Guard{Signed: true})
	for _, path := range paths {
		signed := withPathToken(path, idOf(path), signer().Sign(idOf(path), 0, time.Now().Add(time.Hour)))
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			want := ask(public, method, path)
			if want.Code != http.StatusOK {
				t.Fatalf("%s %s without a guard: status %d", method, path, want.Code)
			}
			if got := ask(guarded, method, signed); got.Code != want.Code || got.Body.String() != want.Body.String() {
				t.Errorf("%s %s: %d %q, want %d %q", method, path, got.Code, got.Body, want.Code, want.Body)
			}
			// The owner's player continues after the broadcast has become public.
			if got := ask(public, method, signed); got.Code != want.Code || got.Body.String() != want.Body.String() {
				t.Errorf("%s %s with a token that is not needed: %d %q, want %d %q", method, path, got.Code, got.Body, want.Code, want.Body)
			}
		}
	}
	part := ask(guarded, http.MethodGet, withPathToken("/live/b/source/s-2.ts", "b", signer().Sign("b", 0, time.Now().Add(time.Hour))), "Range", "bytes=1-3")
	if part.Code != http.StatusPartialContent || part.Body.Len() != 3 {
		t.Errorf("range with a token: %d %q", part.Code, part.Body)
	}
}

func TestGuard_RefusesEverythingWithoutAValidToken(t *testing.T) {
	s, paths := everything(t)
	handler := s.guarded(Guard{Signed: true, Grace: time.Minute, Access: accessTable{"b": 2, "past": 2, "nobody": 2}})
	paths = append(paths, "/live/b/other", "/live/b/source/other.txt", "/live/nobody/index.m3u8", "/live/nobody/source/s-0.ts", "/live/nobody/replay.m3u8")
	later := time.Now().Add(time.Hour)
	for _, path := range paths {
		id := idOf(path)
		for name, c := range map[string]struct{ token, want string }{
			"no token":                   {"", "a playback token is needed"},
			"an empty token":             {"~", "a playback token is needed"},
			"no JWT":                     {"~token", "is not valid"},
			"another broadcast's":        {signer().Sign("c", 2, later), "is for another broadcast"},
			"a revoked one":              {signer().Sign(id, 1, later), "was revoked"},
			"a revoked one in its grace": {signer().Sign(id, 1, time.Now().Add(-time.Second)), "was revoked"},
			"an expired one":             {signer().Sign(id, 2, time.Now().Add(-time.Hour)), "has expired"},
			"a forged one":               {playtoken.NewSigner(ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", 32)))).Sign(id, 2, later), "is not valid"},
		} {
			requested := path
			if c.token != "" {
				requested = withPathToken(path, id, c.token)
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				w := ask(handler, method, requested, "Range", "bytes=0-1", "If-None-Match", "*")
				if w.Code != http.StatusForbidden || method == http.MethodGet && !strings.Contains(w.Body.String(), c.want) {
					t.Errorf("%s %s with %s: %d %q, want a refusal", method, path, name, w.Code, w.Body)
				}
				if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Etag") != "" {
					t.Errorf("%s with %s: headers are %v", path, name, w.Header())
				}
			}
		}
	}
}

// The response must not show which broadcasts exist.
func TestGuard_AnswersTheSameWhetherABroadcastExistsOrNot(t *testing.T) {
	handler := live(t).guarded(Guard{Signed: true})
	there, absent := ask(handler, http.MethodGet, "/live/b/index.m3u8"), ask(handler, http.MethodGet, "/live/c/index.m3u8")
	if there.Code != absent.Code || there.Body.String() != absent.Body.String() || fmt.Sprint(there.Header()) != fmt.Sprint(absent.Header()) {
		t.Errorf("an existing broadcast: %d %q %v; an absent one: %d %q %v; want the same", there.Code, there.Body, there.Header(), absent.Code, absent.Body, absent.Header())
	}
}

func TestGuard_ProtectsPrivateBroadcastsWherePlaybackIsPublic(t *testing.T) {
	s, _ := everything(t)
	access := accessTable{"b": 0}
	handler := s.guarded(Guard{Access: access})
	if w := ask(handler, http.MethodGet, "/live/b/source/index.m3u8"); w.Code != http.StatusForbidden {
		t.Errorf("a private broadcast: status %d", w.Code)
	}
	if w := ask(handler, http.MethodGet, "/live/past/replay.m3u8"); w.Code != http.StatusOK {
		t.Errorf("a public broadcast: status %d, want 200", w.Code)
	}
	delete(access, "b") // its preview is over
	if w := ask(handler, http.MethodGet, "/live/b/source/index.m3u8"); w.Code != http.StatusOK {
		t.Errorf("after its preview: status %d, want 200", w.Code)
	}
}

func TestGuard_AllowsCachesAtMostAMinute(t *testing.T) {
	s, paths := everything(t)
	handler := s.guarded(Guard{Signed: true})
	for _, path := range paths {
		w := ask(handler, http.MethodGet, withPathToken(path, idOf(path), signer().Sign(idOf(path), 0, time.Now().Add(time.Hour))))
		var seconds int
		if _, err := fmt.Sscanf(w.Header().Get("Cache-Control"), "public, max-age=%d", &seconds); err != nil || seconds > 60 {
			t.Errorf("%s: Cache-Control is %q, want a max-age of at most 60", path, w.Header().Get("Cache-Control"))
		}
	}
}

func TestGuard_AcceptsAnExpiredTokenForMediaThatWasListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, paths := everything(t)
		handler := s.guarded(Guard{Signed: true, Grace: 30 * time.Second})
		expires := time.Now().Add(time.Minute)
		status := func(path string) int {
			return ask(handler, http.MethodGet, withPathToken(path, idOf(path), signer().Sign(idOf(path), 0, expires))).Code
		}
		time.Sleep(time.Minute)
		for _, path := range paths {
			want := http.StatusForbidden
			if strings.HasSuffix(path, ".ts") {
				want = http.StatusOK
			}
			if got := status(path); got != want {
				t.Errorf("%s after the token has expired: status %d, want %d", path, got, want)
			}
		}
		time.Sleep(30 * time.Second)
		for _, path := range paths {
			if got := status(path); got != http.StatusForbidden {
				t.Errorf("%s after the grace period: status %d", path, got)
			}
		}
	})
}

// A request is admitted when it arrives, also if it waits. The one after it is refused.
func TestGuard_AnswersARequestThatWaitsWhileItsTokenExpires(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := live(t)
		handler := s.guarded(Guard{Signed: true})
		token := signer().Sign("b", 0, time.Now().Add(2*time.Second))
		path := withPathToken("/live/b/source/index.m3u8?_HLS_msn=3&_HLS_part=1", "b", token)
		answers := make(chan *httptest.ResponseRecorder)
		go func() { answers <- ask(handler, http.MethodGet, path) }()
		time.Sleep(3 * time.Second)
		s.part()
		if w := <-answers; w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "#EXTM3U") {
			t.Errorf("the request that waited: %d %q, want 200", w.Code, w.Body)
		}
		if w := ask(handler, http.MethodGet, path); w.Code != http.StatusForbidden {
			t.Errorf("the next request: status %d, want a refusal", w.Code)
		}
	})
}

// The log must not hold tokens.
func TestWithoutToken_ReturnsThePathOfTheResource(t *testing.T) {
	for path, want := range map[string]string{
		"/live/b/~secret/source/s-0.ts":    "/live/b/source/s-0.ts",
		"/live/b/~secret/index.m3u8":       "/live/b/index.m3u8",
		"/live/b/~secret":                  "/live/b",
		"/live/b/source/s-0.ts":            "/live/b/source/s-0.ts",
		"/video/live/b/~secret/poster.jpg": "/video/live/b/poster.jpg",
	} {
		if got := withoutToken(path); got != want {
			t.Errorf("%s without its token is %s, want %s", path, got, want)
		}
	}
}

func BenchmarkGuard(b *testing.B) {
	token := signer().Sign("b", 0, time.Now().Add(time.Hour))
	for _, c := range []struct {
		name, path string
		guard      Guard
	}{
		{"public", "/live/b/source/index.m3u8", Guard{}},
		{"public with access", "/live/b/source/index.m3u8", Guard{Access: accessTable{}}},
		{"token", withPathToken("/live/b/source/index.m3u8", "b", token), Guard{Signed: true}},
		{"token with access", withPathToken("/live/b/source/index.m3u8", "b", token), Guard{Access: accessTable{"b": 0}}},
		{"refused", "/live/b/source/index.m3u8", Guard{Signed: true}},
	} {
		b.Run(c.name, func(b *testing.B) {
			handler := live(b).guarded(c.guard)
			r := httptest.NewRequest(http.MethodGet, c.path, http.NoBody)
			w := &sink{http.Header{}}
			b.ReportAllocs()
			for b.Loop() {
				clear(w.header)
				handler.ServeHTTP(w, r)
			}
		})
	}
}
