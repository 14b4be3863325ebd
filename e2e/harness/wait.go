package harness

import (
	"context"
	"os"
	"time"
)

// strictVariable has speed judged when it is set: for a machine with nothing else to do.
const strictVariable = "GOLIVE_STRICT"

// Strict reports whether speed is judged: what is late, or does not play smoothly, fails
// the test. Without it a test passes on a machine of any speed, and its log has the
// figures.
func Strict() bool { return os.Getenv(strictVariable) != "" }

// Patience is how long to wait for what should take d.
func Patience(d time.Duration) time.Duration {
	if Strict() {
		return d
	}
	return 4 * d
}

// Eventually calls try until it gives nil, and gives its last error when ctx ends
// first.
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

// Pause waits for d, or less when ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
