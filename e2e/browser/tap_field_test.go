//go:build e2e && field

package browser

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// tapGoal is the time from the tap to the first picture in the feed, at the median of tapRuns.
const (
	tapGoal = 2500 * time.Millisecond
	tapRuns = 5
)

// The milestones from the tap to the first picture: of the broadcaster's page, of the server
// (stageListed), and of the viewer's page. The viewer asks for the playlist before it lists a segment.
const (
	stageTap = iota
	stageCreated
	stageAdmitted
	stageCard
	stagePlaylist
	stageListed
	stageMedia
	stagePicture
	stages
)

// stageNames are the names of what ends with each milestone.
var stageNames = [stages]string{"tap", "create", "connect", "card in the feed", "playlist", "first segment listed", "first media", "first picture"}

// noteTap records, in Unix milliseconds, the tap on the button and when the server admitted the page.
const noteTap = `(() => {
	window.times = {};
	document.querySelector('[data-start]').addEventListener('click', () => { times.tap = Date.now(); }, {capture: true});
	const screen = document.querySelector('[data-screen]');
	new MutationObserver(() => { times[screen.dataset.state] ??= Date.now(); }).observe(screen, {attributes: true});
	return true;
})()`

// noteCard records, in the feed, when there is a card, and when its picture is decoded.
const noteCard = `(() => {
	window.times = {};
	setInterval(() => {
		if (document.querySelector('[data-cards] .badge')) times.card ??= Date.now();
		if (document.querySelector('[data-cards] video')?.getVideoPlaybackQuality().totalVideoFrames > 0) times.picture ??= Date.now();
	}, 5);
	return true;
})()`

// noteWatch is noteCard for the watch page.
const noteWatch = `(() => {
	window.times = {card: Date.now()};
	setInterval(() => { if (document.querySelector('video')?.getVideoPlaybackQuality().totalVideoFrames > 0) times.picture ??= Date.now(); }, 5);
	return true;
})()`

// loaded returns when a page had its first resource whose name contains text, in Unix milliseconds.
func loaded(p *harness.Page, text string) float64 {
	return harness.Evaluate[float64](p, fmt.Sprintf(`performance.timeOrigin + (performance.getEntriesByType('resource').find((e) => e.name.includes(%q) && e.responseEnd > 0)?.responseEnd ?? NaN) || 0`, text))
}

// TestTap_ShowsTheFirstPictureSoon measures each stage from the tap on Go Live to the first picture that
// a viewer's browser decodes, in the feed that was open before.
func TestTap_ShowsTheFirstPictureSoon(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	// The viewer's browser has connections of its own.
	broadcaster, viewer := harness.OpenBrowser(t).Open(t, "about:blank"), harness.OpenBrowser(t).Open(t, "about:blank")
	for _, where := range []string{"feed", "watch page"} {
		var all [][stages]float64
		for range tapRuns {
			all = append(all, tap(t, s, broadcaster, viewer, where == "watch page"))
		}
		total := median(all, func(at [stages]float64) float64 { return at[stagePicture] - at[stageTap] })
		var shares []string
		for stage := stageTap + 1; stage < stages; stage++ {
			shares = append(shares, fmt.Sprintf("%s %.0f", stageNames[stage], median(all, func(at [stages]float64) float64 { return at[stage] - at[stage-1] })))
		}
		t.Logf("%s: first picture %.0f ms after the tap (median of %d); shares: %s", where, total, tapRuns, strings.Join(shares, ", "))
		if want := harness.Timeout(tapGoal); total > float64(want.Milliseconds()) {
			t.Errorf("%s: the first picture came %.0f ms after the tap, want at most %v", where, total, want)
		}
	}
}

// tap goes live once, and returns when each milestone was, in Unix milliseconds.
func tap(t *testing.T, s *harness.Server, p, viewer *harness.Page, watch bool) (at [stages]float64) {
	t.Helper()
	viewer.Do(chromedp.Navigate(s.URL("/")))
	viewer.WaitUntil(20*time.Second, "document.querySelector('[data-empty]') && !document.querySelector('[data-empty]').hidden")
	p.Do(chromedp.Navigate(s.URL("/golive")))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-source=camera]')")
	p.Do(chromedp.Click("[data-source=camera]"))
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-start]').disabled && document.querySelector('[data-preview]').readyState >= 3")
	// A person looks at the picture before the tap.
	harness.Pause(t.Context(), 2*time.Second)
	harness.Evaluate[bool](p, noteTap)
	harness.Evaluate[bool](viewer, noteCard)
	p.Do(chromedp.Click("[data-start]"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-link]').textContent")
	id := harness.Evaluate[string](p, "document.querySelector('[data-link]').textContent.split('/').at(-1)")
	if watch {
		viewer.Do(chromedp.Navigate(s.WatchURL(id)))
		harness.Evaluate[bool](viewer, noteWatch)
	}
	listed := make(chan float64, 1)
	listing, stop := context.WithCancel(t.Context())
	go func() { listed <- firstListing(listing, s, id) }()
	viewer.WaitUntil(30*time.Second, "times.picture")
	stop()
	at[stageListed] = <-listed
	at[stageTap] = harness.Evaluate[float64](p, "times.tap")
	at[stageCreated] = harness.Evaluate[float64](p, "times.connecting ?? 0")
	at[stageAdmitted] = harness.Evaluate[float64](p, "times.starting ?? times.live")
	at[stageCard] = harness.Evaluate[float64](viewer, "times.card")
	at[stagePlaylist] = loaded(viewer, "/index.m3u8")
	at[stageMedia] = loaded(viewer, ".m4s")
	at[stagePicture] = harness.Evaluate[float64](viewer, "times.picture")
	p.Do(chromedp.Click("[data-stop]"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-ask]').open")
	p.Do(chromedp.Click("[data-ask-yes]"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-screen]').dataset.state === 'ended'")
	return at
}

// firstListing returns when the media playlist of a broadcast first lists a segment, in Unix milliseconds; 0
// if ctx ends before.
func firstListing(ctx context.Context, s *harness.Server, id string) float64 {
	for ctx.Err() == nil {
		if text, err := harness.Get(ctx, s.MediaURL(id)); err == nil && strings.Contains(string(text), "#EXTINF:") {
			return float64(time.Now().UnixMilli())
		}
		harness.Pause(ctx, 5*time.Millisecond)
	}
	return 0
}

func median[T any](all []T, of func(T) float64) float64 {
	values := make([]float64, len(all))
	for i, v := range all {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
