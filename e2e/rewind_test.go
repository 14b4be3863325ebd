//go:build e2e && field

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"golive/e2e/harness"
)

// A viewer of a live broadcast goes back with the seek bar and the arrow keys, and to the live
// end again.
func TestWatch_RewindsALiveBroadcast(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: "playlist: { window: 60s }"})
	sent := publish(t, numberedPictures(t, 4*time.Minute), s.PublishURL("show"))
	began := <-sent.began
	s.WaitForState("show", "live", 10*time.Second)
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	harness.Pause(t.Context(), time.Until(began.Add(45*time.Second)))
	p.WaitUntil(10*time.Second, "!document.querySelector('[data-seek]').hidden && Number(document.querySelector('[data-seek-input]').min) < -40")
	takeScreenshots(p, "watch-live-bar")

	// behind returns how long ago the picture that is shown was sent, in seconds.
	behind := func() float64 {
		seen := harness.Evaluate[clockReading](p, fmt.Sprintf(readClock, clockBits, clockSize))
		return seen.At/1000 - float64(began.UnixMicro())/1e6 - float64(seen.N)/rate
	}
	expect := func(what string, from, to float64) {
		t.Helper()
		p.WaitForPlay(20 * time.Second)
		got := behind()
		t.Logf("%s: %.1f s behind, the bar says %q", what, got, p.Text("[data-seek-time]"))
		if got < from || got > to+harness.Timeout(time.Second).Seconds() {
			t.Errorf("%s: the picture is %.1f s old, want %.1f to %.1f", what, got, from, to)
		}
	}
	expect("live", 0, 3)

	p.Mark()
	p.ClickAt(harness.SeekBar, 0.5)
	p.WaitUntil(10*time.Second, "document.querySelector('[data-golive-text]').textContent === 'Go to live'")
	expect("in the middle of the bar", 19, 30)
	t.Logf("going back: %v", p.Meter())
	takeScreenshots(p, "watch-rewound")
	p.Do(chromedp.KeyEvent(kb.ArrowLeft))
	harness.Pause(t.Context(), time.Second)
	expect("a step back", 24, 35)
	p.Do(chromedp.KeyEvent(kb.ArrowRight))
	harness.Pause(t.Context(), time.Second)
	expect("a step forward", 19, 30)
	p.Do(chromedp.KeyEvent("k"))
	harness.Pause(t.Context(), 3*time.Second)
	takeScreenshots(p, "watch-rewound-paused")
	p.Do(chromedp.KeyEvent("k"))
	expect("after a pause of 3 s", 22, 33)

	p.Mark()
	p.Do(chromedp.Click("[data-golive]"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-golive-text]').textContent === 'Live'")
	expect("live again", 0, 3)
	harness.Pause(t.Context(), 3*time.Second)
	t.Logf("going to live: %v", p.Meter())

	// A step back from the live end is in the live playlist.
	p.Do(chromedp.KeyEvent(kb.ArrowLeft))
	harness.Pause(t.Context(), time.Second)
	expect("a step back from the live end", 4, 8)
	p.Do(chromedp.KeyEvent("l"))
	harness.Pause(t.Context(), time.Second)
	expect("live again", 0, 3)
	if !p.Playback().Same {
		t.Error("the page was reloaded")
	}
}
