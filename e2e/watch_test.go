//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

func TestChromium_PlaysWhatFFmpegPublishesWithoutAStall(t *testing.T) {
	s := startServer(t, "")
	source := makeSource(t, 20*time.Second)
	b := openBrowser(t)

	// The viewer is there first: the page waits, and starts by itself.
	b.open(s.url("/watch/show"))
	b.waitFor(10*time.Second, "document.querySelector('[data-title]').textContent === 'Not live yet'")
	b.screenshot("watch-waiting")

	encoder := publish(t, source, s.publishURL("show"), loop()...)
	b.waitForPicture(20 * time.Second)
	b.mustPlay(12 * time.Second)
	t.Logf("statistics: %q", b.text("[data-stats]"))
	b.screenshot("watch-live")
	for _, stat := range []string{"latency", "bitrate", "buffer", "resolution", "dropped"} {
		if b.text("[data-stat="+stat+"]") == "–" {
			t.Errorf("the page does not show the %s", stat)
		}
	}
	if got := b.text("[data-stat=state]"); got != "Live" {
		t.Errorf("the page says %q, want Live", got)
	}

	encoder.quit()
	b.waitFor(20*time.Second, "document.querySelector('[data-player]').dataset.state === 'ended'")
	b.waitFor(30*time.Second, "document.querySelector('[data-title]').textContent === 'This broadcast has ended'")
	b.screenshot("watch-ended")
}

func TestChromium_GoesOnWithoutAReloadWhenTheEncoderReturns(t *testing.T) {
	s := startServer(t, "")
	source := makeSource(t, 20*time.Second)
	b := openBrowser(t)
	encoder := publish(t, source, s.publishURL("show"), loop()...)
	b.open(s.url("/watch/show"))
	b.waitForPicture(20 * time.Second)
	evaluate[bool](b, "window.sameDocument = true")

	encoder.kill()
	b.waitFor(10*time.Second, "document.querySelector('[data-player]').dataset.state === 'reconnecting'")
	b.screenshot("watch-reconnecting")
	publish(t, source, s.publishURL("show"), loop()...)
	b.waitFor(10*time.Second, "document.querySelector('[data-player]').dataset.state === 'live'")
	b.waitForPicture(10 * time.Second)
	b.mustPlay(8 * time.Second)
	if !evaluate[bool](b, "window.sameDocument === true") {
		t.Error("the page was reloaded")
	}
}

func TestHome_ShowsWhatIsLiveAndHowToPublish(t *testing.T) {
	s := startServer(t, "")
	source := makeSource(t, 10*time.Second)
	b := openBrowser(t)
	b.open(s.url("/"))
	b.waitFor(10*time.Second, "!document.querySelector('[data-empty]').hidden")
	b.screenshot("home-empty")
	if got, want := b.text("[data-obs-server]"), "rtmp://"+s.rtmp+"/live"; got != want {
		t.Errorf("the page names the server %q, want %q", got, want)
	}

	publish(t, source, s.publishURL("kitchen"), loop()...)
	b.waitFor(20*time.Second, "document.querySelector('.card .badge')?.dataset.state === 'live'")
	b.waitForPicture(20 * time.Second)
	if got := b.text(".card-title"); got != "kitchen" {
		t.Errorf("the card is titled %q", got)
	}
	b.waitFor(10*time.Second, "document.querySelector('.card-meta').textContent.includes('640')")
	b.screenshot("home-live")
	b.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
	b.screenshot("home-live-phone")
}

func TestEmbed_PlaysInAFrameOfAnotherPage(t *testing.T) {
	s := startServer(t, "")
	publish(t, makeSource(t, 10*time.Second), s.publishURL("show"), loop()...)
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><h1>Another site</h1><iframe src="%s" width="640" height="360" allow="autoplay"></iframe>`, s.url("/embed/show"))
	}))
	t.Cleanup(page.Close)
	b := openBrowser(t)
	// localhost and 127.0.0.1 are two sites to a browser.
	b.open(strings.Replace(page.URL, "127.0.0.1", "localhost", 1))
	frame := b.frame(s.url("/embed/show"))
	frame.waitForPicture(20 * time.Second)
	b.screenshot("embed")
	if got := frame.text("[data-badge]"); got != "LIVE" {
		t.Errorf("the framed player says %q, want LIVE", got)
	}
}
