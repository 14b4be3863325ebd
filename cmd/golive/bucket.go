package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golive/internal/config"
	"golive/storage"
	"golive/storage/s3"
)

// probeTimeout is the time limit for probing the bucket.
const probeTimeout = time.Minute

// optionalProbeTimeout is the time limit at the start if the bucket is not required:
// broadcasters are waiting to reconnect.
const optionalProbeTimeout = 5 * time.Second

// prefixOf returns the prefix of all object keys.
func prefixOf(c storage.Config) string {
	if c.Backend == "s3" {
		return c.S3.Prefix
	}
	return "live"
}

// openS3 opens the bucket and probes it; keepsGzip is set if it keeps Content-Encoding. A
// failed probe is an error if storage.s3.required is set; otherwise it is logged.
func openS3(ctx context.Context, cfg storage.S3Config, log *slog.Logger) (b *s3.Bucket, keepsGzip bool, err error) {
	b, err = s3.New(ctx, cfg)
	if err != nil {
		return nil, false, err
	}
	patience := probeTimeout
	if !cfg.Required {
		patience = optionalProbeTimeout
	}
	probing, cancel := context.WithTimeoutCause(ctx, patience, errSlowBucket)
	defer cancel()
	report := b.Probe(probing)
	for _, f := range report {
		switch {
		case f.Err == nil:
		case f.Warning:
			log.Warn("bucket probe warning", "step", f.Step, "err", f.Err)
		case !cfg.Required:
			log.Error("bucket probe failed", "step", f.Step, "err", f.Err)
		}
	}
	if err := report.Err(); err != nil && cfg.Required {
		return nil, false, errors.Join(fmt.Errorf("the bucket of storage.s3 cannot be used: %w (set storage.s3.required: false to start without it)", err), b.Close())
	}
	return b, report.Passed("encoding"), nil
}

var errSlowBucket = errors.New("the bucket did not answer in time")

// probe probes the bucket of the configuration, and writes the results to w.
func probe(ctx context.Context, cfg config.Config, w io.Writer) error {
	if cfg.Storage.Backend != "s3" {
		_, err := fmt.Fprintf(w, "\n# probe: storage.backend is %s, and only s3 is probed\n", cfg.Storage.Backend)
		return err
	}
	b, err := s3.New(ctx, cfg.Storage.S3)
	if err != nil {
		return err
	}
	probing, cancel := context.WithTimeoutCause(ctx, probeTimeout, errSlowBucket)
	defer cancel()
	report := b.Probe(probing)
	fmt.Fprintln(w)
	for _, f := range report {
		result := "ok"
		switch {
		case f.Err != nil && f.Warning:
			result = "warning: " + f.Err.Error()
		case f.Err != nil:
			result = "FAILED"
		}
		fmt.Fprintf(w, "# probe: %-8s %s\n", f.Step, result)
	}
	return errors.Join(report.Err(), b.Close())
}
