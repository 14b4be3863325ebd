//go:build e2e

package ladder

import (
	"bytes"
	"fmt"
	"image/jpeg"
	"math"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// checkJPEG checks that the URL has a picture of that size which is not dark.
func checkJPEG(t *testing.T, url string, width, height int) {
	t.Helper()
	text, err := harness.Get(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	p, err := jpeg.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	if got := p.Bounds().Size(); got.X != width || got.Y != height {
		t.Errorf("%s has the size %v, want %dx%d", url, got, width, height)
	}
	const bright = 0x6000
	n := 0
	for y := 0; y < height; y += 4 {
		for x := 0; x < width; x += 4 {
			if r, g, b, _ := p.At(x, y).RGBA(); max(r, g, b) > bright {
				n++
			}
		}
	}
	if all := width / 4 * height / 4; n < all/4 {
		t.Errorf("%s is dark: %d bright pixels of %d", url, n, all)
	}
}

var ogImage = regexp.MustCompile(`property="og:image" content="([^"]+)"`)

func TestPictures_AreShownOnThePages(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: "pictures: { interval: 2s }"})
	clip := sources.FLV(t, "-bf", "2", "-t", "20")
	began := time.Now()
	p := harness.PublishLooped(t, clip, s.PublishURL("show"))
	browser := harness.OpenBrowser(t)
	home := browser.Open(t, s.URL("/"))
	home.WaitUntil(20*time.Second, "(() => { const p = document.querySelector('.card-poster'); return p && !p.hidden && p.naturalWidth > 0; })()")
	// Hide the video over the poster, for the screenshot.
	home.WaitUntil(time.Second, "document.querySelectorAll('.card-media video').forEach((v) => v.style.display = 'none') || true")
	home.Screenshot("home-poster")
	checkJPEG(t, s.URL("/live/show/poster.jpg"), 640, 360)
	harness.Pause(t.Context(), time.Until(began.Add(20*time.Second)))
	p.Quit()
	s.WaitForState("show", "ended", 10*time.Second)
	s.Stop()
	s.Run()

	page, err := harness.Get(t.Context(), s.WatchURL("show"))
	if err != nil {
		t.Fatal(err)
	}
	m := ogImage.FindSubmatch(page)
	if m == nil {
		t.Fatalf("the watch page has no og:image:\n%s", page)
	}
	checkJPEG(t, string(m[1]), 640, 360)

	watch := browser.Open(t, s.WatchURL("show"))
	watch.WaitUntil(10*time.Second, "!document.querySelector('[data-watch-replay]').hidden")
	watch.WaitUntil(5*time.Second, "document.querySelector('video').poster.includes('poster.jpg')")
	watch.Screenshot("watch-ended-poster")
	watch.Do(chromedp.Click("[data-watch-replay]"))
	watch.WaitForPicture(10 * time.Second)
	watch.WaitUntil(5*time.Second, "Number(document.querySelector('[data-seek-input]').max) > 15")
	watch.PressAt(harness.SeekBar, 0.6)
	watch.WaitUntil(10*time.Second, "!document.querySelector('[data-seek-preview]').hidden")
	watch.WaitUntil(5*time.Second, "getComputedStyle(document.querySelector('.seek-hint')).opacity === '1'")
	under := 0.6 * harness.Evaluate[float64](watch, "Number(document.querySelector('[data-seek-input]').max)")
	var minutes, seconds float64
	text := watch.Text("[data-seek-hint]")
	if _, err := fmt.Sscanf(text, "%f:%f", &minutes, &seconds); err != nil || math.Abs(60*minutes+seconds-under) > 1.5 {
		t.Errorf("the time under the pointer is %q, want %.1f s", text, under)
	}
	watch.Screenshot("watch-replay-preview")
	watch.PressAt(harness.SeekBar, 0.01)
	watch.WaitUntil(5*time.Second, "!document.querySelector('[data-seek-preview]').hidden")
	watch.Screenshot("watch-replay-preview-begin")
	sheet := harness.Evaluate[string](watch, "getComputedStyle(document.querySelector('[data-seek-preview]')).backgroundImage.slice(5, -2)")
	if text, err := harness.Get(t.Context(), sheet); err != nil || len(text) < 1000 {
		t.Errorf("%s has %d bytes, %v", sheet, len(text), err)
	}
}

// Without ffmpeg there are no pictures, no page throws an exception, and the log says once why.
func TestPictures_AreMissingWithoutFFmpeg(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: "transcode: { ffmpeg: /nonexistent/ffmpeg }"})
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	browser := harness.OpenBrowser(t) // an exception in a page fails the test
	watch := browser.Open(t, s.WatchURL("show"))
	watch.WaitForPicture(20 * time.Second)
	home := browser.Open(t, s.URL("/"))
	home.WaitUntil(10*time.Second, "document.querySelector('.card-title')")
	if _, err := harness.Get(t.Context(), s.URL("/live/show/poster.jpg")); err == nil {
		t.Error("there is a poster")
	}
	if n := s.Logs.Count("ffmpeg not found"); n != 1 {
		t.Errorf("the log says %d times that ffmpeg was not found, want once", n)
	}
}
