package origin

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/origin/audience"
	"golive/playlist"
	"golive/storage"
)

func TestHandler_ServesReplays(t *testing.T) {
	source := live(t)
	source.replay = "#EXTM3U\nsource/old-7.ts\n"
	body := []byte("0123456789")
	for _, id := range []string{"past", "b"} {
		if err := source.bucket.Put(t.Context(), storage.Object{Key: "archived/" + id + "/source/old-7.ts", Slabs: [][]byte{body}}); err != nil {
			t.Fatal(err)
		}
	}
	h := source.handler()
	for _, c := range []struct {
		path, bytes string
		status      int
		body, cache string
	}{
		{"/live/past/replay.m3u8", "", 200, source.replay, "public, max-age=1"},
		{"/live/past/replay-T.m3u8", "", 200, source.replay, "public, max-age=3600"},
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
			t.Errorf("%s, range %q: status %d, body %q, headers %v", c.path, c.bytes, w.Code, w.Body, w.Header())
		}
	}
	w := ask(h, http.MethodHead, "/live/past/source/old-7.ts")
	if w.Code != 200 || w.Header().Get("Content-Length") != "10" || w.Body.Len() != 0 {
		t.Errorf("HEAD: status %d, headers %v, body %q", w.Code, w.Header(), w.Body)
	}
	if w := get(h, "/live/past/source/old-7.ts", "If-None-Match", w.Header().Get("ETag")); w.Code != 304 {
		t.Errorf("If-None-Match: status %d, want 304", w.Code)
	}
}

// slowReplays is a Source whose replays take a second to read, or fail.
type slowReplays struct {
	*testSource
	reading, most atomic.Int64
	err           error
}

func (s *slowReplays) Playlist(context.Context, string, string, string, playlist.Directives) (playlist.Response, error) {
	s.most.Store(max(s.most.Load(), s.reading.Add(1)))
	<-time.After(time.Second)
	s.reading.Add(-1)
	return playlist.Response{Text: playlist.NewText([]byte("#EXTM3U\n"))}, s.err
}

func TestHandler_BoundsHowManyReplayPlaylistsAreReadAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowReplays{testSource: newTestSource()}
		reg := prometheus.NewRegistry()
		h := NewHandler(DefaultConfig(), s, Guard{}, audience.New(nil, reg), NewReadLimiter(4, nil), slog.New(slog.DiscardHandler), NewMetrics(reg))
		codes := make(chan int, 20)
		for range cap(codes) {
			go func() { codes <- get(h, "/live/past/replay.m3u8").Code }()
		}
		count := map[int]int{}
		for range cap(codes) {
			count[<-codes]++
		}
		if s.most.Load() != 1 || count[200] < 5 || count[200]+count[503] != cap(codes) {
			t.Errorf("%d playlists were read at once for one address; statuses %v", s.most.Load(), count)
		}
	})
}

func TestHandler_LogsRequestsThatFailOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowReplays{testSource: newTestSource(), err: errors.New("connection refused")}
		reg := prometheus.NewRegistry()
		var log strings.Builder
		h := NewHandler(DefaultConfig(), s, Guard{}, audience.New(nil, reg), NewReadLimiter(1000, nil), slog.New(slog.NewTextHandler(&log, nil)), NewMetrics(reg))
		var all sync.WaitGroup
		for range 200 {
			all.Go(func() {
				if w := get(h, "/live/past/replay.m3u8"); w.Code != http.StatusBadGateway {
					t.Errorf("status is %d", w.Code)
				}
			})
		}
		all.Wait()
		time.Sleep(2 * time.Second)
		synctest.Wait()
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], `err="connection refused"`) || !strings.Contains(lines[1], "count=199") {
			t.Errorf("log lines are %q", lines)
		}
	})
}
