package broadcast

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
	"golive/storage/storagetest/memory"
)

// runHub runs a Hub over the stores until stop is called. stop returns Run's error.
func runHub(t *testing.T, stores Stores, log *bytes.Buffer) (s *testHub, stop func() error) {
	t.Helper()
	cfg := Settings{
		Config: DefaultConfig(), Segmenter: segmenter.DefaultConfig(), Playlist: playlist.DefaultConfig(),
		ReconnectWindow: 15 * time.Second, Retention: storage.RetentionConfig{Replay: time.Hour}, Prefix: "live",
	}
	s = &testHub{t: t, Hub: NewHub(cfg, stores, slog.New(slog.NewTextHandler(log, nil)), NewMetrics(prometheus.NewRegistry()))}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return s, func() error { cancel(); return <-ended }
}

func TestHub_ShutdownWhileTheStoreIsUnavailableLogsWhatIsSpooled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket, n := &outageBucket{Bucket: memory.New()}, newNode(t)
		var log bytes.Buffer
		s, stop := runHub(t, openStores(t, n.dir, bucket), &log)
		e := s.mustPublish("b")
		e.play(t, 10*time.Second)
		bucket.away.Store(true)
		e.play(t, 10*time.Second)
		go func() { e.sink.Close(<-e.evicted) }()
		if err := stop(); err != nil {
			t.Errorf("nothing is lost, but Run returned %v", err)
		}
		if text := log.String(); strings.Contains(text, "was not archived whole") || strings.Contains(text, "level=ERROR") ||
			!strings.Contains(text, "rest of the broadcast is archived at the next start") {
			t.Errorf("the log is\n%s", text)
		}
	})
}

// hangingBucket is a bucket whose Put hangs while on is set.
type hangingBucket struct {
	*memory.Bucket
	on atomic.Bool
}

// Put returns after a minute at most, when the S3 client would give up.
func (b *hangingBucket) Put(ctx context.Context, o storage.Object) error {
	if b.on.Load() {
		select {
		case <-time.After(time.Minute):
			return errAway
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return b.Bucket.Put(ctx, o)
}

func TestHub_IsNotReadyTenSecondsAfterTheStoreStopsAnswering(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bucket := &hangingBucket{Bucket: memory.New()}
		s, stop := runHub(t, openStores(t, t.TempDir(), bucket), &bytes.Buffer{})
		e := s.mustPublish("b")
		e.play(t, 10*time.Second)
		bucket.on.Store(true)
		e.play(t, 8*time.Second)
		if err := s.Archiving(t.Context()); err != nil {
			t.Errorf("not ready after eight seconds: %v", err)
		}
		e.play(t, 2*time.Second)
		if err := s.Archiving(t.Context()); err == nil || !strings.Contains(err.Error(), "no answer from storage") {
			t.Errorf("after ten seconds: error %v, want one that says that there is no answer", err)
		}
		e.play(t, time.Minute)
		if err := s.Archiving(t.Context()); err == nil {
			t.Error("ready again while the store does not answer")
		}
		bucket.on.Store(false)
		e.play(t, 70*time.Second) // pending requests time out, and further ones succeed
		if err := s.Archiving(t.Context()); err != nil {
			t.Errorf("when the store answers again: %v", err)
		}
		e.sink.Close(nil)
		_ = stop()
	})
}
