//go:build e2e

package interop

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/internal/hlscheck"
)

func TestReconnect_ContinuesTheSamePlaylist(t *testing.T) {
	s := startServer(t, "")
	b := openBrowser(t)
	file := plainSource(t)
	for _, c := range []struct {
		name   string
		away   time.Duration
		vanish func(p *process)
	}{
		{"killed, 0.2 s", 200 * time.Millisecond, (*process).kill},
		{"killed, 2 s", 2 * time.Second, (*process).kill},
		{"killed, 12 s", 12 * time.Second, (*process).kill},
		// Its connection lingers: the one who returns takes over.
		{"silent, 2 s", 2 * time.Second, func(p *process) { p.signal(syscall.SIGSTOP) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			id := strings.NewReplacer(" ", "", ",", "-").Replace(c.name)
			encoder := looped(t, file, s.publishURL(id))
			started := s.waitForState(id, "live", 10*time.Second).Started
			f := follow(t, s.playlistURL(id), hlscheck.Options{LowLatency: true, Discard: true})
			page := b.watch(t, s.watchURL(id))
			page.waitForPlay(20 * time.Second)
			pause(t.Context(), 2*time.Second)
			v := page.view()

			c.vanish(encoder)
			pause(t.Context(), c.away)
			before := v.last()
			back := time.Now()
			encoder = looped(t, file, s.publishURL(id))
			page.waitFor("picture after the return", 15*time.Second, func(now playback) bool { return now.Time > before.Time+2 })
			resumed := time.Since(back) - 2*time.Second
			pause(t.Context(), 3*time.Second)
			page.screenshot("reconnect-" + id)
			sum := sumUp(v.stop())
			t.Logf("the picture went on about %.1f s after the return; it stood still for %.1f s", resumed.Seconds(), sum.longest.Seconds())
			if sum.reloads > 0 || sum.back > 0 || len(sum.faults) > 0 {
				t.Errorf("%d reloads, %d steps back, faults %q", sum.reloads, sum.back, sum.faults)
			}
			if now := s.waitForState(id, "live", time.Second).Started; !now.Equal(started) {
				t.Errorf("the broadcast of %v became one of %v", started, now)
			}

			encoder.quit()
			r := f.wait(20 * time.Second)
			f.check(pace...)
			if n := discontinuities(r); n != 1 {
				t.Errorf("%d discontinuities, want 1", n)
			}
			if !r.Ended {
				t.Error("the playlist has no end")
			}
		})
	}
}

// A connection that is lost just after a key frame leaves a segment of a single
// picture without sound. hls.js (1.7.4) takes it, finds that what it can play has
// not grown, and loads nothing any more: the page has to help it on.
func TestReconnect_AfterASinglePicture(t *testing.T) {
	t.Parallel()
	s := startServer(t, "ingest: { publish: { end_on_unpublish: false } }\n")
	file := plainSource(t)
	var tags []tag
	for _, g := range until(readFLV(t, file), 8034) {
		if g.kind != tagAudio || g.time < 7960 {
			tags = append(tags, g)
		}
	}
	page := openBrowser(t).watch(t, s.watchURL("show"))
	encoder := ffmpeg(t, writeFLV(t, "single", tags), s.publishURL("show"))
	page.waitForPlay(20 * time.Second)
	v := page.view()
	encoder.wait(20 * time.Second)
	pause(t.Context(), 2*time.Second)
	before := v.last()
	back := time.Now()
	looped(t, file, s.publishURL("show"))
	page.waitFor("picture after the return", 15*time.Second, func(now playback) bool { return now.Time > before.Time+3 })
	sum := sumUp(v.stop())
	t.Logf("3 s more were played %.1f s after the return; it stood still for %.1f s", time.Since(back).Seconds(), sum.longest.Seconds())
	if sum.reloads > 0 || sum.back > 0 || len(sum.faults) > 0 {
		t.Errorf("%d reloads, %d steps back, faults %q", sum.reloads, sum.back, sum.faults)
	}
}

func TestReconnect_EndsThePlaylistWhenNobodyReturns(t *testing.T) {
	t.Parallel()
	s := startServer(t, "")
	file := plainSource(t)
	encoder := looped(t, file, s.publishURL("show"))
	first := s.waitForState("show", "live", 10*time.Second)
	f := follow(t, s.playlistURL("show"), hlscheck.Options{LowLatency: true, Discard: true})
	pause(t.Context(), 5*time.Second)
	encoder.kill()
	killed := time.Now()

	r := f.wait(30 * time.Second) // returns with EXT-X-ENDLIST
	took := time.Since(killed)
	f.check(pace...)
	if !r.Ended || took < 14*time.Second || took > 18*time.Second {
		t.Errorf("ended %t after %v, want after 15 s", r.Ended, took)
	}
	// At 20 s a publisher begins anew, with numbers that go on.
	pause(t.Context(), time.Until(killed.Add(20*time.Second)))
	looped(t, file, s.publishURL("show"))
	if next := s.waitForState("show", "live", 10*time.Second); next.Started.Equal(first.Started) {
		t.Error("the broadcast that had ended went on")
	}
	text, err := get(t.Context(), strings.Replace(s.playlistURL("show"), "index", "source/index", 1))
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
