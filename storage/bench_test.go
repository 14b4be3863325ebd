package storage_test

import (
	"context"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"golive/media"
	"golive/storage"
	"golive/storage/memory"
	"golive/storage/spool"
)

// BenchmarkOffer is what the media path pays for each segment while the bucket
// keeps up.
func BenchmarkOffer(b *testing.B) { offer(b, storage.ArchiverConfig{Prefix: prefix}) }

func offer(b *testing.B, cfg storage.ArchiverConfig) {
	b.Helper()
	x := silent{acked: make(chan struct{}, 1)}
	a := storage.NewArchiver(cfg, memory.New(), x,
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

// BenchmarkOffer_WithASpool is the same with a spool that is not needed.
func BenchmarkOffer_WithASpool(b *testing.B) {
	s, err := spool.Open(b.TempDir(), 1<<30)
	if err != nil {
		b.Fatal(err)
	}
	offer(b, storage.ArchiverConfig{Prefix: prefix, Spool: s})
	if err := s.Close(); err != nil {
		b.Error(err)
	}
}
