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

	"golive/e2e/harness"
)

func TestChromium_PlaysWhatFFmpegPublishesWithoutAStall(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	source := sources.Plain(t)

	// The viewer opens the page before the broadcast: playback starts automatically.
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-title]').textContent === 'Not live yet'")
	p.Screenshot("watch-waiting")

	encoder := harness.PublishLooped(t, source, s.PublishURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.MustPlay(12 * time.Second)
	t.Logf("statistics: %q", p.Text("[data-stats]"))
	p.Screenshot("watch-live")
	for _, stat := range []string{"latency", "bitrate", "buffer", "resolution", "dropped"} {
		if p.Text("[data-stat="+stat+"]") == "–" {
			t.Errorf("the page does not show the %s", stat)
		}
	}
	if got := p.Text("[data-stat=state]"); got != "Live" {
		t.Errorf("the page says %q, want Live", got)
	}

	encoder.Quit()
	p.WaitUntil(20*time.Second, "document.querySelector('[data-player]').dataset.state === 'ended'")
	p.WaitUntil(30*time.Second, "document.querySelector('[data-title]').textContent === 'This broadcast has ended'")
}

func TestChromium_ContinuesWithoutAReloadWhenTheEncoderReconnects(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	source := sources.Plain(t)
	encoder := harness.PublishLooped(t, source, s.PublishURL("show"))
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)

	encoder.Kill()
	p.WaitUntil(10*time.Second, "document.querySelector('[data-player]').dataset.state === 'reconnecting'")
	p.Screenshot("watch-reconnecting")
	harness.PublishLooped(t, source, s.PublishURL("show"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-player]').dataset.state === 'live'")
	p.WaitForPicture(10 * time.Second)
	p.MustPlay(8 * time.Second)
	if !p.Playback().Same {
		t.Error("the page was reloaded")
	}
}

func TestHome_ShowsWhatIsLiveAndHowToPublish(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	source := sources.FLV(t, "-bf", "2", "-t", "10")
	p := harness.OpenBrowser(t).Open(t, s.URL("/"))
	p.WaitUntil(10*time.Second, "!document.querySelector('[data-empty]').hidden")
	p.Screenshot("home-empty")
	harness.PublishLooped(t, source, s.PublishURL("kitchen"))
	p.WaitUntil(20*time.Second, "document.querySelector('.card .badge')?.dataset.state === 'live'")
	p.WaitForPicture(20 * time.Second)
	if got := p.Text(".card-title"); got != "kitchen" {
		t.Errorf("the card is titled %q", got)
	}
	p.WaitUntil(10*time.Second, "document.querySelector('.card-meta').textContent.includes('640')")
	p.Screenshot("home-live")
	p.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
	p.Screenshot("home-live-phone")
	p.Do(chromedp.Navigate(s.URL("/studio")))
	if got, want := p.Text("[data-obs-server]"), "rtmp://"+s.RTMP+"/live"; got != want {
		t.Errorf("the page names the server %q, want %q", got, want)
	}
}

func TestEmbed_PlaysInAFrameOfAnotherPage(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	harness.PublishLooped(t, sources.FLV(t, "-bf", "2", "-t", "10"), s.PublishURL("show"))
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		fmt.Fprintf(w, `<!doctype html><h1>Another site</h1><iframe src="%s" width="640" height="360" allow="autoplay"></iframe>`, s.URL("/embed/show"))
	}))
	t.Cleanup(page.Close)
	// To a browser localhost and 127.0.0.1 are two sites.
	p := harness.OpenBrowser(t).Open(t, strings.Replace(page.URL, "127.0.0.1", "localhost", 1))
	frame := p.Frame(s.URL("/embed/show"))
	frame.WaitForPicture(20 * time.Second)
	p.Screenshot("embed")
	if got := frame.Text("[data-badge]"); got != "LIVE" {
		t.Errorf("the framed player says %q, want LIVE", got)
	}
}
