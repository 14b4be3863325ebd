//go:build linux

package broadcast

import (
	"context"
	"errors"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/ingest"
	"golive/internal/mediatest"
	"golive/playlist"
	"golive/segmenter"
	"golive/storage"
	"golive/storage/storagetest/memory"
)

// The tests of this file run in real time: synctest does not notice a system call that hangs.

// realHub is a Hub that runs until stop.
type realHub struct {
	*Hub
	tb    testing.TB
	dir   string
	stop  func()
	ended chan error // Run's result
}

func startRealHub(tb testing.TB, bucket storage.Bucket) *realHub {
	tb.Helper()
	dir := tb.TempDir()
	cfg := Settings{
		Config: Config{Linger: time.Minute, DrainTimeout: 100 * time.Millisecond}, Segmenter: segmenter.DefaultConfig(), Playlist: playlist.DefaultConfig(),
		ReconnectWindow: 15 * time.Second, Takeover: ingest.TakeoverAlways, Retention: storage.RetentionConfig{Replay: time.Hour}, Prefix: "live",
	}
	h := &realHub{
		Hub: NewHub(cfg, openStores(tb, dir, bucket), discard(), NewMetrics(prometheus.NewRegistry())),
		tb:  tb, dir: dir, ended: make(chan error, 1),
	}
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go func() { h.ended <- h.Run(ctx) }()
	return h
}

// publish publishes id. The publisher leaves when another one takes over.
func (h *realHub) publish(id string) ingest.Sink {
	h.tb.Helper()
	sinks := make(chan ingest.Sink, 1)
	sink, err := h.Publish(h.tb.Context(), id, ingest.Publisher{Evict: func(cause error) {
		go func() { (<-sinks).Close(cause) }()
	}})
	if err != nil {
		h.tb.Fatal(err)
	}
	sinks <- sink
	return sink
}

// hang makes the local disk hang for the broadcast, which has no segment yet: its first
// segment is written to a pipe that nobody reads. release ends that.
func (h *realHub) hang(id string) (release func()) {
	h.tb.Helper()
	b := (*h.broadcasts.Load())[id]
	pipe := filepath.Join(h.dir, "live", id, "source", (*b.publications.Load())[0]+"-1.ts")
	if err := errors.Join(os.MkdirAll(filepath.Dir(pipe), 0o700), syscall.Mkfifo(pipe, 0o600)); err != nil {
		h.tb.Fatal(err)
	}
	return func() {
		f, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			h.tb.Error(err)
			return
		}
		_ = f.Close() // writing to the pipe fails now
		<-b.archiver.Load().stopped
	}
}

// writeMedia writes 9 s of media.
func (h *realHub) writeMedia(sink ingest.Sink) {
	h.tb.Helper()
	stream := mediatest.Stream{Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: 60, Length: 9 * time.Second, Epoch: time.Now()}
	for _, u := range stream.Units() {
		if err := sink.WriteUnit(u); err != nil {
			h.tb.Fatal(err)
		}
	}
}

// The local disk does not answer, like one on a stopped file server.
func TestHub_HangingLocalDiskDelaysNoPublisher(t *testing.T) {
	h := startRealHub(t, nil)
	defer h.stop()
	first := h.publish("b")
	defer h.hang("b")()
	h.writeMedia(first)
	h.writeMedia(h.publish("b")) // takes over
	if r, err := h.Playlist(t.Context(), "b", SourceRendition, "index.m3u8", playlist.Directives{}); err != nil || strings.Count(string(r.Text.Plain), "#EXTINF") < 6 {
		t.Error("the broadcast cannot be watched")
	}
	h.publish("b").Close(nil)
	h.stop()
	select {
	case err := <-h.ended:
		if err == nil || !strings.Contains(err.Error(), "segments are lost") {
			t.Errorf("Run returned %v", err)
		}
	case <-time.After(stopTimeout + time.Minute): // on a busy machine
		t.Fatal("the shutdown hangs")
	}
}

// unresponsiveBucket is a bucket that does not answer requests, except for objects.
type unresponsiveBucket struct{ storage.Bucket }

func (unresponsiveBucket) Put(ctx context.Context, _ storage.Object) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (unresponsiveBucket) Delete(ctx context.Context, _ string) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

func (m unresponsiveBucket) List(ctx context.Context, prefix string) iter.Seq2[storage.Info, error] {
	<-ctx.Done()
	return m.Bucket.List(ctx, prefix)
}

// BenchmarkPublish reports how long a publisher waits for its grant (p99), with healthy stores
// and with failing ones.
func BenchmarkPublish(b *testing.B) {
	b.Run("healthy", func(b *testing.B) {
		h := startRealHub(b, memory.New())
		measurePublish(b, func(i int) string { return "b-" + strconv.Itoa(i) }, h)
	})
	b.Run("silent store", func(b *testing.B) {
		h := startRealHub(b, unresponsiveBucket{memory.New()})
		measurePublish(b, func(i int) string { return "b-" + strconv.Itoa(i) }, h)
	})
	b.Run("hung disk", func(b *testing.B) {
		h := startRealHub(b, nil)
		first := h.publish("hung")
		defer h.hang("hung")()
		h.writeMedia(first)
		measurePublish(b, func(i int) string { // takeovers, and new broadcasts
			if i%2 == 0 {
				return "hung"
			}
			return "b-" + strconv.Itoa(i)
		}, h)
	})
}

func measurePublish(b *testing.B, id func(i int) string, h *realHub) {
	b.Helper()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		name := id(i)
		began := time.Now()
		sink := h.publish(name)
		took = append(took, time.Since(began))
		if name != "hung" {
			sink.Close(nil)
		}
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	h.stop()
	if err := <-h.ended; err != nil && id(0) != "hung" {
		b.Error(err)
	}
}
