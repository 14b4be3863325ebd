package api

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"golive/registry"
	"golive/rollout"
)

// discardedRecords is a Records that keeps nothing.
type discardedRecords struct{ *records }

func (discardedRecords) CreateBroadcast(_ context.Context, b registry.Broadcast) (registry.Broadcast, error) {
	return b, nil
}

// discardedResponse is an http.ResponseWriter that keeps only the status.
type discardedResponse struct {
	header http.Header
	status int
}

func (d *discardedResponse) Header() http.Header         { return d.header }
func (d *discardedResponse) WriteHeader(status int)      { d.status = status }
func (d *discardedResponse) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkCreateHandler measures what creating a broadcast takes besides its connection and the write
// of its record.
func BenchmarkCreateHandler(b *testing.B) {
	config := DefaultConfig()
	config.Limits.UserRate = 0
	mux := http.NewServeMux()
	if _, err := Register(mux, config, Parts{
		Server:    Server{Version: "test", Ingest: Ingest{RTMP: 1935, WebSocket: true}},
		Directory: catalogue{}, Records: discardedRecords{newRecords()}, Rollout: decider{rollout.New(rollout.DefaultConfig())},
	}); err != nil {
		b.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer dev:ann"}}
	w := &discardedResponse{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "/v1/broadcasts", strings.NewReader(`{"title":"Benchmark"}`))
		if err != nil {
			b.Fatal(err)
		}
		r.Header, r.Host, r.RemoteAddr = header, "live.example.com", "127.0.0.1:1"
		clear(w.header)
		if mux.ServeHTTP(w, r); w.status != http.StatusCreated {
			b.Fatal(w.status)
		}
	}
}
