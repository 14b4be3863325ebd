package broadcast

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"golive/archive"
	"golive/ingest"
	"golive/internal/mediatest"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
)

func TestHub_RestoreDeletesNothingThatItCannotRead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newTestHub(t)
		e := old.mustPublish("b")
		e.play(t, 10*time.Second)
		synctest.Wait()
		dir := old.copyDisk()
		e.sink.Close(nil)

		page := newestPage(t, dir)
		editFile(t, page, func(text string) string { return strings.Replace(text, `"version":1`, `"version":99`, 1) })
		stores := openStores(t, dir, nil)
		before := (&testHub{t: t, bucket: stores.Local.Files()}).keys("")
		h := NewHub(Settings{
			Config: DefaultConfig(), Segmenter: segmenter.DefaultConfig(), Playlist: playlist.DefaultConfig(), Prefix: "live",
		}, stores, discard(), NewMetrics(prometheus.NewRegistry()))
		if err := h.Restore(t.Context()); err == nil {
			t.Error("Restore returned no error")
		}
		if after := (&testHub{t: t, bucket: stores.Local.Files()}).keys(""); len(before) == 0 || !cmp.Equal(before, after) {
			t.Errorf("the folder had %v, now %v", before, after)
		}
	})
}

// newestPage returns the path of the newest page of the only log in a folder.
func newestPage(t *testing.T, dir string) string {
	t.Helper()
	pages, err := filepath.Glob(filepath.Join(dir, "live/b/log-*/*.jsonl"))
	if err != nil || len(pages) == 0 {
		t.Fatalf("pages %v: %v", pages, err)
	}
	return pages[len(pages)-1]
}

func editFile(t *testing.T, path string, change func(string) string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err == nil {
		err = os.WriteFile(path, []byte(change(string(text))), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// After a clock was set back, a lost broadcast must not stay live until the old time is reached.
func TestHub_RestoreWaitsNoLongerThanTheReconnectWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := newTestHub(t)
		e := old.mustPublish("b")
		e.play(t, 10*time.Second)
		synctest.Wait()
		dir := old.copyDisk()
		e.sink.Close(nil)
		editFile(t, newestPage(t, dir), func(text string) string {
			return regexp.MustCompile(`"(at|date)":"\d{4}`).ReplaceAllString(text, `"$1":"2999`)
		})
		s := newTestHubIn(t, dir, 0)
		synctest.Wait()
		if s.state("b") != "reconnecting" {
			t.Errorf("state after the restart: %s, want reconnecting", s.state("b"))
		}
		<-time.After(20 * time.Second)
		if s.state("b") != "ended" {
			t.Errorf("state after 20 s: %s, want ended", s.state("b"))
		}
	})
}

// panickingRecorder is a recorder that panics.
type panickingRecorder struct{ unrecorded }

func (panickingRecorder) Offer(string, *media.Segment) { panic("a bug") }

func TestHub_PanicWhenThePublisherLeavesEndsTheBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, time.Second)
		b, _ := s.Find("b")
		b.source().record = panickingRecorder{}
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was hidden")
				}
			}()
			e.sink.Close(errors.New("connection reset"))
		}()
		synctest.Wait()
		if s.state("b") != "ended" {
			t.Errorf("state is %s, want ended", s.state("b"))
		}
		again := s.mustPublish("b")
		again.play(t, time.Second)
		if s.state("b") != "live" {
			t.Errorf("the next broadcast is %s, want live", s.state("b"))
		}
		again.sink.Close(nil)
	})
}

func TestHub_WaitingPublisherThatLeavesDoesNotBlockTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		old := s.mustPublish("b")
		old.play(t, 3*time.Second)
		<-time.After(2 * time.Second)
		ctx, leave := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer leave()
		if _, err := s.Publish(ctx, "b", ingest.Publisher{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("error %v, want DeadlineExceeded", err)
		}
		time.AfterFunc(time.Second, func() { old.sink.Close(errTakenOver) })
		e := s.mustPublish("b")
		e.sink.Close(nil)
	})
}

func TestRendition_DoesNotDeclareIndependentSegmentsWithoutKeyFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		in := mediatest.Stream{Video: mediatest.H264(640, 36), FPS: 30, GOP: 60, Length: 60 * time.Second, Epoch: time.Now()}
		for i, u := range in.Units() {
			u.Key = u.Key && i < 900 // later pictures are as large, but no player can join there
			if err := e.sink.WriteUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		if strings.Contains(s.tsPlaylist("b"), "INDEPENDENT-SEGMENTS") {
			t.Errorf("media playlist:\n%s", s.tsPlaylist("b"))
		}
		if text, _ := s.Multivariant("b"); strings.Contains(string(text.Plain), "INDEPENDENT-SEGMENTS") {
			t.Errorf("multivariant playlist:\n%s", text.Plain)
		}
		e.sink.Close(nil)
	})
}

