package main

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golive/api"
	"golive/internal/config"
	"golive/storage/s3/s3test"
)

// onS3 configures a store that keeps nothing waiting at the end of the test.
func onS3(f *s3test.Fake) func(*config.Config) {
	return func(c *config.Config) {
		c.Storage.Backend, c.Storage.S3 = "s3", f.Config()
		c.Broadcast.DrainTimeout = 0
	}
}

// readyWith waits until /readyz, which must answer 200, has the text.
func (s *running) readyWith(t *testing.T, text string) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		status, got := s.ready(t, "?for=ingest")
		if status == http.StatusOK && strings.Contains(got, text) {
			return
		}
		if status != http.StatusOK || time.Now().After(deadline) {
			t.Fatalf("%d %q, want 200 with %q", status, got, text)
		}
	}
}

func TestServe_TakesPublishersWhileTheBucketSaysNothing(t *testing.T) {
	var silence s3test.Silence
	silence.On.Store(true)
	s := startInMemory(t, onS3(s3test.NewFake(t, silence.Hold)))
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.readyWith(t, "bucket: the first probe is not finished")
	s.mediaPlaylist(t, "studio", "#EXTINF:")
}

func TestServe_ShowsAProbeThatFailsAndTriesAgain(t *testing.T) {
	var forbidden atomic.Bool
	forbidden.Store(true)
	f := s3test.NewFake(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if forbidden.Load() && r.Method == http.MethodDelete {
				s3test.Refuse(w, r, http.StatusForbidden, "AccessDenied", "no")
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	s := startInMemory(t, onS3(f))
	e := s.publish(t, "studio")
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	s.readyWith(t, "bucket: delete live/golive-probe-")
	s.status(t, "studio", "what the probe found", func(b api.Broadcast) bool {
		return b.StorageError != nil && strings.Contains(*b.StorageError, "s3:DeleteObject")
	})
	forbidden.Store(false)
	s.readyWith(t, "bucket: ok")
	s.status(t, "studio", "no complaint", func(b api.Broadcast) bool { return b.StorageError == nil })
}

func TestServe_IsNotReadyForPublishersWhenTheBucketIsAnotherRegistrys(t *testing.T) {
	f := s3test.NewFake(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/~registry.json") {
				_, _ = w.Write([]byte(`{"registry":"another"}`))
				return
			}
			next.ServeHTTP(w, r)
		})
	})
	s := startInMemory(t, onS3(f))
	e := s.publish(t, "studio") // golive ends when nothing is live
	e.videoConfig(0, large())
	e.video(0, 4400, 2000)
	const want = "bucket_registry: the bucket belongs to registry another, and this node's registry is "
	for deadline := time.Now().Add(patience); ; <-time.After(20 * time.Millisecond) {
		status, got := s.ready(t, "?for=ingest")
		if status == http.StatusServiceUnavailable && strings.Contains(got, want) {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d %q, want 503 with %q", status, got, want)
		}
	}
	if status, got := s.ready(t, "?for=viewers"); status != http.StatusOK || strings.Contains(got, "bucket_registry") {
		t.Errorf("for viewers: %d %q", status, got)
	}
	s.mediaPlaylist(t, "studio", "#EXTINF:")
	for _, key := range f.Keys() {
		if strings.HasSuffix(key, ".ts") || strings.HasSuffix(key, ".m3u8") {
			t.Errorf("%s was written to the bucket", key)
		}
	}
}
