//go:build linux

package broadcast

import (
	"context"
	"errors"
	"os"
	"path/filepath"
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
)

// A local disk that does not answer, as one on a stopped file server: the first segment is
// written to a pipe that nobody reads. It runs in real time, for a system call that hangs
// is none that synctest knows of.
func TestHub_LocalDiskThatHangsHoldsUpNobody(t *testing.T) {
	const soon = 500 * time.Millisecond // on a busy machine
	dir := t.TempDir()
	cfg := Settings{
		Config: Config{Linger: time.Minute, DrainTimeout: 100 * time.Millisecond}, Segmenter: segmenter.DefaultConfig(), Playlist: playlist.DefaultConfig(),
		ReconnectWindow: 15 * time.Second, Takeover: ingest.TakeoverAlways, Retention: storage.RetentionConfig{Replay: time.Hour}, Prefix: "live",
	}
	h := NewHub(cfg, openStores(t, dir, nil), discard(), NewMetrics(prometheus.NewRegistry()))
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- h.Run(ctx) }()
	quick := func(what string, f func()) {
		t.Helper()
		began := time.Now()
		if f(); time.Since(began) > soon {
			t.Errorf("%s took %v", what, time.Since(began))
		}
	}
	publish := func() (sink ingest.Sink, evicted chan error) {
		evicted = make(chan error, 1)
		quick("publish", func() {
			var err error
			if sink, err = h.Publish(ctx, "b", ingest.Publisher{Evict: func(cause error) { evicted <- cause }}); err != nil {
				t.Fatal(err)
			}
		})
		return sink, evicted
	}
	first, evicted := publish()
	b := (*h.broadcasts.Load())["b"]
	pipe := filepath.Join(dir, "live/b/source", (*b.publications.Load())[0]+"-0.ts")
	if err := errors.Join(os.MkdirAll(filepath.Dir(pipe), 0o700), syscall.Mkfifo(pipe, 0o600)); err != nil {
		t.Fatal(err)
	}
	defer func() { // let the writer go
		f, err := os.OpenFile(pipe, os.O_RDONLY|syscall.O_NONBLOCK, 0)
		if err != nil {
			t.Error(err)
			return
		}
		_ = f.Close() // what is written now fails
		<-b.keeper.Load().done
	}()
	write := func(sink ingest.Sink) {
		stream := mediatest.Stream{Video: mediatest.H264(640, 36), Audio: mediatest.AAC(), FPS: 30, GOP: 60, Length: 9 * time.Second, Epoch: time.Now()}
		quick("9 s of media", func() {
			for _, u := range stream.Units() {
				if err := sink.WriteUnit(u); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
	write(first)
	go func() { first.Close(<-evicted) }()
	second, evicted := publish() // takes over
	write(second)
	if r, err := h.Playlist(t.Context(), "b", SourceRendition, "index.m3u8", playlist.Directives{}); err != nil || strings.Count(string(r.Text.Plain), "#EXTINF") < 6 {
		t.Error("the broadcast cannot be watched")
	}
	go func() { second.Close(<-evicted) }()
	stop()
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "segments are lost") {
			t.Errorf("Run says: %v", err)
		}
	case <-time.After(stopTimeout + 10*time.Second):
		t.Fatal("the shutdown hangs")
	}
}