func TestHub_GapsAreListedAndNotStored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		in := mediatest.Stream{Video: mediatest.H264(640, 36), FPS: 30, GOP: 60, Length: 12 * time.Second, Epoch: time.Now()}
		for _, u := range in.Units() {
			if u.DTS >= 3*media.Second {
				u.DTS, u.PTS = u.DTS+10*media.Second, u.PTS+10*media.Second
			}
			if err := e.sink.WriteUnit(u); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if !strings.Contains(s.tsPlaylist("b"), "#EXT-X-GAP\n") {
			t.Errorf("no gap is listed:\n%s", s.tsPlaylist("b"))
		}
		for info, err := range s.bucket.List(t.Context(), "") {
			if err != nil {
				t.Fatal(err)
			}
			if info.Size == 0 {
				t.Errorf("%s is empty", info.Key)
			}
		}
		e.sink.Close(nil)
	})
}

func TestRendition_DescriptionAfterARestartIsThatOfTheNewTracks(t *testing.T) {
	for _, described := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			old := newTestHub(t)
			e := old.mustPublish("b")
			e.play(t, 10*time.Second)
			synctest.Wait()
			bucket := old.copyDisk()
			e.sink.Close(nil)
			if !described {
				editFile(t, newestPage(t, bucket), func(text string) string { return strings.ReplaceAll(text, `"kind":"rendition"`, `"kind":"other"`) })
			}
			s := newTestHubIn(t, bucket, 0)
			e = s.mustPublish("b")
			in := mediatest.Stream{
				Video: mediatest.H264(1280, 72), Audio: mediatest.AAC(), FPS: 30, GOP: 60, Length: 700 * time.Millisecond, Epoch: time.Now(),
			}
			for _, u := range in.Units() {
				if err := e.sink.WriteUnit(u); err != nil {
					t.Fatal(err)
				}
				text, ok := s.Multivariant("b")
				if ok && strings.Contains(string(text.Plain), `CODECS=""`) {
					t.Fatalf("no codecs are declared:\n%s", text.Plain)
				}
			}
			if text, _ := s.Multivariant("b"); text == nil || !strings.Contains(string(text.Plain), "RESOLUTION=1280x72") {
				t.Errorf("the multivariant playlist after the first parts has no RESOLUTION=1280x72:\n%s", text.Plain)
			}
			e.sink.Close(nil)
		})
	}
}

// Without low latency there is nothing to play before the first segment is complete.
func TestHub_PlainBroadcastIsWatchableWithTheFirstSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		s.cfg.Playlist.LowLatency = false
		e := s.mustPublish("b")
		e.play(t, 1500*time.Millisecond)
		if _, ok := s.Multivariant("b"); ok || s.state("b") != "starting" {
			t.Errorf("state before the first segment: %s, want starting and no playlist", s.state("b"))
		}
		e.sink.Close(errors.New("connection reset"))
		e = s.mustPublish("b")
		e.play(t, 2500*time.Millisecond)
		if _, ok := s.Multivariant("b"); !ok || s.state("b") != "live" || strings.Count(s.tsPlaylist("b"), "#EXTINF") != 2 {
			t.Errorf("state %s, want live with two segments:\n%s", s.state("b"), s.tsPlaylist("b"))
		}
		e.sink.Close(nil)
	})
}

// slowDeleteBucket is a bucket whose deletion of playlists waits until gate is closed.
type slowDeleteBucket struct {
	storage.Bucket
	deleting, gate chan struct{}
}

func (r *slowDeleteBucket) Delete(ctx context.Context, key string) error {
	if strings.HasSuffix(key, archive.PlaylistName) {
		select {
		case r.deleting <- struct{}{}:
		default:
		}
		<-r.gate
	}
	return r.Bucket.Delete(ctx, key)
}

func TestHub_DeletionOfABroadcastLeavesItsSuccessor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stores := openStores(t, t.TempDir(), nil)
		bucket := &slowDeleteBucket{Bucket: stores.Bucket, deleting: make(chan struct{}, 1), gate: make(chan struct{})}
		stores.Bucket = bucket
		s := newTestHubWith(t, stores.Local.Files(), stores, 0)
		e := s.mustPublish("b")
		e.play(t, 5*time.Second)
		e.sink.Close(nil)
		<-bucket.deleting
		e = s.mustPublish("b")
		e.play(t, 5*time.Second)
		close(bucket.gate)
		synctest.Wait()
		for _, key := range []string{"live/b/index.m3u8", "live/b/source/index.m3u8"} {
			if r, err := s.bucket.Get(t.Context(), key, 0, -1); err != nil {
				t.Errorf("%s: %v", key, err)
			} else if err := r.Close(); err != nil {
				t.Error(err)
			}
		}
		e.sink.Close(nil)
	})
}
