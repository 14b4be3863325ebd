package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"

	"golive/broadcast"
	"golive/internal/config"
	"golive/storage"
	"golive/storage/catalog"
	"golive/storage/disk"
	"golive/storage/memory"
	"golive/storage/spool"
)

// openStores opens where what is aired is kept, and says how to close it again.
func openStores(ctx context.Context, cfg config.Config, reg prometheus.Registerer, m *storage.Metrics, log *slog.Logger) (broadcast.Stores, func() error, error) {
	switch cfg.Storage.Backend {
	case "memory":
		return broadcast.Stores{Bucket: storage.Instrument(memory.New(), "memory", m)}, func() error { return nil }, nil
	case "disk":
		b, err := openDisk(cfg, "media")
		if err != nil {
			return broadcast.Stores{}, nil, err
		}
		counted := storage.Instrument(b, "disk", m)
		return broadcast.Stores{Bucket: counted, Local: counted}, b.Close, nil
	case "s3":
		return openRemote(ctx, cfg, reg, m, log)
	}
	return broadcast.Stores{}, nil, fmt.Errorf("storage.backend %q is not known", cfg.Storage.Backend)
}

func openDisk(cfg config.Config, name string) (*disk.Bucket, error) {
	b, err := disk.New(filepath.Join(cfg.DataDir, name))
	if err != nil {
		return nil, fmt.Errorf("open storage in data_dir %q: %w", cfg.DataDir, err)
	}
	return b, nil
}

// openRemote opens the bucket, and on this machine's disk what bridges the time
// while it is away: the spool, and copies of what is live.
func openRemote(ctx context.Context, cfg config.Config, reg prometheus.Registerer, m *storage.Metrics, log *slog.Logger) (stores broadcast.Stores, closeAll func() error, err error) {
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
	local, err := openDisk(cfg, "state")
	if err != nil {
		return stores, closeAll, err
	}
	closers = append(closers, local.Close)
	if c := cfg.Storage.Spool; c.MaxBytes > 0 {
		s, err := spool.Open(c.Dir(cfg.DataDir), int64(c.MaxBytes))
		if err != nil {
			return stores, closeAll, fmt.Errorf("open storage.spool: %w", err)
		}
		closers = append(closers, s.Close)
		reg.MustRegister(spool.NewCollector(s))
		stores.Spool = s
	}
	b, keepsGzip, err := openS3(ctx, cfg.Storage.S3, log)
	if err != nil {
		return stores, closeAll, err
	}
	closers = append(closers, b.Close)
	bucket := storage.Instrument(b, "s3", m)
	if compresses(cfg.Storage.S3, keepsGzip) {
		bucket = storage.Compress(bucket)
	}
	layout := catalog.Layout{Prefix: prefixOf(cfg.Storage)}
	stores.KeyPace = storage.NewKeyPace(b.PutInterval())
	stores.Bucket, stores.Local, stores.Shared = storage.Mirror(bucket, local, layout.Copying, log), local, true
	return stores, closeAll, nil
}

// compresses says whether large playlists are stored compressed.
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

// retention is for how long objects stay. A memory keeps no replays: it is what
// they would fill.
func retention(c storage.Config) storage.RetentionConfig {
	r := c.Retention
	if c.Backend == "memory" {
		r.Replay = 0
	}
	return r
}

var _ broadcast.Spool = (*spool.Spool)(nil)
