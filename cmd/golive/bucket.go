package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"golive/internal/config"
	"golive/storage"
	"golive/storage/s3"
)

const (
	// probeTimeout is how long one probe of a bucket may take.
	probeTimeout = time.Minute
	// probeRetryMin and probeRetryMax bound the time between two probes.
	probeRetryMin, probeRetryMax = time.Second, 30 * time.Second
)

var (
	errSlowBucket = errors.New("the bucket did not answer in time")
	errNotProbed  = errors.New("the first probe is not finished")
)

// prefixOf returns the beginning of every key in the bucket.
func prefixOf(c storage.Config) string {
	if c.Backend == "s3" {
		return c.S3.Prefix
	}
	return "live"
}

// bucketProbe probes the bucket of storage.s3 until it can be used, while the server
// already serves. A nil bucketProbe, of the other backends, has nothing to do.
type bucketProbe struct {
	bucket *s3.Bucket
	log    *slog.Logger

	keepsEncoding atomic.Bool           // the bucket keeps Content-Encoding
	result        atomic.Pointer[error] // of the newest probe; nil before the first is finished
	failingSince  time.Time             // run's
}

// run blocks until a probe has passed or ctx is done.
func (p *bucketProbe) run(ctx context.Context) {
	if p == nil || p.check(ctx) == nil {
		return
	}
	for wait := probeRetryMin; ; wait = min(2*wait, probeRetryMax) {
		err := p.try(ctx)
		if err == nil || ctx.Err() != nil {
			return
		}
		select {
		case <-time.After(max(wait/2+rand.N(wait/2), storage.RetryAfter(err))):
		case <-ctx.Done():
			return
		}
	}
}

// require probes once, and returns an error when golive must not start.
func (p *bucketProbe) require(ctx context.Context) error {
	if p == nil {
		return nil
	}
	if err := p.try(ctx); err != nil {
		return fmt.Errorf("the bucket of storage.s3 cannot be used: %w (storage.s3.required: false starts without it)", err)
	}
	return nil
}

// try probes once, and logs what it has not logged before.
func (p *bucketProbe) try(ctx context.Context) error {
	before := p.result.Load()
	report := probeOnce(ctx, p.bucket)
	err := report.Err()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	p.keepsEncoding.Store(report.Passed("encoding"))
	p.result.Store(&err)
	switch {
	case err != nil:
		if p.failingSince.IsZero() {
			p.failingSince = time.Now()
		}
		if before == nil || (*before).Error() != err.Error() {
			p.log.Warn("bucket probe failed", "err", err, "hint", "it is tried again; meanwhile segments wait on the local disk")
		}
		return err
	case !p.failingSince.IsZero():
		p.log.Info("bucket probe passed", "duration", time.Since(p.failingSince).Round(time.Millisecond))
	}
	for _, f := range report {
		if f.Err != nil {
			p.log.Warn("bucket probe found a shortcoming", "step", f.Step, "err", f.Err)
		}
	}
	return nil
}

// check returns why the bucket cannot be used as far as is known; nil when it can.
func (p *bucketProbe) check(context.Context) error {
	if result := p.result.Load(); result != nil {
		return *result
	}
	return errNotProbed
}

// failure returns why the newest probe failed; nil when it passed, or none is finished.
func (p *bucketProbe) failure() error {
	if p == nil || p.result.Load() == nil {
		return nil
	}
	return *p.result.Load()
}

func probeOnce(ctx context.Context, b *s3.Bucket) s3.Report {
	ctx, cancel := context.WithTimeoutCause(ctx, probeTimeout, errSlowBucket)
	defer cancel()
	return b.Probe(ctx)
}

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
	report := probeOnce(ctx, b)
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
