package broadcast

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/archive"
	"golive/ingest"
	"golive/internal/mediatest"
	"golive/media"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
	"golive/storage/disk"
)

// testHub is a running Hub. bucket has what it stores.
type testHub struct {
	*Hub
	t      *testing.T
	bucket storage.Bucket
	dir    string // of the local disk
	stop   context.CancelFunc
	done   chan struct{}
}

// newTestHub runs a Hub that keeps no replays, on an empty local disk.
func newTestHub(t *testing.T) *testHub {
	t.Helper()
	return newTestHubIn(t, t.TempDir(), 0)
}

// newTestHubIn runs a Hub that finds what another one left in the folder.
func newTestHubIn(t *testing.T, dir string, replay time.Duration, change ...func(*Settings)) *testHub {
	t.Helper()
	stores := openStores(t, dir, nil)
	s := newTestHubWith(t, stores.Local.Files(), stores, replay, change...)
	s.dir = dir
	return s
}

// openStores opens the local disk in dir, from which segments go to bucket if that is not nil.
func openStores(t testing.TB, dir string, bucket storage.Bucket) Stores {
	t.Helper()
	files, err := disk.New(dir)
	if err != nil {
		t.Fatal(err)
	}
	cfg := archive.Config{Layout: archive.Layout{Prefix: "live"}, Window: playlist.DefaultConfig().Window, Sync: storage.SyncNever}
	cfg.Uploaded = bucket != nil
	local := archive.NewStore(files, cfg, discard(), archive.NewMetrics(prometheus.NewRegistry()))
	if bucket == nil {
		bucket = files
	}
	return Stores{Local: local, Bucket: bucket}
}

// newTestHubWith runs a Hub over the stores, whose objects are in bucket. It keeps replays for
// the given time.
func newTestHubWith(t *testing.T, bucket storage.Bucket, stores Stores, replay time.Duration, change ...func(*Settings)) *testHub {
	t.Helper()
	s := &testHub{t: t, bucket: bucket, done: make(chan struct{})}
	cfg := Settings{
		Config:          DefaultConfig(),
		Segmenter:       segmenter.DefaultConfig(),
		Playlist:        playlist.DefaultConfig(),
		ReconnectWindow: 15 * time.Second,
		Retention:       storage.RetentionConfig{Replay: replay},
		Prefix:          "live",
	}
	for _, c := range change {
		c(&cfg)
	}
	s.Hub = NewHub(cfg, stores, discard(), NewMetrics(prometheus.NewRegistry()))
	if err := s.Restore(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	go func() {
		defer close(s.done)
		if err := s.Run(ctx); err != nil {
			t.Error(err)
		}
	}()
	t.Cleanup(func() {
		stop()
		<-s.done
	})
	return s
}

// encoder is a publisher.
type encoder struct {
	sink    ingest.Sink
	evicted chan error
	video   *media.Track
	audio   *media.Track
	smaller *media.Track // of a second rendition
	played  time.Duration
}

// withNumber returns a copy of the track with a track number.
func withNumber(t *media.Track, number int) *media.Track {
	additional := *t
	additional.Number = number
	return &additional
}

func (s *testHub) publish(id string) (*encoder, error) {
	e := &encoder{evicted: make(chan error, 1), video: mediatest.H264(640, 36), audio: mediatest.AAC(), smaller: withNumber(mediatest.H264(320, 18), 1)}
	p := ingest.Publisher{
		Request: ingest.Request{Protocol: "test", Remote: "192.0.2.1:1", Encoder: "tester"},
		Evict:   func(cause error) { e.evicted <- cause },
	}
	sink, err := s.Publish(s.t.Context(), id, p)
	e.sink = sink
	return e, err
}

func (s *testHub) mustPublish(id string) *encoder {
	s.t.Helper()
	e, err := s.publish(id)
	if err != nil {
		s.t.Fatal(err)
	}
	return e
}

// play sends a stream in real time. The next call continues it.
func (e *encoder) play(t *testing.T, length time.Duration) {
	t.Helper()
	units := mediatest.Stream{
		Video: e.video, Audio: e.audio, FPS: 30, GOP: 60, Length: length,
		Offset: media.TicksFromDuration(e.played), Epoch: time.Now(),
	}.Units()
	e.played += length
	for _, u := range units {
		if wait := time.Until(u.Arrived); wait > 0 {
			<-time.After(wait)
		}
		if err := e.sink.WriteUnit(u); err != nil {
			t.Fatal(err)
		}
	}
}

// livePlaylist returns the low-latency playlist of the source.
func (s *testHub) livePlaylist(id string) string {
	s.t.Helper()
	b, ok := s.Find(id)
	if !ok || b.Window(SourceRendition, archive.PlaylistName) == nil {
		s.t.Fatalf("%s has no low-latency window", id)
	}
	return string(b.Window(SourceRendition, archive.PlaylistName).Snapshot().Full.Plain)
}

// tsPlaylist returns the MPEG-TS playlist of the source.
func (s *testHub) tsPlaylist(id string) string {
	s.t.Helper()
	w, ok := s.Window(id, SourceRendition)
	if !ok {
		s.t.Fatalf("%s has no window", id)
	}
	return string(w.Snapshot().Full.Plain)
}

func (s *testHub) state(id string) string {
	b, ok := s.Find(id)
	if !ok {
		return "forgotten"
	}
	return b.State().String()
}

func (s *testHub) keys(prefix string) []string {
	s.t.Helper()
	var keys []string
	for info, err := range s.bucket.List(s.t.Context(), prefix) {
		if err != nil {
			s.t.Fatal(err)
		}
		keys = append(keys, info.Key)
	}
	return keys
}

func TestHub_IsWatchableWithTheFirstPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		if _, ok := s.Multivariant("b"); ok || s.state("b") != "starting" {
			t.Errorf("state before any media: %s, want starting and no playlist", s.state("b"))
		}
		e.play(t, 400*time.Millisecond)
		text, ok := s.Multivariant("b")
		if !ok || !strings.Contains(string(text.Plain), `CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x36,FRAME-RATE=30.000`) {
			t.Errorf("the multivariant playlist does not declare the stream:\n%s", text.Plain)
		}
		if !strings.Contains(s.livePlaylist("b"), ".0.m4s\",INDEPENDENT=YES") || s.state("b") != "live" {
			t.Errorf("state %s, want live with an independent part:\n%s", s.state("b"), s.livePlaylist("b"))
		}
		e.sink.Close(nil)
	})
}

