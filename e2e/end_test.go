//go:build e2e && field

package e2e

import (
	"net/url"
	"testing"
	"time"

	"golive/e2e/harness"
)

// ending records when the last picture was shown and when the video reported its end.
const ending = `(() => {
	const v = document.querySelector('video');
	window.ending = {moved: 0, ended: 0};
	let at = -1;
	setInterval(() => { if (!v.ended && v.currentTime !== at) { at = v.currentTime; window.ending.moved = performance.now(); } }, 20);
	v.addEventListener('ended', () => { window.ending.ended = performance.now(); window.ending.at = v.currentTime; window.ending.buffered = v.buffered.end(v.buffered.length - 1); });
	return true;
})()`

// The end of a broadcast is reported when its last picture has been shown: by the page, and by
// hls.js with its default settings.
func TestEnd_IsReportedAtTheLastPicture(t *testing.T) {
	for _, player := range []string{"the page", "hls.js"} {
		t.Run(player, func(t *testing.T) {
			s := harness.Start(t, harness.Options{})
			address := s.WatchURL("show")
			if player == "hls.js" {
				address = harness.ServePlayers(t) + "/play?player=hls.js&url=" + url.QueryEscape(s.PlaylistURL("show"))
			}
			encoder := harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
			s.WaitForState("show", "live", 10*time.Second)
			p := harness.OpenBrowser(t).Open(t, address)
			p.WaitForPlay(20 * time.Second)
			harness.Evaluate[bool](p, ending)
			harness.Pause(t.Context(), 5*time.Second)

			encoder.Quit()
			p.WaitUntil(20*time.Second, "window.ending.ended > 0")
			e := harness.Evaluate[struct{ Moved, Ended, At, Buffered float64 }](p, "window.ending")
			t.Logf("the end was reported %.2f s after the last picture, at %.2f s of %.2f s", (e.Ended-e.Moved)/1000, e.At, e.Buffered)
			if e.At < e.Buffered-0.1 {
				t.Errorf("playback ended at %.2f s, with %.2f s buffered", e.At, e.Buffered)
			}
			if late := time.Duration((e.Ended - e.Moved) * float64(time.Millisecond)); late > harness.Timeout(time.Second) {
				t.Errorf("the end was reported after %v", late)
			}
			if player == "the page" {
				p.WaitUntil(10*time.Second, "document.querySelector('[data-title]').textContent === 'This broadcast has ended'")
				takeScreenshots(p, "watch-over")
			}
		})
	}
}
