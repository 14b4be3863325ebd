//go:build e2e && field

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// watchFixture is a page that plays a live broadcast through a proxy, and what it depends on.
type watchFixture struct {
	browser *harness.Browser
	page    *harness.Page
	server  *harness.Server
	proxy   *harness.Proxy
	// publisher is the encoder.
	publisher *harness.Process
}

// After an interruption the watch page continues at the live end, without a reload of the page. How
// soon and how smoothly is checked in a strict run only.
func TestWatch_GoesOnAtTheLiveEnd(t *testing.T) {
	for _, c := range []struct {
		name      string
		interrupt func(t *testing.T, w *watchFixture)
	}{
		{"after a pause", func(t *testing.T, w *watchFixture) {
			w.page.Do(chromedp.KeyEvent("k"))
			harness.Pause(t.Context(), 5*time.Second)
			w.page.Do(chromedp.KeyEvent("k"))
		}},
		{"after a long pause", func(t *testing.T, w *watchFixture) {
			w.page.Do(chromedp.KeyEvent("k"))
			harness.Pause(t.Context(), 40*time.Second)
			w.page.Do(chromedp.KeyEvent("l"))
		}},
		{"after a pause of two minutes", func(t *testing.T, w *watchFixture) {
			w.page.Do(chromedp.KeyEvent("k"))
			harness.Pause(t.Context(), 2*time.Minute)
			w.page.Do(chromedp.KeyEvent("k"))
		}},
		{"after its tab was frozen", func(t *testing.T, w *watchFixture) {
			w.page.SetFrozen(true)
			harness.Pause(t.Context(), time.Minute)
			w.page.SetFrozen(false)
		}},
		{"after 40 s without a network", func(t *testing.T, w *watchFixture) {
			w.proxy.CutOff(harness.Reset)
			harness.Pause(t.Context(), 40*time.Second)
			w.proxy.Resume()
		}},
		{"after an outage of the network", func(t *testing.T, w *watchFixture) {
			w.proxy.CutOff(harness.Reset)
			harness.Pause(t.Context(), 8*time.Second)
			w.proxy.Resume()
		}},
		{"after the publisher was away", func(t *testing.T, w *watchFixture) {
			w.publisher.Kill()
			harness.Pause(t.Context(), 4*time.Second)
			harness.PublishLooped(t, sources.Plain(t), w.server.PublishURL("show"))
		}},
		{"after a sleep of the computer", func(t *testing.T, w *watchFixture) { w.browser.Sleep(t, 20*time.Second) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := harness.Start(t, harness.Options{})
			w := &watchFixture{
				browser: harness.OpenBrowser(t), server: s, proxy: harness.StartProxy(t, s.HTTP),
				publisher: harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show")),
			}
			s.WaitForState("show", "live", 10*time.Second)
			harness.Pause(t.Context(), 6*time.Second)
			w.page = w.browser.Open(t, "http://"+w.proxy.Address+"/watch/show")
			w.page.WaitForPicture(20 * time.Second)
			harness.Pause(t.Context(), 3*time.Second)
			before := w.page.Meter()

			c.interrupt(t, w)
			back := time.Now()
			w.page.Mark()
			live := fmt.Sprintf("meter.first > 0 && meter.look().latency > 0 && meter.look().latency < %f", harness.Timeout(2500*time.Millisecond).Seconds())
			w.page.WaitUntil(20*time.Second, live)
			resumed, took := w.page.Meter(), time.Since(back)
			w.page.Mark()
			harness.Pause(t.Context(), 8*time.Second)
			after := w.page.Meter()
			w.page.WaitForPlay(10 * time.Second)
			t.Logf("before: %v", before)
			t.Logf("live again after %.1f s: %v", took.Seconds(), resumed)
			if harness.Strict() && took > 5*time.Second {
				t.Errorf("it is at the live end after %v", took)
			}
			t.Logf("8 s later: %v", after)
			if after.First == 0 || !w.page.Playback().Same {
				t.Errorf("it does not go on: %+v", w.page.Playback())
			}
			if harness.Strict() && (after.Longest > 0.5 || after.Latency > before.Latency+0.5) {
				t.Errorf("it does not go on as before")
			}
		})
	}
}