func TestHub_CleanStopEndsAtOnceAndIsForgottenAfterTheLinger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, 5*time.Second)
		e.sink.Close(nil)
		synctest.Wait()
		if s.state("b") != "ended" || !strings.HasSuffix(s.tsPlaylist("b"), "#EXT-X-ENDLIST\n") {
			t.Errorf("state %s, want ended:\n%s", s.state("b"), s.tsPlaylist("b"))
		}
		r, err := s.bucket.Get(t.Context(), "live/b/source/index.m3u8", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		stored, err := io.ReadAll(r.Body)
		if err != nil || !strings.HasSuffix(string(stored), "#EXT-X-ENDLIST\n") || strings.Count(string(stored), "#EXTINF") != 3 {
			t.Errorf("the bucket has %q, %v", stored, err)
		}
		<-time.After(time.Minute + time.Second)
		if s.state("b") != "forgotten" {
			t.Errorf("state after the linger: %s, want forgotten", s.state("b"))
		}
		if keys := s.keys(""); len(keys) > 0 {
			t.Errorf("the bucket still has %v", keys)
		}
	})
}

func TestHub_LostPublisherReturnsToTheSamePlaylist(t *testing.T) {
	for _, away := range []time.Duration{200 * time.Millisecond, 2 * time.Second, 12 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestHub(t)
			e := s.mustPublish("b")
			e.play(t, 5*time.Second)
			w, _ := s.Window("b", SourceRendition)
			e.sink.Close(errors.New("connection reset"))
			synctest.Wait()
			if s.state("b") != "reconnecting" || strings.Contains(s.tsPlaylist("b"), "ENDLIST") || strings.Contains(s.tsPlaylist("b"), "PRELOAD-HINT") {
				t.Errorf("%s: %s", s.state("b"), s.tsPlaylist("b"))
			}
			<-time.After(away)
			e = s.mustPublish("b")
			e.play(t, 5*time.Second)
			if again, _ := s.Window("b", SourceRendition); again != w {
				t.Error("the window is not the same")
			}
			text := s.tsPlaylist("b")
			if strings.Count(text, "#EXT-X-DISCONTINUITY\n") != 1 || !strings.Contains(text, "#EXT-X-MEDIA-SEQUENCE:1\n") {
				t.Errorf("after %s the playlist, which must have one discontinuity, is\n%s", away, text)
			}
			e.sink.Close(nil)
		})
	}
}

func TestHub_BroadcastEndsIfItsPublisherDoesNotReconnectInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, 5*time.Second)
		e.sink.Close(errors.New("connection reset"))
		<-time.After(20 * time.Second)
		if s.state("b") != "ended" || !strings.Contains(s.tsPlaylist("b"), "#EXT-X-ENDLIST") {
			t.Errorf("state after 20 s: %s, want ended", s.state("b"))
		}
	})
}

func TestHub_SecondBroadcastOfAnIDContinuesItsNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		for range 2 {
			e := s.mustPublish("b")
			e.play(t, 5*time.Second)
			e.sink.Close(nil)
			synctest.Wait()
		}
		text := s.tsPlaylist("b")
		if !strings.Contains(text, "#EXT-X-MEDIA-SEQUENCE:4\n") || strings.Count(text, "#EXTINF") != 3 {
			t.Errorf("the second broadcast does not begin with segment 4:\n%s", text)
		}
		<-time.After(2 * time.Minute)
		if keys := s.keys(""); len(keys) > 0 {
			t.Errorf("the bucket still has %v", keys)
		}
	})
}

func TestHub_RefusesASecondPublisherWhileTheFirstSends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, time.Second)
		if _, err := s.publish("b"); !errors.Is(err, ingest.ErrTaken) {
			t.Errorf("error %v, want ErrTaken", err)
		}
		if other := s.mustPublish("other"); other == nil {
			t.Error("another id was refused")
		} else {
			other.sink.Close(nil)
		}
		e.sink.Close(nil)
	})
}

