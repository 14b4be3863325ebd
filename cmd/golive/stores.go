package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"golive/archive"
	"golive/broadcast"
	"golive/internal/config"
	"golive/storage"
	"golive/storage/disk"
	"golive/storage/s3"
)

// stores are where media is kept.
type stores struct {
	broadcast.Stores
	probe   *bucketProbe // nil where there is no S3 bucket
	closers []func() error
}

func (s *stores) close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c())
	}
	return errors.Join(errs...)
}

// openStores opens the stores of the configuration. It asks no bucket anything.
func openStores(ctx context.Context, cfg config.Config, reg prometheus.Registerer, log *slog.Logger) (_ *stores, err error) {
	s := &stores{}
	counts, records := storage.NewMetrics(reg), archive.NewMetrics(reg)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if cfg.Storage.Backend == "memory" {
		return s, nil
	}
	folder := localFolder(cfg)
	local := archive.Config{
		Layout: archive.Layout{Prefix: prefixOf(cfg.Storage)},
		Window: cfg.Playlist.Window,
		Sync:   cfg.Storage.Sync,
	}
	if cfg.Storage.Backend == "s3" {
		local.Uploaded, local.MaxBytes = true, int64(cfg.Storage.Spool.MaxBytes)
		if local.MaxBytes == 0 {
			log.Warn("storage.spool.max_bytes is unlimited", "hint", "in earlier versions 0 kept segments in memory; now they wait on the local disk")
		}
	}
	files, err := disk.New(folder)
	if err != nil {
		return nil, fmt.Errorf("open storage in %q: %w", folder, err)
	}
	s.closers = append(s.closers, files.Close)
	s.Local = archive.NewStore(files, local, log, records)
	s.Bucket = storage.Instrument(files, "disk", counts)
	if cfg.Storage.Backend == "disk" {
		return s, nil
	}
	b, err := s3.New(ctx, cfg.Storage.S3)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, b.Close)
	s.probe = &bucketProbe{bucket: b, log: log}
	s.Bucket = storage.Instrument(b, "s3", counts)
	switch cfg.Storage.S3.Gzip {
	case storage.SwitchOn:
		s.Bucket = storage.Compress(s.Bucket, func() bool { return true })
	case storage.SwitchAuto:
		s.Bucket = storage.Compress(s.Bucket, s.probe.keepsEncoding.Load)
	case storage.SwitchOff:
	}
	s.PutInterval = b.PutInterval()
	return s, nil
}

// localFolder returns the local folder of segments and logs.
func localFolder(cfg config.Config) string {
	if cfg.Storage.Backend == "s3" {
		return cfg.Storage.Spool.Dir(cfg.DataDir)
	}
	return filepath.Join(cfg.DataDir, "media")
}

// retention returns how long objects are kept. The memory backend keeps no replays: they
// would fill the memory.
func retention(c storage.Config) storage.RetentionConfig {
	r := c.Retention
	if c.Backend == "memory" {
		r.Replay = 0
	}
	return r
}
