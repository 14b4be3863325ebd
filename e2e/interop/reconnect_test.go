//go:build e2e

package interop

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

func TestReconnect_ContinuesTheSamePlaylist(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	b := harness.OpenBrowser(t)
	file := sources.Plain(t)
	for _, c := range []struct {
		name   string
		away   time.Duration
		vanish func(p *harness.Process)
	}{
		{"killed, 0.2 s", 200 * time.Millisecond, (*harness.Process).Kill},
		{"killed, 2 s", 2 * time.Second, (*harness.Process).Kill},
		{"killed, 12 s", 12 * time.Second, (*harness.Process).Kill},
		// Its connection stays open: the returning publisher takes over.
		{"silent, 2 s", 2 * time.Second, func(p *harness.Process) { p.Signal(syscall.SIGSTOP) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			id := strings.NewReplacer(" ", "", ",", "-").Replace(c.name)
			encoder := harness.PublishLooped(t, file, s.PublishURL(id))
			started := s.WaitForState(id, "live", 10*time.Second).Started
			f := harness.Follow(t, s.PlaylistURL(id), hlscheck.Options{LowLatency: true, Discard: true})
			page := b.Open(t, s.WatchURL(id))
			page.WaitForPlay(20 * time.Second)
			harness.Pause(t.Context(), 2*time.Second)
			v := page.View()

			c.vanish(encoder)
			harness.Pause(t.Context(), c.away)
			before := v.Last()
			back := time.Now()
			encoder = harness.PublishLooped(t, file, s.PublishURL(id))
			page.WaitFor("picture after the return", 15*time.Second, func(now harness.Playback) bool { return now.Time > before.Time+2 })
			resumed := time.Since(back) - 2*time.Second
			harness.Pause(t.Context(), 3*time.Second)
			page.Screenshot("reconnect-" + id)
			sum := harness.Summarise(v.Stop())
			t.Logf("the picture moved again about %.1f s after the return; it stalled for %.1f s", resumed.Seconds(), sum.Longest.Seconds())
			if sum.Reloads > 0 || sum.Back > 0 || len(sum.Faults) > 0 {
				t.Errorf("%d reloads, %d steps back, faults %q", sum.Reloads, sum.Back, sum.Faults)
			}
			if now := s.WaitForState(id, "live", time.Second).Started; !now.Equal(started) {
				t.Errorf("the broadcast that started at %v was replaced by one that started at %v", started, now)
			}

			encoder.Quit()
			r := f.Wait(20 * time.Second)
			f.Check(pace...)
			if n := harness.Discontinuities(r); n != 1 {
				t.Errorf("%d discontinuities, want 1", n)
			}
			if !r.Ended {
				t.Error("the playlist has no end")
			}
		})
	}
}

// A connection that is lost just after a key frame leaves a segment of a single
// picture without sound. hls.js (1.7.4) loads it, has no more to play than before, and
// loads nothing further: the page must make it continue.
func TestReconnect_AfterASinglePicture(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Config: "ingest: { publish: { end_on_unpublish: false } }\n"})
	file := sources.Plain(t)
	var tags []tag
	for _, g := range until(readFLV(t, file), 8034) {
		if g.kind != tagAudio || g.time < 7960 {
			tags = append(tags, g)
		}
	}
	page := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	encoder := harness.Publish(t, writeFLV(t, "single", tags), s.PublishURL("show"))
	page.WaitForPlay(20 * time.Second)
	v := page.View()
	encoder.Wait(20 * time.Second)
	harness.Pause(t.Context(), 2*time.Second)
	before := v.Last()
	back := time.Now()
	harness.PublishLooped(t, file, s.PublishURL("show"))
	page.WaitFor("picture after the return", 15*time.Second, func(now harness.Playback) bool { return now.Time > before.Time+3 })
	sum := harness.Summarise(v.Stop())
	t.Logf("3 s more were played %.1f s after the return; it stalled for %.1f s", time.Since(back).Seconds(), sum.Longest.Seconds())
	// On a slow machine the page loads the playlist again, which sets the player's time back.
	if sum.Reloads > 0 || harness.Strict() && sum.Back > 0 || len(sum.Faults) > 0 {
		t.Errorf("%d reloads, %d steps back, faults %q", sum.Reloads, sum.Back, sum.Faults)
	}
}

func TestReconnect_EndsThePlaylistWhenNobodyReturns(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{})
	file := sources.Plain(t)
	encoder := harness.PublishLooped(t, file, s.PublishURL("show"))
	first := s.WaitForState("show", "live", 10*time.Second)
	f := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{LowLatency: true, Discard: true})
	harness.Pause(t.Context(), 5*time.Second)
	encoder.Kill()
	killed := time.Now()

	r := f.Wait(30 * time.Second) // returns with EXT-X-ENDLIST
	took := time.Since(killed)
	f.Check(pace...)
	if !r.Ended || took < 14*time.Second || took > 15*time.Second+harness.Timeout(3*time.Second) {
		t.Errorf("ended %t after %v, want after 15 s", r.Ended, took)
	}
	// At 20 s a publisher begins again, and the sequence numbers continue.
	harness.Pause(t.Context(), time.Until(killed.Add(20*time.Second)))
	harness.PublishLooped(t, file, s.PublishURL("show"))
	if next := s.WaitForState("show", "live", 10*time.Second); next.Started.Equal(first.Started) {
		t.Error("the broadcast that had ended went on")
	}
	text, err := harness.Get(t.Context(), s.MediaURL("show"))
	if err != nil {
		t.Fatal(err)
	}
	media, wrong := hlscheck.ParseMedia("", text)
	for _, v := range wrong {
		t.Error(v)
	}
	if last := r.Segments[len(r.Segments)-1].MSN; media.MediaSequence != last+1 {
		t.Errorf("the new broadcast begins at %d, the old one ended at %d", media.MediaSequence, last)
	}
	t.Logf("EXT-X-ENDLIST %.1f s after the kill; segment %d follows", took.Seconds(), media.MediaSequence)
}
