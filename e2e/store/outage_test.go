//go:build e2e

package store

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
	"golive/storage/s3/s3test"
)

var (
	broadcasts = flag.Int("broadcasts", 3, "the number of live broadcasts")
	minutes    = flag.Float64("minutes", 0.75, "for how many minutes")
)

// outage is a failure of the store; each lasts a fifth of the time.
type outage struct {
	name       string
	begin, end func()
}

func TestOutage_LosesNothingAndDoesNotAffectViewers(t *testing.T) {
	store := s3test.Start(t)
	network := harness.StartProxy(t, store.Address)
	yaml, name := harness.S3Storage(t, store, network.Address)
	s := harness.Start(t, harness.Options{Config: "storage: { " + yaml + " }"})
	b := bucket{t, filepath.Join(store.Dir, name)}

	file := sources.FLV(t, "-b:v", "1900k", "-minrate", "1900k", "-maxrate", "1900k", "-bufsize", "2M")
	const halfOfRealTime = 125_000 // bytes a second of a stream of 2 Mbit/s
	var ids []string
	var encoders []*harness.Process
	var viewers []*harness.Follower
	for i := range *broadcasts {
		id := fmt.Sprintf("show-%d", i)
		ids = append(ids, id)
		encoders = append(encoders, harness.PublishLooped(t, file, s.PublishURL(id)))
	}
	for _, id := range ids {
		s.WaitForState(id, "live", 20*time.Second)
		viewers = append(viewers, harness.Follow(t, s.PlainURL(id), hlscheck.Options{}))
	}
	low := harness.Follow(t, s.PlaylistURL("show-0"), hlscheck.Options{LowLatency: true, Slack: time.Second, Discard: true})
	poller := b.poll(ids)
	page := harness.OpenBrowser(t).Open(t, s.WatchURL("show-0"))
	page.WaitForPlay(20 * time.Second)
	pageViewer := page.View()

	length := time.Duration(*minutes * float64(time.Minute))
	phase := length / 5
	pause := func(d time.Duration) { harness.Pause(t.Context(), d) }
	pause(phase / 2)
	for _, what := range []outage{
		{"stopped", store.Pause, store.Resume},
		{"killed", store.Kill, func() { store.Run(t) }},
		{"slowed to half of real time", func() { network.Throttle(halfOfRealTime, 0) }, network.Resume},
	} {
		what.begin()
		pause(phase)
		waiting := harness.Metric(t, s, "golive_storage_spool_segments")
		what.end()
		began := time.Now()
		awaitStored(t, s, 2*phase)
		t.Logf("the store was %s for %v: %.0f segments waited, and were there %v later", what.name, phase, waiting, time.Since(began).Round(100*time.Millisecond))
		if waiting == 0 {
			t.Errorf("nothing was spooled while the store was %s", what.name)
		}
		pause(phase/2 - time.Since(began))
	}
	seen := harness.Summarise(pageViewer.Stop())
	for _, e := range encoders {
		e.Quit()
	}
	t.Logf("the page played %.1f s; the picture stalled for %v, at most %v at once", seen.Played, seen.Stalled.Round(time.Millisecond), seen.Longest.Round(time.Millisecond))
	if harness.Strict() && seen.Longest > time.Second || seen.Back > 0 || seen.Reloads > 0 || len(seen.Faults) > 0 {
		t.Errorf("the viewer noticed: %+v", seen)
	}
	total := 0
	for i, id := range ids {
		aired := viewers[i].Wait(30 * time.Second)
		viewers[i].Check()
		total += compareWithReplay(t, b, id, aired)
	}
	low.Wait(30 * time.Second)
	low.Check()
	poller.check()
	t.Logf("%d segments of %d broadcasts are in the bucket as they were aired", total, len(ids))
	for _, name := range []string{"golive_storage_dropped_total", "golive_storage_spool_segments", "golive_storage_spool_damaged_total"} {
		if n := harness.Metric(t, s, name); n != 0 {
			t.Errorf("%s is %v", name, n)
		}
	}
}

// awaitStored waits until nothing waits for the bucket any more.
func awaitStored(t *testing.T, s *harness.Server, limit time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), harness.Timeout(limit))
	defer cancel()
	err := harness.Eventually(ctx, 100*time.Millisecond, func() error {
		if n := harness.Metric(t, s, "golive_storage_spool_segments"); n > 0 {
			return fmt.Errorf("%.0f segments still wait", n)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// compareWithReplay compares the segments that viewers received with the bucket and its replay, and
// counts them.
func compareWithReplay(t *testing.T, b bucket, id string, aired *hlscheck.Rendition) int {
	t.Helper()
	replay := b.waitForReplay(id, 10*time.Second)
	begin := replay.Segments[0].MSN
	if n := int64(len(replay.Segments)) - (aired.Segments[0].MSN - begin); n != int64(len(aired.Segments)) {
		t.Errorf("%s: %d segments were aired, the replay has %d", id, len(aired.Segments), n)
	}
	for _, s := range aired.Segments {
		at := int(s.MSN - begin)
		if at >= len(replay.Segments) || s.Data == nil {
			t.Errorf("%s: segment %d is not in the replay", id, s.MSN)
			continue
		}
		r := replay.Segments[at]
		if r.Gap || r.URI != "source/"+s.URI || r.Duration != s.Duration {
			t.Errorf("%s: segment %s of %v is %s of %v in the replay, gap %t", id, s.URI, s.Duration, r.URI, r.Duration, r.Gap)
		}
		if !bytes.Equal([]byte(b.text("live/"+id+"/source/"+s.URI)), s.Data) {
			t.Errorf("%s: segment %s differs in the bucket", id, s.URI)
		}
	}
	return len(aired.Segments)
}
