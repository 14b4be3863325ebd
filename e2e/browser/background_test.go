//go:build e2e

package browser

import (
	"fmt"
	"testing"
	"time"

	"golive/e2e/harness"
)

// slowTimers makes the timers of the page as slow as those of one in the background, where nothing is drawn
// either: Chromium without a window does not do that by itself. The timers of workers are not affected.
const slowTimers = `(() => {
	const real = setInterval;
	window.setInterval = (call, ms, ...more) => real(call, Math.max(1000, ms), ...more);
	window.requestAnimationFrame = () => 0;
	HTMLVideoElement.prototype.requestVideoFrameCallback = () => 0;
	return true;
})()`

// pictureRate is the number of pictures that the page has sent in the last second, or NaN.
const pictureRate = "Number(document.querySelector('[data-number=picture]').textContent.match(/(\\d+) fps/)?.[1])"

// While the page is in the background, camera and test picture go on at their rate.
func TestBackground_ThePictureGoesOn(t *testing.T) {
	parallel(t)
	away, sources := 3*time.Second, []string{"test"}
	if harness.Strict() {
		away, sources = time.Minute, []string{"camera", "test"}
	}
	for _, source := range sources {
		t.Run(source, func(t *testing.T) {
			s := harness.Start(t, harness.Options{})
			p := &screen{Page: harness.OpenBrowser(t).Open(t, s.URL("/golive"))}
			harness.Evaluate[bool](p.Page, watchStates)
			harness.Evaluate[bool](p.Page, slowTimers)
			p.choose(source)
			p.goLive()
			harness.Pause(t.Context(), away)
			p.WaitUntil(20*time.Second, pictureRate+" > 5")
			t.Logf("%s: %.0f pictures a second after %v", source, harness.Evaluate[float64](p.Page, pictureRate), away)
			p.end()
			p.mustBeOneBroadcast(t, s)
		})
	}
}

// A browser that the system stops, like that of a phone whose screen is off, loses its connection after a while.
// When it goes on, so does the broadcast if the server still waits for it; if not, the page says that it is over.
//
// Chromium's own state "frozen" will not do here: the process of a page whose worker encodes crashes in it
// ("Invoke in DisallowJavascriptExecutionScope"). Pages that use camera or microphone are never put into it.
func TestBackground_AStoppedBrowserGoesOnOrSaysThatItIsOver(t *testing.T) {
	parallel(t)
	away, window := 3*time.Second, 5*time.Second // longer than the idle timeout, and shorter than the window
	if harness.Strict() {
		away, window = 20*time.Second, 25*time.Second
	}
	s := harness.Start(t, harness.Options{Config: fmt.Sprintf("ingest: { idle_timeout: 2s, reconnect_window: %v }", window)})
	b := harness.OpenBrowser(t)
	p := openScreen(t, b, s.URL("/golive"), "test")
	p.goLive()
	p.WaitUntil(20*time.Second, pictureRate+" > 5")
	b.Sleep(t, away)
	back := time.Now()
	harness.Until(t, "the broadcast is live", 20*time.Second, func() bool {
		b, err := s.Broadcast(t.Context(), p.id)
		return err == nil && b.State == "live"
	})
	p.WaitUntil(20*time.Second, state+" === 'live'")
	t.Logf("stopped for %v, it is live again after %.1f s: the screen showed %q", away, time.Since(back).Seconds(), p.states())
	p.mustBeOneBroadcast(t, s)

	// It is away for longer than the server waits.
	p.WaitUntil(20*time.Second, pictureRate+" > 5")
	b.SleepDuring(func() { s.WaitForState(p.id, "ended", 40*time.Second) })
	p.WaitUntil(20*time.Second, state+" === 'ended'")
}
