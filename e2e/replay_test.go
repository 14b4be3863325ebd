//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"golive/e2e/harness"
)

const broadcastDuration = 15 * time.Second

func TestReplay_PlaysAfterTheEnd(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	publishOnce(t, s)
	p.WaitUntil(30*time.Second, "!document.querySelector('[data-watch-replay]').hidden")
	if got := p.Text("[data-title]"); got != "This broadcast has ended" {
		t.Errorf("the page says %q over the button", got)
	}
	takeScreenshots(p, "watch-ended")

	p.Do(chromedp.Click("[data-watch-replay]"))
	if first := p.WaitFor("replay", 10*time.Second, func(now harness.Playback) bool { return now.State == "replay" && now.Time > 0 }); first.Time > 3 {
		t.Errorf("the replay begins at %.1f s", first.Time)
	}
	p.WaitForPicture(10 * time.Second)
	p.MustPlay(4 * time.Second)
	if got := p.Text("[data-badge]"); got != "REPLAY" {
		t.Errorf("the badge is %q", got)
	}
	if got := p.Text("[data-stats]"); !strings.Contains(got, "Position") || strings.Contains(got, "Latency") {
		t.Errorf("the statistics of a replay are %q", got)
	}
	takeScreenshots(p, "watch-replay")

	// Click the beginning of the seek bar, and then press an arrow key.
	p.ClickAt(harness.SeekBar, 0.1)
	back := p.WaitFor("seek to 10 %", 5*time.Second, func(now harness.Playback) bool { return now.Time < 3 })
	p.Do(chromedp.KeyEvent(kb.ArrowRight))
	p.WaitFor("five seconds forward", 5*time.Second, func(now harness.Playback) bool { return now.Time >= back.Time+5 && now.Time < back.Time+8 })
	p.Do(chromedp.KeyEvent(kb.ArrowLeft))
	p.WaitFor("five seconds back", 5*time.Second, func(now harness.Playback) bool { return now.Time < back.Time+4 })
	p.WaitForPlay(5 * time.Second)
	p.MustPlay(3 * time.Second)

	// A viewer of the replay stays there when the broadcast begins again; one at its end is
	// switched to the live broadcast.
	p.ClickAt(harness.SeekBar, 0.02)
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-watch-live]').hidden")
	if now := p.Playback(); now.State != "replay" {
		t.Errorf("with the broadcast live again the page is in state %q", now.State)
	}
	takeScreenshots(p, "watch-replay-live-again")
	p.Do(chromedp.Click("[data-watch-live]"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-player]').dataset.state === 'live'")
	p.WaitForPlay(10 * time.Second)
	p.MustPlay(3 * time.Second)
}

// The server is restarted after the end, and a segment is lost.
func TestReplay_PlaysAfterARestartWithALostSegment(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	publishOnce(t, s)
	s.Stop()
	loseSegment(t, s, 2)
	s.Run()

	b := harness.OpenBrowser(t)
	p := b.Open(t, s.WatchURL("show"))
	p.WaitUntil(10*time.Second, "!document.querySelector('[data-watch-replay]').hidden")
	t.Logf("the page says %q", p.Text("[data-about]"))
	p.Do(chromedp.Click("[data-watch-replay]"))
	p.WaitForPlay(10 * time.Second)
	p.WaitUntil(time.Second, "!document.querySelector('video').muted")
	p.WaitFor("media after the gap", 20*time.Second, func(now harness.Playback) bool { return now.Time > 6.5 })
	p.ClickAt(harness.SeekBar, 5/broadcastDuration.Seconds()) // in the gap
	p.WaitFor("media after the gap, again", 10*time.Second, func(now harness.Playback) bool { return now.Time > 6.5 })
	p.WaitForPlay(5 * time.Second)
	p.MustPlay(2 * time.Second)
	p.ClickAt(harness.SeekBar, 1)
	p.WaitUntil(10*time.Second, "document.querySelector('[data-play]').title === 'Watch again'")
	takeScreenshots(p, "watch-replay-over")
	p.Do(chromedp.Click("[data-play]"))
	p.WaitFor("replay from its beginning", 10*time.Second, func(now harness.Playback) bool { return now.Time > 0 && now.Time < 3 })
	p.WaitForPlay(10 * time.Second)

	link := s.WatchURL("show") + "?replay"
	p.WaitUntil(time.Second, "navigator.clipboard.writeText = async (text) => { window.copied = text; }")
	p.Do(chromedp.Click("[data-copy-link]"))
	p.WaitUntil(5*time.Second, fmt.Sprintf("window.copied === %q", link))
	b.Open(t, link).WaitForPicture(10 * time.Second)
	embedded := b.Open(t, s.URL("/embed/show?replay=1"))
	embedded.WaitForPicture(10 * time.Second)
	takeScreenshots(embedded, "embed-replay")
}

