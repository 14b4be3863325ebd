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
)

// openStores opens the stores of the configured backend. closeAll closes them.
func openStores(ctx context.Context, cfg config.Config, reg prometheus.Registerer, log *slog.Logger) (stores broadcast.Stores, closeAll func() error, err error) {
	counts, records := storage.NewMetrics(reg), archive.NewMetrics(reg)
	var closers []func() error
	closeAll = func() error {
		var errs []error
		for _, c := range closers {
			errs = append(errs, c())
		}
		return errors.Join(errs...)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll())
		}
	}()
	if cfg.Storage.Backend == "memory" {
		return stores, closeAll, nil
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
		return stores, closeAll, fmt.Errorf("open storage in %q: %w", folder, err)
	}
	closers = append(closers, files.Close)
	if stores.Local, err = archive.Open(folder, local, log, records); err != nil {
		return stores, closeAll, err
	}
	closers = append(closers, stores.Local.Close)
	stores.Files = storage.Instrument(files, "disk", counts)
	stores.Bucket = stores.Files
	if cfg.Storage.Backend == "disk" {
		return stores, closeAll, nil
	}
	b, keepsGzip, err := openS3(ctx, cfg.Storage.S3, log)
	if err != nil {
		return stores, closeAll, err
	}
	closers = append(closers, b.Close)
	stores.Bucket = storage.Instrument(b, "s3", counts)
	if compresses(cfg.Storage.S3, keepsGzip) {
		stores.Bucket = storage.Compress(stores.Bucket)
	}
	stores.KeyPace = storage.NewKeyPace(b.PutInterval())
	return stores, closeAll, nil
}

// localFolder returns the local folder of segments and logs.
func localFolder(cfg config.Config) string {
	if cfg.Storage.Backend == "s3" {
		return cfg.Storage.Spool.Dir(cfg.DataDir)
	}
	return filepath.Join(cfg.DataDir, "media")
}

// compresses reports whether large playlists are stored compressed.
func compresses(c storage.S3Config, kept bool) bool {
	switch c.Gzip {
	case storage.SwitchOn:
		return true
	case storage.SwitchOff:
		return false
	default:
		return kept
	}
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
