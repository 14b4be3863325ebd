package publisher

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"
)

// Run publishes until each stream has lasted cfg.Duration or ctx is done, and
// unpublishes cleanly; then the error is nil. A stream that fails does not stop
// the others; the error is that of the first to fail and how many failed, and
// wraps a *RefusedError if the server refused.
func Run(ctx context.Context, cfg Config, log *slog.Logger) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	to, err := parseTarget(cfg.URL)
	if err != nil {
		return err
	}
	src, err := parseSource(cfg.Source)
	if err != nil {
		return err
	}
	if cfg.Dial == nil {
		cfg.Dial = new(net.Dialer).DialContext
	}

	failures := make(chan error, cfg.Streams)
	var streams sync.WaitGroup
	for i := range cfg.Streams {
		s := &stream{
			cfg:    cfg,
			to:     to,
			src:    src,
			number: i + 1,
			log:    log.With("stream", i+1),
		}
		delay := cfg.Spread * time.Duration(i) / time.Duration(cfg.Streams)
		streams.Go(func() {
			if err := s.run(ctx, delay); err != nil {
				failures <- err
			}
		})
	}
	streams.Wait()
	switch n := len(failures); {
	case n == 0:
		return nil
	case cfg.Streams == 1:
		return <-failures
	default:
		return fmt.Errorf("%d of %d streams failed, the first with: %w", n, cfg.Streams, <-failures)
	}
}
