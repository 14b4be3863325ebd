//go:build e2e

package store

import (
	"bytes"
	"path/filepath"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
	"golive/storage/s3/s3test"
)

// golive is killed and started again while the store is unavailable.
func TestRestart_DuringAnOutageLosesNothingThatWasSpooled(t *testing.T) {
	store := s3test.Start(t)
	yaml, name := harness.S3Storage(t, store, store.Address)
	s := harness.Start(t, harness.Options{Config: "storage: { " + yaml + " }"})
	b := bucket{t, filepath.Join(store.Dir, name)}
	file := sources.Plain(t)

	first := harness.PublishLooped(t, file, s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	aired := harness.Follow(t, s.PlainURL("show"), hlscheck.Options{})
	harness.Pause(t.Context(), 5*time.Second)
	store.Kill()
	harness.Pause(t.Context(), 10*time.Second)
	waiting := harness.Metric(t, s, "golive_storage_spool_segments")
	s.Kill()
	first.Kill()
	s.Run()
	if state := s.WaitForState("show", "reconnecting", 5*time.Second).State; state != "reconnecting" {
		t.Fatalf("after the restart it is %s", state)
	}
	second := harness.PublishLooped(t, file, s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	harness.Pause(t.Context(), 5*time.Second)
	store.Run(t)
	awaitStored(t, s, 20*time.Second)
	second.Quit()
	seen := aired.Wait(30 * time.Second)
	replay := b.waitForReplay("show", 10*time.Second)

	gaps := 0
	for i, r := range replay.Segments {
		if r.MSN != int64(i)+1 {
			t.Fatalf("segment %d of the replay is %d", i, r.MSN)
		}
		if r.Gap {
			gaps++
		}
	}
	kept := 0
	for _, a := range seen.Segments {
		if a.Gap || a.Data == nil {
			continue
		}
		r := replay.Segments[a.MSN-replay.Segments[0].MSN]
		if got := b.text("live/show/source/" + a.URI); !r.Gap && bytes.Equal([]byte(got), a.Data) {
			kept++
		} else if !r.Gap {
			t.Errorf("segment %s differs in the bucket", a.URI)
		}
	}
	t.Logf("%.0f segments waited at the kill; the replay has %d segments, %d of them gaps; the viewer received %d, of which the bucket has %d",
		waiting, len(replay.Segments), gaps, len(seen.Segments), kept)
	// Segments that were only in memory: the newest complete one, for a second, and the
	// open one. The others are numbers that players may have seen.
	if gaps > 6 || waiting < 3 {
		t.Errorf("%d gaps, %.0f waited", gaps, waiting)
	}
	aired.Check(11, 12, 10, 15, 16) // the server was not running for a while
}

// The server's disk is lost; another server, with the same bucket and registry, continues.
func TestRestart_OnAnotherServerContinuesTheBroadcast(t *testing.T) {
	c := startCluster(t)
	old, b := c.node("a", false), c.b
	file := sources.Plain(t)

	first := harness.PublishLooped(t, file, old.PublishURL("show"))
	old.WaitForState("show", "live", 20*time.Second)
	poller := b.poll([]string{"show"})
	harness.Pause(t.Context(), 10*time.Second)
	old.Kill()
	first.Kill()
	before, _ := hlscheck.ParseMedia("", []byte(b.text("live/show/source/index.m3u8")))

	s := c.node("b", false)
	second := publishAgain(t, file, s, "show")
	s.WaitForState("show", "live", 20*time.Second)
	text, err := harness.Get(t.Context(), s.URL("/live/show/source/ts.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	after, wrong := hlscheck.ParseMedia("", text)
	wrong = append(wrong, hlscheck.CheckChange("", before, after)...)
	if len(wrong) > 0 {
		t.Errorf("the playlist broke rules: %v\n%s", wrong, text)
	}
	harness.Pause(t.Context(), 5*time.Second)
	second.Quit()
	replay := b.waitForReplay("show", 10*time.Second)
	poller.check()
	gaps := 0
	for i, r := range replay.Segments {
		if r.Gap {
			gaps++
		} else if !b.has("live/show/" + r.URI) {
			t.Errorf("%s is not in the bucket", r.URI)
		}
		if r.MSN != int64(i)+1 {
			t.Fatalf("segment %d of the replay is %d", i, r.MSN)
		}
	}
	t.Logf("the bucket's playlist ended with %d, the replay has %d segments, %d of them gaps", before.Segments[len(before.Segments)-1].MSN, len(replay.Segments), gaps)
	if gaps > 6 || len(replay.Segments) < 8 {
		t.Errorf("%d segments, %d gaps", len(replay.Segments), gaps)
	}
}
