//go:build e2e

package pages

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// maxPage is what a first view of the feed may transfer without media, in bytes.
const maxPage = 150_000

// watchShifts records the layout shifts that no input caused.
const watchShifts = `window.shifts = []; new PerformanceObserver((list) => {
	for (const e of list.getEntries()) if (!e.hadRecentInput) shifts.push([e.value, ...e.sources.map((s) => s.node?.className ?? s.node?.nodeName)].join(' '));
}).observe({type: 'layout-shift', buffered: true})`

// transferred returns the number of bytes of everything but the media and the pictures of broadcasts.
const transferred = `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource').filter((e) => !e.name.includes('/live/'))]
	.reduce((sum, e) => sum + e.transferSize, 0)`

func TestFeed_ShowsWhatBeginsPlaysItAndKeepsItsPlace(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	harness.Publish(t, sources.FLV(t, "-bf", "2", "-t", "3"), s.PublishURL("earlier"))
	s.WaitForState("earlier", "live", 20*time.Second)
	s.WaitForState("earlier", "ended", 30*time.Second)

	p := harness.OpenBrowser(t).Open(t, s.URL("/"))
	p.Do(chromedp.Evaluate[chromedp.Void](watchShifts + "; undefined"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-ended-cards] .badge')?.textContent === 'Ended'")
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-empty]').hidden")
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-go-live]').classList.contains('is-away')")
	encoder := harness.PublishLooped(t, sources.Plain(t), s.PublishURL("first"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-cards] .badge')?.dataset.state === 'live'")
	p.WaitForPicture(20 * time.Second)
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("second"))
	p.WaitUntil(20*time.Second, "[...document.querySelectorAll('[data-cards] .badge')].filter((b) => b.dataset.state === 'live').length === 2")
	if n := harness.Evaluate[int](p, "document.querySelectorAll('.card video').length"); n != 1 {
		t.Errorf("%d cards play, want one", n)
	}
	p.Screenshot("feed")
	encoder.Quit()
	p.WaitUntil(30*time.Second, "document.querySelector('[data-cards] .badge').dataset.state === 'ended'")
	p.WaitUntil(20*time.Second, "document.querySelector('[data-cards] li:nth-child(2) video')?.currentTime > 0")
	if shifts := harness.Evaluate[[]string](p, "shifts"); len(shifts) > 0 {
		t.Errorf("the layout shifted: %q", shifts)
	}
	sum := harness.Evaluate[int](p, transferred)
	t.Logf("the feed with a picture that moves: %d bytes without media", sum)
	if polls := harness.Evaluate[int](p, "performance.getEntriesByType('resource').filter((e) => e.name.includes('/v1/')).reduce((sum, e) => sum + e.transferSize, 0)"); sum-polls > maxPage {
		t.Errorf("a first view transfers %d bytes, want at most %d", sum-polls, maxPage)
	}
}

// On a phone a second card would push the ended ones down while they are looked at: it waits.
func TestFeed_LetsANewRowWaitOnAPhone(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	harness.Publish(t, sources.FLV(t, "-bf", "2", "-t", "3"), s.PublishURL("earlier"))
	s.WaitForState("earlier", "live", 20*time.Second)
	s.WaitForState("earlier", "ended", 30*time.Second)
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("first"))
	s.WaitForState("first", "live", 20*time.Second)
	p := harness.OpenBrowser(t).Open(t, "about:blank")
	p.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch), chromedp.Navigate(s.URL("/")), chromedp.Evaluate[chromedp.Void](watchShifts+"; undefined"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-cards] .badge')?.dataset.state === 'live' && document.querySelector('[data-ended-cards] .badge')")
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("second"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-show-new]').textContent === 'Show 1 more'")
	if shifts := harness.Evaluate[[]string](p, "shifts"); len(shifts) > 0 {
		t.Errorf("the layout shifted: %q", shifts)
	}
	p.Do(chromedp.Click("[data-show-new]"))
	p.WaitUntil(20*time.Second, "document.querySelectorAll('[data-cards] .badge').length === 2")
}

// A visitor who may not go live reads why, and gets the link of rollout.fallback_url instead.
func TestFeed_SaysWhyAVisitorMayNotGoLive(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: "rollout: { enabled: false, fallback_url: 'https://example.com/soon' }"})
	p := harness.OpenBrowser(t).Open(t, s.URL("/"))
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-fallback]').classList.contains('is-away')")
	if text := p.Text("[data-invite-text]"); text != "Going live is switched off at the moment. Please try again later." {
		t.Errorf("it says %q", text)
	}
	if href := harness.Evaluate[string](p, "document.querySelector('[data-fallback]').href"); href != "https://example.com/soon" {
		t.Errorf("the link leads to %q", href)
	}
	if !harness.Evaluate[bool](p, "document.querySelector('[data-go-live]').classList.contains('is-away')") {
		t.Error("the button to go live is shown")
	}
}
