package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"golive/admin"
	"golive/api"
	"golive/broadcast"
	"golive/ingest"
	"golive/ingest/certificate"
	"golive/ingest/rtmp"
	"golive/internal/config"
	"golive/origin"
	"golive/storage"
	"golive/storage/disk"
	"golive/storage/memory"
	"golive/storage/s3"
	"golive/web"
)

// The strangers that are introduced here.
var (
	_ ingest.Stage        = (*broadcast.Hub)(nil)
	_ origin.Source       = (*broadcast.Hub)(nil)
	_ api.Directory       = directory{}
	_ storage.Bucket      = (*disk.Bucket)(nil)
	_ storage.Bucket      = (*memory.Bucket)(nil)
	_ storage.Bucket      = (*s3.Bucket)(nil)
	_ prometheus.Gatherer = (*prometheus.Registry)(nil)
)

// house is every room, ready to run.
type house struct {
	hub  *broadcast.Hub
	rtmp *rtmp.Server
	// certificate is that of the RTMPS door, nil when it is off.
	certificate *certificate.Files
	origin      *origin.Server
	admin       *origin.Server
	close       func() error
}

// wire makes the rooms and introduces them.
func wire(ctx context.Context, cfg config.Config, d doors, log *slog.Logger) (*house, error) {
	reg := prometheus.NewRegistry()
	reg.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))

	storageMetrics := storage.NewMetrics(reg)
	bucket, closeBucket, err := openBucket(ctx, cfg, storageMetrics, log)
	if err != nil {
		return nil, err
	}
	hub := broadcast.NewHub(broadcast.Settings{
		Config:          cfg.Broadcast,
		Segmenter:       cfg.Segmenter,
		Playlist:        cfg.Playlist,
		ReconnectWindow: cfg.Ingest.ReconnectWindow,
		Takeover:        cfg.Ingest.Publish.Takeover,
		KeepOnUnpublish: !cfg.Ingest.Publish.EndOnUnpublish,
		Prefix:          prefixOf(cfg.Storage),
	}, bucket, log, broadcast.NewMetrics(reg), storageMetrics)

	door, err := ingest.NewDoor(cfg.Ingest.Publish, ingest.NewSeats(cfg.Ingest.Limits, hub), log)
	if err != nil {
		return nil, err
	}
	var rtmps *certificate.Files
	if c := cfg.Ingest.RTMPS; d.rtmps != nil {
		if rtmps, err = certificate.Open(c.CertFile, c.KeyFile, log.With("protocol", "rtmps")); err != nil {
			return nil, fmt.Errorf("ingest.rtmps: %w", err)
		}
	}
	pages, err := web.New(web.Config{RTMPPort: portOf(d.rtmp.Addr().String()), Open: cfg.Ingest.Publish.Open, Version: version()})
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle(origin.Prefix, origin.NewHandler(hub, log, origin.NewMetrics(reg)))
	if err := api.Register(mux, version(), directory{hub}); err != nil {
		return nil, err
	}
	pages.Register(mux)

	ready := admin.Check{Name: "storage", Probe: hub.Archiving}
	return &house{
		hub:         hub,
		certificate: rtmps,
		rtmp:        rtmp.NewServer(cfg.Ingest, door, log, ingest.NewMetrics(reg)),
		origin:      origin.NewServer(mux, log),
		admin:       origin.NewServer(admin.NewHandler(reg, ready), log),
		close:       closeBucket,
	}, nil
}

func openBucket(ctx context.Context, cfg config.Config, m *storage.Metrics, log *slog.Logger) (storage.Bucket, func() error, error) {
	switch cfg.Storage.Backend {
	case "memory":
		return storage.Instrument(memory.New(), "memory", m), func() error { return nil }, nil
	case "disk":
		b, err := disk.New(filepath.Join(cfg.DataDir, "media"))
		if err != nil {
			return nil, nil, fmt.Errorf("open storage in data_dir %q: %w", cfg.DataDir, err)
		}
		return storage.Instrument(b, "disk", m), b.Close, nil
	case "s3":
		b, err := openS3(ctx, cfg.Storage.S3, log)
		if err != nil {
			return nil, nil, err
		}
		return storage.Instrument(b, "s3", m), b.Close, nil
	}
	return nil, nil, fmt.Errorf("storage.backend %q is not known", cfg.Storage.Backend)
}

// portOf is the port of a listener's address.
func portOf(address string) int {
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return 0
	}
	return n
}
