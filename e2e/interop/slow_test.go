//go:build e2e

package interop

import (
	"context"
	"fmt"
	"testing"
	"time"

	"golive/e2e/harness"
)

// While the network carries only half of what the encoder sends, the broadcaster is warned.
func TestUplink_WarnsTheBroadcasterWhileItIsTooSlow(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	p := harness.StartProxy(t, s.RTMP)
	harness.PublishLooped(t, sources.Plain(t), p.PublishURL("show"))
	s.WaitForState("show", "live", 10*time.Second)
	waitForWarning(t, s, false)
	began := time.Now()
	p.Throttle(50_000, 0) // the stream has 100 kB a second
	waitForWarning(t, s, true)
	t.Logf("warned after %.1f s", time.Since(began).Seconds())
	p.Resume()
	began = time.Now()
	waitForWarning(t, s, false)
	t.Logf("cleared after %.1f s", time.Since(began).Seconds())
}

// waitForWarning waits until there is, or is not, a warning of a slow upload.
func waitForWarning(t *testing.T, s *harness.Server, want bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(time.Minute))
	defer cancel()
	err := harness.Eventually(ctx, 200*time.Millisecond, func() error {
		b, err := s.Broadcast(ctx, "show")
		if err != nil {
			return err
		}
		got := false
		for _, w := range b.Warnings {
			got = got || w.Code == "slow_upload"
		}
		if got != want {
			return fmt.Errorf("slow_upload is among the warnings: %t, want %t", got, want)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
