package main

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/registry"
)

// startRegistry runs an embedded registry until the end of the test.
func startRegistry(t *testing.T) *registry.Registry {
	t.Helper()
	r := registry.New(registry.DefaultConfig(), registry.Node{Name: "a"}, t.TempDir(), slog.New(slog.DiscardHandler), registry.NewMetrics(prometheus.NewRegistry()))
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// addBroadcast makes a record, as soon as the registry is connected.
func addBroadcast(t *testing.T, r *registry.Registry, b registry.Broadcast) {
	t.Helper()
	for {
		_, err := r.CreateBroadcast(t.Context(), b)
		if err == nil {
			return
		}
		select {
		case <-time.After(10 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(err)
		}
	}
}

func TestChannels_LeadToWhatIsLiveOnThem(t *testing.T) {
	r := startRegistry(t)
	add := func(id string, state registry.State, change func(*registry.Broadcast)) {
		t.Helper()
		b := registry.Broadcast{ID: id, Channel: "news", Owner: "u", State: state}
		if change != nil {
			change(&b)
		}
		addBroadcast(t, r, b)
	}
	h := channels{r}.before(http.NotFoundHandler())
	get := func(path string) (int, string) {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Code, w.Header().Get("Location")
	}
	want := func(path string, status int, location string) {
		t.Helper()
		if s, l := get(path); s != status || l != location {
			t.Errorf("%s: %d %q, want %d %q", path, s, l, status, location)
		}
	}
	want("/watch/@news", 404, "")
	add("first", registry.Ended, nil)
	want("/watch/@news", 302, "first")
	want("/live/@news/index.m3u8", 404, "")
	add("live", registry.Live, nil)
	add("hidden", registry.Live, func(b *registry.Broadcast) { b.Preview = true })
	add("secret", registry.Live, func(b *registry.Broadcast) { b.Visibility = registry.Private })
	add("trial", registry.Live, func(b *registry.Broadcast) { b.Test = true })
	add("next", registry.Created, nil)
	want("/watch/@news", 302, "live")
	want("/embed/@news", 302, "live")
	want("/live/@news/index.m3u8", 302, "../live/index.m3u8")
	want("/live/@news/source/index.m3u8", 302, "../../live/source/index.m3u8")
	want("/live/@news/../../etc", 404, "")
	want("/live/@other/index.m3u8", 404, "")
	want("/live/news/index.m3u8", 404, "")
}
