package publisher

import (
	"bytes"
	"context"
	"log/slog"
	"time"

	"golive/container/flv"
)

// lagWarning is the lag above which a warning is logged.
const lagWarning = time.Second

// stream publishes one stream. It belongs to the goroutine of run.
type stream struct {
	cfg    Config
	to     target
	src    *source
	number int
	log    *slog.Logger

	start   time.Time
	report  Report
	payload bytes.Reader // reused for all messages
}

// run waits for delay and publishes. When ctx is done it unpublishes and returns nil.
func (s *stream) run(ctx context.Context, delay time.Duration) error {
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return nil
	case <-timer.C:
	}

	c, err := connect(ctx, s.cfg.Dial, s.to, s.to.streamName(s.number, s.cfg.Streams))
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	s.log.Info("publication started", "remote", s.to.address)
	s.start = time.Now()
	err = s.send(ctx, c, timer)
	s.report.Elapsed = time.Since(s.start)
	if err == nil {
		err = c.unpublish(context.WithoutCancel(ctx))
	}
	c.close()
	s.reportProgress(true)
	s.log.Info("publication ended", "duration", s.report.Elapsed.Round(time.Millisecond),
		"bytes", s.report.Bytes, "max_lag", s.report.MaxLag.Round(time.Millisecond), "err", err)
	return err
}

// send sends the metadata and then the loop's tags, each when it is due.
func (s *stream) send(ctx context.Context, c *conn, timer *time.Timer) error {
	if s.src.metadata != nil {
		if err := c.writeMetadata(ctx, s.src.metadata); err != nil {
			return ignoreCancelled(ctx, err)
		}
	}
	nextReport := s.cfg.ReportEvery
	for loop := int64(0); ; loop++ {
		for i := range s.src.tags {
			due, ok := s.src.due(loop, i)
			if !ok {
				continue
			}
			if s.cfg.Duration > 0 && due >= s.cfg.Duration {
				return s.wait(ctx, c, timer, s.cfg.Duration)
			}
			if err := s.wait(ctx, c, timer, due); err != nil || ctx.Err() != nil {
				return err
			}
			if err := s.write(ctx, c, due, &s.src.tags[i]); err != nil {
				return ignoreCancelled(ctx, err)
			}
			if s.cfg.ReportEvery > 0 && due >= nextReport {
				nextReport += s.cfg.ReportEvery
				s.report.Elapsed = time.Since(s.start)
				s.reportProgress(false)
			}
		}
	}
}

// wait waits until due after the start. It returns early if ctx is done, and with an error if
// the connection is lost.
func (s *stream) wait(ctx context.Context, c *conn, timer *time.Timer, due time.Duration) error {
	left := due - time.Since(s.start)
	if left <= 0 {
		return nil
	}
	timer.Reset(left)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return nil
	case <-c.done:
		return c.err
	}
}

func (s *stream) write(ctx context.Context, c *conn, due time.Duration, t *loopTag) error {
	s.payload.Reset(t.body)
	timestamp := uint32(due / time.Millisecond) // wraps after 49 days, as the format does
	var err error
	if t.kind == flv.TagVideo {
		err = c.writeVideo(ctx, timestamp, &s.payload)
	} else {
		err = c.writeAudio(ctx, timestamp, &s.payload)
	}
	if err != nil {
		return err
	}
	// A write blocks if the server reads too slowly: that counts as lag too.
	s.report.Lag = time.Since(s.start) - due
	s.report.MaxLag = max(s.report.MaxLag, s.report.Lag)
	s.report.Tags++
	s.report.Bytes += int64(len(t.body))
	return nil
}

func (s *stream) reportProgress(done bool) {
	s.report.Stream = s.number
	s.report.Done = done
	if s.report.Lag > lagWarning && !done {
		s.log.Warn("publication lags", "lag", s.report.Lag.Round(time.Millisecond))
	}
	if s.cfg.Report != nil {
		s.cfg.Report(s.report)
	}
}

// ignoreCancelled returns nil if err was caused by the end of ctx.
func ignoreCancelled(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil //nolint:nilerr // see above
	}
	return err
}
