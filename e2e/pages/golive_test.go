//go:build e2e

package pages

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// state is the state that the screen shows.
const state = "document.querySelector('[data-screen]').dataset.state"

// localhost returns the address of a page as a secure origin, which 127.0.0.1 is, too: the share link
// then has the name that a person would type.
func localhost(s *harness.Server, path string) string {
	return strings.Replace(s.URL(path), "127.0.0.1", "localhost", 1)
}

// From the feed to the replay with the test picture: looked at first, then on air, watched, ended.
func TestGoLive_FromTheFeedToTheReplay(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	browser := harness.OpenBrowser(t)
	feed := browser.Open(t, localhost(s, "/"))
	p := browser.Open(t, localhost(s, "/"))
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-go-live]').classList.contains('is-away')")
	p.Do(chromedp.Click("[data-go-live]"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-source=test]')")
	p.Do(chromedp.Click("[data-source=test]"), chromedp.SendKeys("[data-form] [name=title]", "Sunset <b>"), chromedp.Click("[data-form] [name=preview]"))
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-start]').disabled")
	p.WaitUntil(20*time.Second, "Number(document.querySelector('[data-meter]').getAttribute('aria-valuenow')) > 5")
	p.Do(chromedp.Click("[data-start]"))
	p.WaitUntil(30*time.Second, state+" === 'preview'")
	if n := harness.Evaluate[int](feed, "document.querySelectorAll('[data-cards] .badge').length"); n != 0 {
		t.Error("the feed shows a preview")
	}
	p.Screenshot("golive-preview")
	p.Do(chromedp.Click("[data-publish-now]"))
	p.WaitUntil(30*time.Second, state+" === 'live'")
	feed.WaitUntil(20*time.Second, "document.querySelector('[data-cards] .card-title')?.textContent === 'Sunset <b>'")
	feed.WaitUntil(30*time.Second, "document.querySelector('[data-cards] video')?.currentTime > 1")

	link := p.Text("[data-link]")
	viewer := browser.Open(t, link)
	viewer.WaitForPicture(30 * time.Second)
	viewer.WaitUntil(10*time.Second, "document.querySelector('h1').textContent === 'Sunset <b>'")
	p.WaitUntil(20*time.Second, "document.querySelector('[data-number=picture]').textContent.includes('×')")
	p.WaitUntil(20*time.Second, "Number(document.querySelector('[data-viewers]').textContent) > 0")
	p.WaitUntil(20*time.Second, "document.querySelector('[data-time]').textContent >= '0:05'")
	p.Screenshot("golive-live")

	p.Do(chromedp.Click("[data-stop]"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-ask]').open")
	p.Screenshot("golive-ask")
	p.Do(chromedp.Click("[data-ask-yes]"))
	p.WaitUntil(30*time.Second, state+" === 'ended'")
	viewer.WaitUntil(30*time.Second, "document.querySelector('[data-player]').dataset.state === 'ended'")
	p.Screenshot("golive-ended")
	p.WaitUntil(10*time.Second, "!document.querySelector('[data-replay]').hidden")
	p.Do(chromedp.Click("[data-replay]"))
	p.WaitForPicture(30 * time.Second)
}

// The page says in words why it cannot use the camera, and the next attempt can succeed.
func TestGoLive_SaysWhatIsWrongWithTheCamera(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	p := harness.OpenBrowser(t).Open(t, localhost(s, "/golive"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-source=camera]')")
	for name, want := range map[string]string{"NotFoundError": "There is no camera", "NotAllowedError": "The camera is not allowed", "NotReadableError": "The camera is in use"} {
		p.Do(chromedp.Evaluate[chromedp.Void]("navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', '" + name + "'); }; undefined"))
		p.Do(chromedp.Click("[data-source=camera]"))
		p.WaitUntil(20*time.Second, "!document.querySelector('[data-problem]').hidden && document.querySelector('[data-problem-title]').textContent === '"+want+"'")
		if !harness.Evaluate[bool](p, "document.querySelector('[data-start]').disabled") {
			t.Error("the button to go live is enabled without a picture")
		}
	}
	p.Screenshot("golive-no-camera")
	p.Do(chromedp.Evaluate[chromedp.Void]("delete navigator.mediaDevices.getUserMedia; undefined"), chromedp.Click("[data-source=camera]"))
	p.WaitUntil(20*time.Second, "document.querySelector('[data-problem]').hidden && !document.querySelector('[data-start]').disabled && document.querySelector('[data-camera]').options.length > 0")
}
