//go:build e2e

package interop

import (
	"context"
	"errors"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// reader reads a media playlist again and again, across restarts of the server,
// and checks each against the one before.
type reader struct {
	url     string
	last    *hlscheck.Media
	texts   int
	names   map[string]int64 // MSN by the name of the segment or part
	wrong   []string
	stopped chan struct{}
	cancel  context.CancelFunc
}

func read(t *testing.T, url string) *reader {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &reader{url: url, names: map[string]int64{}, stopped: make(chan struct{}), cancel: cancel}
	go func() {
		defer close(r.stopped)
		for ctx.Err() == nil {
			if text, err := harness.Get(ctx, url); err == nil { // while the server is down, playlists cannot be read
				r.take(text)
			}
			harness.Pause(ctx, 50*time.Millisecond)
		}
	}()
	t.Cleanup(r.stop)
	return r
}

func (r *reader) stop() {
	r.cancel()
	<-r.stopped
}

func (r *reader) take(text []byte) {
	now, wrong := hlscheck.ParseMedia(r.url, text)
	if r.last != nil {
		wrong = append(wrong, hlscheck.CheckChange(r.url, r.last, now)...)
	}
	for _, v := range wrong {
		// What was in memory is lost with the process, and marked as a gap.
		if v.Rule != 8 || !strings.HasSuffix(v.Text, "became a gap") {
			r.wrong = append(r.wrong, v.String())
		}
	}
	for i := range now.Segments {
		s := &now.Segments[i]
		r.name(s.URI, s.MSN)
		for _, p := range s.Parts {
			r.name(p.URI, s.MSN)
		}
	}
	r.last = now
	r.texts++
}

func (r *reader) name(uri string, msn int64) {
	if was, known := r.names[uri]; known && was != msn {
		r.wrong = append(r.wrong, "the name "+uri+" was used twice")
	}
	r.names[uri] = msn
}

func TestRestart_AfterAKillContinuesTheBroadcast(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Config: "storage: { backend: disk }\n"})
	file := sources.Plain(t)
	encoder := harness.PublishLooped(t, file, s.PublishURL("show"))
	first := s.WaitForState("show", "live", 10*time.Second)
	r := read(t, s.MediaURL("show"))
	page := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	page.Rebuilds = true // the new server's playlist may lack what it knows
	page.WaitForPlay(20 * time.Second)
	v := page.View()

	for _, downtime := range []time.Duration{200 * time.Millisecond, 3 * time.Second} {
		harness.Pause(t.Context(), 5*time.Second)
		before := v.Last()
		s.Kill()
		<-encoder.Done() // its connection broke
		harness.Pause(t.Context(), downtime)
		s.Run()
		s.WaitForState("show", "reconnecting", 2*time.Second)
		encoder = harness.PublishLooped(t, file, s.PublishURL("show"))
		back := time.Now()
		if now := s.WaitForState("show", "live", 10*time.Second); now.ID != first.ID {
			t.Errorf("%s became %s", first.ID, now.ID)
		}
		page.WaitFor("picture after the restart", 20*time.Second, func(now harness.Playback) bool { return now.Time > before.Time+2 })
		t.Logf("down for %v: 2 s more were played %.1f s after the publisher's return", downtime, time.Since(back).Seconds())
	}
	harness.Pause(t.Context(), 4*time.Second)
	page.Screenshot("restart")
	sum := harness.Summarise(v.Stop())
	encoder.Quit()
	s.WaitForState("show", "ended", 5*time.Second)
	r.stop()
	for _, w := range r.wrong {
		t.Error(w)
	}
	gaps := 0
	for i := range r.last.Segments {
		if r.last.Segments[i].Gap {
			gaps++
		}
	}
	t.Logf("%d playlists, %d names, last MSN %d, discontinuity sequence %d, %d gaps listed at the end; the page stalled for %.1f s at most, went back %d times, %d reloads",
		r.texts, len(r.names), r.last.Segments[len(r.last.Segments)-1].MSN, r.last.DiscontinuitySequence, gaps, sum.Longest.Seconds(), sum.Back, sum.Reloads)
	if sum.Reloads > 0 {
		t.Errorf("the page was loaded again %d times", sum.Reloads)
	}
}

func TestRestart_SIGTERMEndsEveryBroadcastAndExitsWithZero(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{Config: "storage: { backend: disk }\nbroadcast: { drain_timeout: 5s }\n"})
	file := sources.Plain(t)
	a, b := harness.PublishLooped(t, file, s.PublishURL("a")), harness.PublishLooped(t, file, s.PublishURL("b"))
	s.WaitForState("a", "live", 10*time.Second)
	s.WaitForState("b", "live", 10*time.Second)
	f := harness.Follow(t, s.PlaylistURL("a"), hlscheck.Options{LowLatency: true, Discard: true})
	harness.Pause(t.Context(), 5*time.Second)

	begin := time.Now()
	s.Signal(syscall.SIGTERM)
	if err := s.Wait(10 * time.Second); err != nil {
		t.Errorf("exit: %v", err)
	}
	t.Logf("golive exited %.1f s after SIGTERM", time.Since(begin).Seconds())
	r := f.Wait(5 * time.Second)
	if f.Check(); !r.Ended {
		t.Error("a player did not see the end")
	}
	for _, id := range []string{"a", "b"} {
		if text := s.StoredPlaylist(id); !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") || !strings.Contains(text, "#EXTINF") {
			t.Errorf("the stored playlist of %s: %s", id, text)
		}
	}
	<-a.Done() // asked to reconnect and disconnected; the process would continue otherwise
	<-b.Done()
}

func TestRestart_SecondSignalEndsTheShutdownAtOnce(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{})
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	s.WaitForState("show", "live", 10*time.Second)
	s.Signal(syscall.SIGTERM)
	// Players can still load the end: the process runs for 2 s more.
	s.WaitForState("show", "ended", time.Second)
	begin := time.Now()
	s.Signal(syscall.SIGTERM)
	err := s.Wait(5 * time.Second)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() == 0 {
		t.Errorf("exit: %v, want by the signal", err)
	}
	if took := time.Since(begin); took > harness.Timeout(time.Second) {
		t.Errorf("golive went on for %v after the second signal", took)
	}
}
