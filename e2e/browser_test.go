//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// browser is a tab in a Chromium of its own, with a fresh profile.
type browser struct {
	t *testing.T
	//nolint:containedctx // a context is chromedp's own handle of a tab
	ctx context.Context
}

// flags keep Chromium from looking for a graphics card, a sandbox that root does
// not have, and its maker's servers; autoplay needs no click.
func flags() []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{chromedp.Headless, chromedp.NoFirstRun, chromedp.NoSandbox, chromedp.DisableGPU}
	for _, name := range []string{"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars"} {
		options = append(options, chromedp.Flag(name, true))
	}
	return append(options,
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		chromedp.WindowSize(1280, 800))
}

// openBrowser starts Chromium. An uncaught exception in a page, or something
// that its Content-Security-Policy forbids, fails the test.
func openBrowser(t *testing.T) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Fatal("Chromium is not installed: apt-get install chromium")
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), append(flags(), chromedp.ExecPath(path))...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	b := &browser{t: t, ctx: ctx}
	// The context of the first call is the browser's life: it has no deadline.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	b.watchConsole()
	return b
}

// watchConsole reads the console until the browser closes.
func (b *browser) watchConsole() {
	messages := chromedp.Console(b.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() || strings.Contains(m.String(), "Content Security Policy") {
				b.t.Errorf("page: %s", m.String())
			}
		}
	}()
	b.t.Cleanup(func() {
		if err := chromedp.Cancel(b.ctx); err != nil {
			b.t.Logf("close Chromium: %v", err)
		}
		<-ended
	})
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// open goes to url.
func (b *browser) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
}

// frame is the frame of another site that shows url.
func (b *browser) frame(url string) *browser {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	var found target.ID
	err := eventually(ctx, 50*time.Millisecond, func() error {
		targets, err := chromedp.Targets(ctx)
		if err != nil {
			return err
		}
		for _, info := range targets {
			if info.Type == "iframe" && info.URL == url {
				found = info.TargetID
				return nil
			}
		}
		return fmt.Errorf("no frame shows %s", url)
	})
	if err != nil {
		b.t.Fatal(err)
	}
	inner, stop := chromedp.NewContext(b.ctx, chromedp.WithTargetID(found))
	b.t.Cleanup(stop)
	// As with the tab: the first call's context has no deadline.
	if _, err := chromedp.Run(inner, chromedp.Evaluate[bool]("true")); err != nil {
		b.t.Fatal(err)
	}
	return &browser{t: b.t, ctx: inner}
}

// text is an element's text.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return evaluate[string](b, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
}

// waitFor waits until a JavaScript expression is true.
func (b *browser) waitFor(limit time.Duration, expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, limit)
	defer cancel()
	err := eventually(ctx, 50*time.Millisecond, func() error {
		if !evaluate[bool](b, "Boolean("+expression+")") {
			return fmt.Errorf("%s is not true after %v", expression, limit)
		}
		return nil
	})
	if err != nil {
		b.screenshot(b.t.Name() + "-failed")
		b.t.Fatal(err)
	}
}

func evaluate[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 10*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("evaluate %s: %v", expression, err)
	}
	return v
}

// screenshot writes e2e/out/NAME.png.
func (b *browser) screenshot(name string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 30*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.MkdirAll("out", 0o755); err != nil {
		b.t.Fatal(err)
	}
	path := filepath.Join("out", strings.ReplaceAll(name, "/", "-")+".png")
	if err := os.WriteFile(path, png, 0o644); err != nil {
		b.t.Fatal(err)
	}
}

// playback is what a <video> says of itself.
type playback struct {
	Time    float64 `json:"time"`
	Width   int     `json:"width"`
	Height  int     `json:"height"`
	Frames  int     `json:"frames"`
	Dropped int     `json:"dropped"`
	// Waits counts "waiting" events since countWaits.
	Waits int `json:"waits"`
}

const playbackScript = `(() => {
	const v = document.querySelector('video');
	const q = v.getVideoPlaybackQuality();
	return {time: v.currentTime, width: v.videoWidth, height: v.videoHeight,
		frames: q.totalVideoFrames, dropped: q.droppedVideoFrames, waits: window.waits ?? 0};
})()`

// waitForPicture waits until the page's video moves.
func (b *browser) waitForPicture(limit time.Duration) {
	b.t.Helper()
	b.waitFor(limit, `(() => {
		const v = document.querySelector('video');
		return v && !v.paused && v.readyState >= 3 && v.videoWidth > 0 && v.currentTime > 0;
	})()`)
	first := evaluate[playback](b, playbackScript)
	b.waitFor(limit, fmt.Sprintf("document.querySelector('video').currentTime > %f", first.Time+0.5))
}

// mustPlay watches the page's video for d and fails when it stands still for a
// second, runs dry, decodes nothing, or does not keep up with the clock.
func (b *browser) mustPlay(d time.Duration) {
	b.t.Helper()
	evaluate[bool](b, `(() => {
		window.waits = 0;
		document.querySelector('video').addEventListener('waiting', () => { window.waits += 1; });
		return true;
	})()`)
	begin := time.Now()
	first := evaluate[playback](b, playbackScript)
	last, moved := first, begin
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for time.Since(begin) < d {
		<-tick.C
		now := evaluate[playback](b, playbackScript)
		if now.Time > last.Time {
			moved = time.Now()
		}
		if still := time.Since(moved); still > time.Second {
			b.screenshot(b.t.Name() + "-failed")
			b.t.Fatalf("the picture stood still at %.2f s for %v", now.Time, still.Round(time.Millisecond))
		}
		last = now
	}
	took := time.Since(begin).Seconds()
	b.t.Logf("played %.2f s in %.2f s: %dx%d, %d frames, %d dropped, %d stalls", last.Time-first.Time, took,
		last.Width, last.Height, last.Frames-first.Frames, last.Dropped-first.Dropped, last.Waits)
	if last.Waits > 0 {
		b.t.Errorf("the picture ran dry %d times in %v", last.Waits, d)
	}
	if last.Width == 0 || last.Height == 0 {
		b.t.Error("the video has no size")
	}
	if frames := float64(last.Frames - first.Frames); frames < 0.8*30*took {
		b.t.Errorf("%.0f frames were decoded in %.1f s of a 30 Hz stream", frames, took)
	}
	if played := last.Time - first.Time; played < 0.9*took {
		b.t.Errorf("the picture played %.2f s in %.2f s", played, took)
	}
}
