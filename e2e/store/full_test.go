//go:build e2e

package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
	"golive/internal/setting"
)

// smallDisk mounts a file system of so many bytes, or skips the test.
func smallDisk(t *testing.T, size setting.Bytes) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes a file until the disk is full, and returns its name.
func fill(t *testing.T, dir string) string {
	t.Helper()
	f, err := os.Create(filepath.Join(dir, "ballast"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() //nolint:errcheck // its content does not matter
	for err == nil {
		_, err = f.Write(make([]byte, 4<<10))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return f.Name()
}

// waitForDiskState waits until readiness for publishers, the API and the log report the full disk, or,
// if not full, until the first two do not.
func waitForDiskState(t *testing.T, s *harness.Server, full bool) {
	t.Helper()
	const words = "the disk is full"
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(30*time.Second))
	defer cancel()
	err := harness.Eventually(ctx, 100*time.Millisecond, func() error {
		ready, err := harness.Get(ctx, "http://"+s.Admin+"/readyz?for=ingest")
		if (err != nil) != full {
			return fmt.Errorf("readyz: %q, %v", ready, err)
		}
		text, err := harness.Get(ctx, s.URL("/v1/broadcasts/show"))
		if err != nil {
			return err
		}
		var api struct {
			StorageError *string `json:"storage_error"`
		}
		if err := json.Unmarshal(text, &api); err != nil {
			return err
		}
		if in := api.StorageError != nil && strings.Contains(*api.StorageError, words); in != full {
			return fmt.Errorf("the API: %s", text)
		}
		if full && s.Logs.Count(words) == 0 {
			return errors.New("the log does not name the full disk")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// The disk is full for a while, twice, in the middle of a broadcast.
func TestDisk_BroadcastGoesOnWhileItIsFull(t *testing.T) {
	dir := smallDisk(t, 48<<20)
	s := harness.Start(t, harness.Options{Dir: dir})
	encoder := harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	viewer := harness.Follow(t, s.PlainURL("show"), hlscheck.Options{})
	low := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{LowLatency: true, Slack: time.Second, Discard: true})
	for range 2 {
		harness.Pause(t.Context(), 4*time.Second)
		ballast := fill(t, dir)
		waitForDiskState(t, s, true)
		if _, err := harness.Get(t.Context(), "http://"+s.Admin+"/readyz?for=viewers"); err != nil {
			t.Errorf("viewers are turned away: %v", err)
		}
		harness.Pause(t.Context(), 6*time.Second)
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		waitForDiskState(t, s, false)
	}
	harness.Pause(t.Context(), 3*time.Second)
	encoder.Quit()
	aired := viewer.Wait(30 * time.Second)
	viewer.Check()
	low.Wait(30 * time.Second)
	low.Check()
	if n := s.Logs.Count("session started"); n != 1 {
		t.Errorf("the encoder connected %d times", n)
	}
	if n := harness.Metric(t, s, "golive_storage_dropped_total"); n != 0 {
		t.Errorf("%v segments are lost", n)
	}
	checkReplayOnDisk(t, s, aired)
}

// checkReplayOnDisk checks that the replay has every segment, stored as it was aired.
func checkReplayOnDisk(t *testing.T, s *harness.Server, aired *hlscheck.Rendition) {
	t.Helper()
	var replay *hlscheck.Media
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(20*time.Second))
	defer cancel()
	if err := harness.Eventually(ctx, 100*time.Millisecond, func() error {
		text, err := harness.Get(ctx, s.URL("/live/show/replay.m3u8"))
		if err == nil {
			replay, _ = hlscheck.ParseMedia("", text)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	begin := replay.Segments[0].MSN
	for _, a := range aired.Segments {
		at := int(a.MSN - begin)
		if at < 0 || at >= len(replay.Segments) || replay.Segments[at].Gap || filepath.Base(replay.Segments[at].URI) != a.URI {
			t.Errorf("segment %s is not in the replay", a.URI)
			continue
		}
		stored, err := os.ReadFile(filepath.Join(s.Data(), "media", "live", "show", "source", a.URI))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
		if string(stored) != string(a.Data) {
			t.Errorf("segment %s is stored with %d bytes, aired with %d", a.URI, len(stored), len(a.Data))
		}
	}
	t.Logf("%d segments were aired, the replay has %d", len(aired.Segments), len(replay.Segments))
}
