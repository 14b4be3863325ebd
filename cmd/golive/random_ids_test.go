package main

import (
	"context"
	"crypto/rand"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/api"
	"golive/archive"
	"golive/broadcast"
	"golive/origin"
	"golive/origin/audience"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
	"golive/storage/disk"
	"golive/storage/storagetest/memory"
	"golive/web"
)

// countingBucket counts the requests to a bucket.
type countingBucket struct {
	storage.Bucket
	gets, lists atomic.Int64
}

func (c *countingBucket) Get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	c.gets.Add(1)
	return c.Bucket.Get(ctx, key, offset, length)
}

func (c *countingBucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	c.lists.Add(1)
	return c.Bucket.List(ctx, prefix)
}

func TestServe_UnknownIDsCauseNoRequestsToTheStore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, bucket := t.TempDir(), &countingBucket{Bucket: memory.New()}
		log, reg := slog.New(slog.DiscardHandler), prometheus.NewRegistry()
		layout := archive.Layout{Prefix: "live"}
		files, err := disk.New(dir)
		if err != nil {
			t.Fatal(err)
		}
		local := archive.NewStore(files, archive.Config{Layout: layout, Window: 30 * time.Second, Uploaded: true, Sync: storage.SyncNever}, log, archive.NewMetrics(reg))
		hub := broadcast.NewHub(broadcast.Settings{
			Config: broadcast.DefaultConfig(), Segmenter: segmenter.DefaultConfig(), Playlist: playlist.DefaultConfig(),
			Retention: storage.RetentionConfig{Replay: time.Hour}, Prefix: "live",
		}, broadcast.Stores{Local: local, Bucket: bucket}, log, broadcast.NewMetrics(reg))
		watching, reads := audience.New(nil, reg), origin.NewReadLimiter(100, nil)
		mux := http.NewServeMux()
		mux.Handle(origin.Prefix, origin.NewHandler(origin.DefaultConfig(), hub, origin.Guard{}, watching, reads, log, origin.NewMetrics(reg)))
		if _, err := api.Register(mux, api.DefaultConfig(), api.Parts{Directory: directory{hub, nil, watching, reads, ""}}); err != nil {
			t.Fatal(err)
		}
		pages, err := web.New(web.Config{RTMPPort: 1935})
		if err != nil {
			t.Fatal(err)
		}
		pages.Register(mux)
		status := func(path string) int {
			w := httptest.NewRecorder()
			mux.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
			_, _ = io.Copy(io.Discard, w.Body)
			return w.Code
		}
		for i := range 20_000 {
			id := rand.Text()[:12]
			paths := []string{
				"/v1/broadcasts/" + id,
				"/live/" + id + "/index.m3u8",
				"/live/" + id + "/source/index.m3u8",
				"/live/" + id + "/source/" + id + "-1.ts",
				"/live/" + id + "/source/" + id + ".1.m4s",
				"/live/" + id + "/source/" + id + "-1.m4s",
				"/live/" + id + "/source/" + id + "-1.mp4",
				"/live/" + id + "/replay.m3u8",
				"/live/" + id + "/source/replay-" + id + ".m3u8",
			}
			if path := paths[i%len(paths)]; status(path) != 404 {
				t.Fatalf("%s: %d", path, status(path))
			}
			if i%100 == 0 && status("/watch/"+id) != 200 { // the page waits for it
				t.Fatal("there is no page")
			}
		}
		if gets, lists := bucket.gets.Load(), bucket.lists.Load(); gets > 0 || lists > 2 {
			t.Errorf("%d GETs and %d lists", gets, lists)
		}

		// One that another node has put meanwhile is found within seconds.
		id, token := "theirs", archive.NewToken()
		due := time.Now().Add(time.Hour)
		header := archive.Header{Version: archive.Version, Meta: archive.Meta{Broadcast: id, Token: token, Began: time.Now()}, Ended: time.Now()}
		for _, o := range []storage.Object{
			header.Object(layout.Due(due, id, token)),
			{Key: layout.Replay(id), Slabs: [][]byte{[]byte("#EXTM3U\n")}},
		} {
			if err := bucket.Put(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		<-time.After(6 * time.Second)
		for _, path := range []string{"/live/theirs/replay.m3u8", "/v1/broadcasts/theirs"} {
			if got := status(path); got != 200 {
				t.Errorf("%s: %d", path, got)
			}
		}
	})
}
