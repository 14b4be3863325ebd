//go:build e2e

package store

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/storage/s3/s3test"
)

// The store accepts connections but never responds, from before golive starts.
func TestStart_AcceptsPublishersWhileTheStoreDoesNotRespond(t *testing.T) {
	store := s3test.Start(t)
	network := harness.StartProxy(t, store.Address)
	network.CutOff(harness.BlackHole)
	yaml, name := harness.S3Storage(t, store, network.Address)
	file := sources.Plain(t)

	began := time.Now()
	s := harness.Start(t, harness.Options{Config: "storage: { " + yaml + " }"})
	encoder := harness.PublishLooped(t, file, s.PublishURL("show"))
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(10*time.Second))
	defer cancel()
	err := harness.Eventually(ctx, 10*time.Millisecond, func() error {
		if s.Logs.Count("session started") == 0 {
			return errors.New("no publisher was accepted")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	t.Logf("a publisher is accepted %v after the start", took.Round(time.Millisecond))
	if n := s.Logs.Count("bucket probe"); n > 0 {
		t.Errorf("the bucket probe ended before a publisher was accepted: %d lines", n)
	}
	if harness.Strict() && took > time.Second {
		t.Errorf("a publisher is accepted only after %v", took)
	}
	asked, stop := context.WithTimeout(t.Context(), harness.Timeout(5*time.Second))
	defer stop()
	if _, err := s.Broadcast(asked, "never"); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("the API says %v of a broadcast that only the store may know, want 503", err)
	}
	s.WaitForState("show", "live", 10*time.Second)
	harness.Pause(t.Context(), 5*time.Second)
	network.Resume()
	network.Cut(harness.Reset) // data that was sent into the black hole is lost
	awaitStored(t, s, time.Minute)
	encoder.Quit()
	for _, r := range (bucket{t, filepath.Join(store.Dir, name)}).waitForReplay("show", 20*time.Second).Segments {
		if r.Gap {
			t.Errorf("segment %d of the replay is a gap", r.MSN)
		}
	}
}
