package storage_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"golive/media"
	"golive/storage"
	"golive/storage/memory"
)

// BenchmarkOffer is what the media path pays for each segment while the bucket
// keeps up.
func BenchmarkOffer(b *testing.B) {
	x := silent{acked: make(chan struct{}, 1)}
	a := storage.NewArchiver(storage.ArchiverConfig{Prefix: prefix}, memory.New(), x,
		slog.New(slog.DiscardHandler), storage.NewMetrics(prometheus.NewRegistry()))
	ctx, cancel := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	seg := segment(1, 1_125_000)
	b.ReportAllocs()
	for b.Loop() {
		a.Offer("source", seg)
		<-x.acked
	}
	cancel()
	<-ended
}

// silent is an Index without playlists.
type silent struct{ acked chan struct{} }

func (s silent) Acked(string, *media.Segment, bool) []storage.Object {
	s.acked <- struct{}{}
	return nil
}
