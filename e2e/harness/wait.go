package harness

import (
	"context"
	"os"
	"testing"
	"time"
)

// strictVariable is the environment variable for checking speed, on an otherwise idle machine.
const strictVariable = "GOLIVE_STRICT"

// Strict reports whether speed is checked: what is late, or does not play smoothly, fails the
// test. Otherwise a test passes on a machine of any speed, and logs the measurements.
func Strict() bool { return os.Getenv(strictVariable) != "" }

// Timeout returns the timeout for something that should take d.
func Timeout(d time.Duration) time.Duration {
	if Strict() {
		return d
	}
	return 4 * d
}

// Eventually calls try until it returns nil, and returns its last error if ctx is done first.
func Eventually(ctx context.Context, every time.Duration, try func() error) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// Pause waits for d or until ctx is done.
func Pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// Until waits until a condition holds.
func Until(tb testing.TB, what string, limit time.Duration, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(Timeout(limit)); !holds(); Pause(tb.Context(), 50*time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not within %v: %s", Timeout(limit), what)
		}
	}
}