// First the server is unavailable while the viewer seeks, and then hls.js has to be created again.
func TestReplay_ContinuesWhereItWasAfterAnError(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: "ingest: { reconnect_window: 1s, limits: { ahead: 0s } }"})
	// Several minutes, as fast as golive reads.
	harness.Run(t, "ffmpeg", "-v", "error", "-nostdin", "-stream_loop", "14", "-i", sources.Plain(t), "-c", "copy", "-f", "flv", s.PublishURL("show"))
	s.WaitForState("show", "ended", 10*time.Second)
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitUntil(10*time.Second, "!document.querySelector('[data-watch-replay]').hidden")
	p.WaitUntil(time.Second, `(() => {
		const attach = Hls.prototype.attachMedia;
		Hls.prototype.attachMedia = function (...media) { window.player = this; attach.apply(this, media); };
		return true;
	})()`)
	p.Do(chromedp.Click("[data-watch-replay]"))
	p.WaitForPicture(10 * time.Second)
	// The seek bar has the replay's duration, so that a click has a position.
	p.WaitUntil(5*time.Second, "Number(document.querySelector('[data-seek-input]').max) > 100")

	s.Kill()
	p.ClickAt(harness.SeekBar, 0.5)
	p.WaitUntil(10*time.Second, "document.querySelector('[data-toast-text]').textContent.includes('not responding')")
	takeScreenshots(p, "watch-replay-lost")
	s.Run()
	p.WaitForPlay(20 * time.Second)
	there := p.Playback()
	if there.Time < 100 || there.State != "replay" {
		t.Fatalf("after the server's return it plays %+v", there)
	}
	p.WaitUntil(time.Second, "window.first = player")
	p.WaitUntil(time.Second, "player.trigger(Hls.Events.ERROR, { type: Hls.ErrorTypes.OTHER_ERROR, details: Hls.ErrorDetails.INTERNAL_EXCEPTION, fatal: true, error: new Error('a test') }) || true")
	p.WaitUntil(10*time.Second, "player !== first")
	again := p.WaitForPlay(10 * time.Second)
	if again.Time < there.Time || again.Time > there.Time+15 {
		t.Errorf("it begins again at %.1f s, and was at %.1f s", again.Time, there.Time)
	}
	p.MustPlay(3 * time.Second)
}

// publishOnce publishes for broadcastDuration, and waits until the broadcast has ended.
func publishOnce(t *testing.T, s *harness.Server) {
	t.Helper()
	harness.Publish(t, sources.FLV(t, "-bf", "2", "-t", "15"), s.PublishURL("show")).Wait(2 * broadcastDuration)
	s.WaitForState("show", "ended", 10*time.Second)
}

// loseSegment deletes the segment at an index of the replay.
func loseSegment(t *testing.T, s *harness.Server, index int) {
	t.Helper()
	folder := filepath.Join(s.Data(), "media", "live", "show")
	text, err := os.ReadFile(filepath.Join(folder, "replay.m3u8"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if line == "" || line[0] == '#' {
			continue
		}
		if index--; index < 0 {
			lines[i] = "#EXT-X-GAP\n" + line
			if err := os.Remove(filepath.Join(folder, line)); err != nil {
				t.Fatal(err)
			}
			break
		}
	}
	names, err := filepath.Glob(filepath.Join(folder, "replay*.m3u8")) // replay.m3u8, and that of the broadcast
	if err != nil || len(names) != 2 {
		t.Fatalf("the replays are %q, %v", names, err)
	}
	for _, name := range names {
		if err := os.WriteFile(name, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// takeScreenshots takes screenshots of the page in the sizes of a desktop and a phone.
func takeScreenshots(p *harness.Page, name string) {
	moveMouse := chromedp.MouseEvent(chromedp.MouseMoved, 200, 200) // shows the controls
	p.Do(moveMouse)
	p.WaitUntil(2*time.Second, "document.querySelector('[data-blank]') || getComputedStyle(document.querySelector('[data-controls]')).opacity === '1'")
	p.Screenshot(name)
	p.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)), moveMouse)
	p.Screenshot(name + "-phone")
	p.Do(chromedp.EmulateViewport(1280, 720))
}