func TestHub_SecondPublisherTakesOverFromASilentOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		old := s.mustPublish("b")
		old.play(t, 3*time.Second)
		time.Sleep(2 * time.Second) // the connection is dead, but TCP has not noticed
		go func() {
			if cause := <-old.evicted; !errors.Is(cause, errTakenOver) {
				t.Errorf("evicted because %v, want %v", cause, errTakenOver)
			}
			old.sink.Close(errTakenOver)
		}()
		e := s.mustPublish("b")
		e.play(t, 3*time.Second)
		text := s.tsPlaylist("b")
		if s.state("b") != "live" || strings.Count(text, "#EXT-X-DISCONTINUITY\n") != 1 {
			t.Errorf("state %s, want live with one discontinuity:\n%s", s.state("b"), text)
		}
		e.sink.Close(nil)
	})
}

func TestHub_ShutdownEndsBroadcastsAndKeepsThemInTheBucket(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, 5*time.Second)
		go func() { e.sink.Close(<-e.evicted) }()
		s.stop()
		<-s.done
		r, err := s.bucket.Get(t.Context(), "live/b/source/index.m3u8", 0, -1)
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(r.Body); err != nil || !strings.Contains(string(text), "#EXT-X-ENDLIST") {
			t.Errorf("the bucket has %q, %v", text, err)
		}
		if _, err := s.publish("b"); !errors.Is(err, ingest.ErrClosing) {
			t.Errorf("publishing after the shutdown: error %v, want ErrClosing", err)
		}
		// HTTP continues for a while, so that players can load the end.
		if !strings.Contains(s.tsPlaylist("b"), "#EXT-X-ENDLIST") {
			t.Error("the playlist with the end is no longer available")
		}
	})
}

func TestHub_KeepsTheNewestWarningOfEachCode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		w, ok := e.sink.(ingest.Warner)
		if !ok {
			t.Fatal("the sink takes no warnings")
		}
		for range 3 {
			w.Warn(ingest.Warning{Code: ingest.WarnAudioUnsupported, Text: "the sound is MP3"})
		}
		b, _ := s.Find("b")
		began := time.Now()
		time.Sleep(time.Second)
		w.Warn(ingest.Warning{Code: ingest.WarnAudioUnsupported, Text: "the sound is Speex"})
		got := b.Status().Warnings
		if len(got) != 1 || got[0].Text != "the sound is Speex" || !got[0].Since.Equal(began) {
			t.Errorf("warnings %q", got)
		}
		w.ClearWarning(ingest.WarnAudioUnsupported)
		if got := b.Status().Warnings; got == nil || len(got) != 0 {
			t.Errorf("warnings %q after the warning was cleared", got)
		}
		e.sink.Close(nil)
	})
}

func TestHub_NothingIsLeftAfterManyBroadcasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		for range 200 {
			e := s.mustPublish("b")
			e.play(t, 300*time.Millisecond)
			e.sink.Close(nil)
			synctest.Wait()
		}
		<-time.After(5 * time.Minute)
		if len(s.List()) > 0 || len(s.keys("")) > 0 {
			t.Errorf("%d broadcasts and %d objects are left", len(s.List()), len(s.keys("")))
		}
	})
}

func TestHub_StoredSegmentsLeaveMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, 40*time.Second)
		w, _ := s.Window("b", SourceRendition)
		held := 0
		for _, entry := range w.Snapshot().Listed() {
			if entry.Segment().Slabs() != nil {
				held++
			}
		}
		if held > 2 {
			t.Errorf("%d complete segments are in memory, want 2 at most", held)
		}
		e.sink.Close(nil)
	})
}

func BenchmarkPublication_WriteUnit(b *testing.B) {
	h := NewHub(Settings{
		Config: DefaultConfig(), Segmenter: segmenter.DefaultConfig(), Playlist: playlist.DefaultConfig(),
		ReconnectWindow: time.Second, Prefix: "live",
	}, Stores{}, discard(), NewMetrics(prometheus.NewRegistry()))
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	go func() { defer close(done); _ = h.Run(ctx) }()
	sink, err := h.Publish(ctx, "b", ingest.Publisher{Evict: func(error) {}})
	if err != nil {
		b.Fatal(err)
	}
	units := mediatest.Stream{
		Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: 60,
		Length: 2 * time.Second, Epoch: time.Now(), BitRate: 4_500_000,
	}.Units()
	var bytes int64
	for _, u := range units {
		bytes += int64(len(u.Data))
	}
	b.ReportAllocs()
	b.SetBytes(bytes / int64(len(units)))
	i, lap := 0, media.Ticks(0)
	for b.Loop() {
		u := units[i]
		u.DTS += lap
		u.PTS += lap
		if err := sink.WriteUnit(u); err != nil {
			b.Fatal(err)
		}
		if i++; i == len(units) {
			i, lap = 0, lap+2*media.Second
		}
	}
	b.StopTimer()
	sink.Close(nil)
	cancel()
	<-done
}
