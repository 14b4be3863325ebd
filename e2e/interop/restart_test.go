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
			if text, err := get(ctx, url); err == nil { // a server that is away is not a fault
				r.take(text)
			}
			pause(ctx, 50*time.Millisecond)
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
		r.wrong = append(r.wrong, v.String())
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
	s := startServer(t, "storage: { backend: disk }\n")
	file := plainSource(t)
	encoder := looped(t, file, s.publishURL("show"))
	first := s.waitForState("show", "live", 10*time.Second)
	r := read(t, strings.Replace(s.playlistURL("show"), "index", "source/index", 1))
	page := openBrowser(t).watch(t, s.watchURL("show"))
	page.rebuilds = true // the new server's playlist may lack what it knows
	page.waitForPlay(20 * time.Second)
	v := page.view()

	for _, away := range []time.Duration{200 * time.Millisecond, 3 * time.Second} {
		pause(t.Context(), 5*time.Second)
		before := v.last()
		s.kill()
		<-encoder.done // its connection broke
		pause(t.Context(), away)
		s.start()
		s.waitForState("show", "reconnecting", 2*time.Second)
		encoder = looped(t, file, s.publishURL("show"))
		back := time.Now()
		if now := s.waitForState("show", "live", 10*time.Second); now.ID != first.ID {
			t.Errorf("%s became %s", first.ID, now.ID)
		}
		page.waitFor("picture after the restart", 20*time.Second, func(now playback) bool { return now.Time > before.Time+2 })
		t.Logf("away %v: 2 s more were played %.1f s after the publisher's return", away, time.Since(back).Seconds())
	}
	pause(t.Context(), 4*time.Second)
	page.screenshot("restart")
	sum := sumUp(v.stop())
	encoder.quit()
	s.waitForState("show", "ended", 5*time.Second)
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
	t.Logf("%d playlists, %d names, last MSN %d, discontinuity sequence %d, %d gaps listed at the end; the page stood still for %.1f s at most, went back %d times, %d reloads",
		r.texts, len(r.names), r.last.Segments[len(r.last.Segments)-1].MSN, r.last.DiscontinuitySequence, gaps, sum.longest.Seconds(), sum.back, sum.reloads)
	if sum.reloads > 0 {
		t.Errorf("the page was loaded again %d times", sum.reloads)
	}
}

func TestRestart_SIGTERMEndsEveryBroadcastAndExitsWithZero(t *testing.T) {
	t.Parallel()
	s := startServer(t, "storage: { backend: disk }\nbroadcast: { drain_timeout: 5s }\n")
	file := plainSource(t)
	a, b := looped(t, file, s.publishURL("a")), looped(t, file, s.publishURL("b"))
	s.waitForState("a", "live", 10*time.Second)
	s.waitForState("b", "live", 10*time.Second)
	f := follow(t, s.playlistURL("a"), hlscheck.Options{LowLatency: true, Discard: true})
	pause(t.Context(), 5*time.Second)

	begin := time.Now()
	s.signal(syscall.SIGTERM)
	if err := s.wait(10 * time.Second); err != nil {
		t.Errorf("exit: %v", err)
	}
	t.Logf("golive exited %.1f s after SIGTERM", time.Since(begin).Seconds())
	r := f.wait(5 * time.Second)
	if f.check(); !r.Ended {
		t.Error("a player did not see the end")
	}
	for _, id := range []string{"a", "b"} {
		if text := s.stored(id); !strings.HasSuffix(text, "#EXT-X-ENDLIST\n") || !strings.Contains(text, "#EXTINF") {
			t.Errorf("the stored playlist of %s: %s", id, text)
		}
	}
	<-a.done // told and disconnected, or the process would go on
	<-b.done
}

func TestRestart_SecondSignalCutsItShort(t *testing.T) {
	t.Parallel()
	s := startServer(t, "")
	looped(t, plainSource(t), s.publishURL("show"))
	s.waitForState("show", "live", 10*time.Second)
	s.signal(syscall.SIGTERM)
	// Players are still shown the end: the process is not gone before 2 s.
	s.waitForState("show", "ended", time.Second)
	begin := time.Now()
	s.signal(syscall.SIGTERM)
	err := s.wait(5 * time.Second)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() == 0 {
		t.Errorf("exit: %v, want by the signal", err)
	}
	if took := time.Since(begin); took > time.Second {
		t.Errorf("golive went on for %v after the second signal", took)
	}
}
