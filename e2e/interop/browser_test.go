//go:build e2e || interop

package interop

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// browser is a Chromium with a fresh profile.
type browser struct {
	t *testing.T
	//nolint:containedctx // a context is chromedp's own handle of a browser
	ctx context.Context
}

// openBrowser starts Chromium without what root, a machine without a graphics
// card, or a test that should be left alone cannot have.
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
	options := []chromedp.ExecAllocatorOption{
		chromedp.Headless, chromedp.NoFirstRun, chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.ExecPath(path), chromedp.WindowSize(1280, 800),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
	}
	for _, name := range []string{
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars",
		// A tab behind another one plays on all the same.
		"disable-background-timer-throttling", "disable-backgrounding-occluded-windows", "disable-renderer-backgrounding",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	// The context of the first call is the browser's life: it has no deadline.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	t.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			t.Logf("close Chromium: %v", err)
		}
	})
	return &browser{t: t, ctx: ctx}
}

// page is a tab that shows a watch page.
type page struct {
	t *testing.T
	// rebuilds says that hls.js is expected to begin anew.
	rebuilds bool
	//nolint:containedctx // as browser's
	ctx context.Context
}

// eavesdrop has hls.js tell a page's window.hlsLog what it does, for the post-mortem.
const eavesdrop = `(() => {
	const lines = window.hlsLog = [];
	const say = (level) => (...words) => {
		lines.push((performance.now() / 1000).toFixed(2) + ' ' + level + ' ' + words.map(String).join(' '));
		if (lines.length > 4000) lines.splice(0, 1000);
	};
	const debug = {trace() {}, debug() {}, log: say('log'), info: say('info'), warn: say('warn'), error: say('error')};
	let hls;
	Object.defineProperty(globalThis, 'Hls', {configurable: true, get: () => hls, set: (original) => {
		hls = class extends original {
			constructor(config) {
				super({...config, debug});
				const video = () => document.querySelector('video');
				this.on(original.Events.ERROR, (_, e) => say('ERROR')(e.type, e.details, e.fatal, e.error?.message ?? '', 'at', video().currentTime));
			}
		};
	}});
})()`

// watch opens a tab on a watch page. The page is marked, so that a reload shows.
func (b *browser) watch(t *testing.T, url string) *page {
	t.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	t.Cleanup(closeTab)
	// As with the browser: the first call's context has no deadline.
	listen := func(ctx context.Context, tab *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, tab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: eavesdrop})
		return none, err
	}
	if err := chromedp.Do(ctx, listen, chromedp.Navigate(url)); err != nil {
		t.Fatalf("open %s: %v", url, err)
	}
	p := &page{t: t, ctx: ctx}
	if _, err := evaluate[bool](p, "window.sameDocument = true"); err != nil {
		t.Fatal(err)
	}
	return p
}

func evaluate[T any](p *page, expression string) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, 10*time.Second)
	defer cancel()
	v, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		return v, fmt.Errorf("evaluate %s: %w", expression, err)
	}
	return v, nil
}

// playback is what the page's video says of itself.
type playback struct {
	// Same is false when the page was loaded again.
	Same   bool    `json:"same"`
	Time   float64 `json:"time"`
	Width  int     `json:"width"`
	Height int     `json:"height"`
	Frames int     `json:"frames"`
	Audio  int     `json:"audio"` // bytes decoded
	State  string  `json:"state"` // the page's own word
	Fault  string  `json:"fault"` // the element's error
}

const playbackScript = `(() => {
	const v = document.querySelector('video');
	return {same: window.sameDocument === true, time: v.currentTime, width: v.videoWidth, height: v.videoHeight,
		frames: v.getVideoPlaybackQuality().totalVideoFrames, audio: v.webkitAudioDecodedByteCount ?? 0,
		state: document.querySelector('[data-player]').dataset.state ?? '', fault: v.error?.message ?? ''};
})()`

func (p *page) playback() (playback, error) { return evaluate[playback](p, playbackScript) }

// waitFor waits until what the video says is as wanted.
func (p *page) waitFor(what string, limit time.Duration, wanted func(playback) bool) playback {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, limit)
	defer cancel()
	var now playback
	err := eventually(ctx, 100*time.Millisecond, func() (err error) {
		if now, err = p.playback(); err == nil && !wanted(now) {
			err = fmt.Errorf("no %s within %v: %+v", what, limit, now)
		}
		return err
	})
	if err != nil {
		p.bury()
		p.t.Fatal(err)
	}
	return now
}

// waitForPlay waits until another second was played.
func (p *page) waitForPlay(limit time.Duration) playback {
	p.t.Helper()
	first := p.waitFor("media", limit, func(now playback) bool { return now.Time > 0 })
	return p.waitFor("progress", limit, func(now playback) bool { return now.Time > first.Time+1 })
}

// bury writes what can be known of a page that failed: its picture, and what
// hls.js said.
func (p *page) bury() {
	p.t.Helper()
	p.screenshot(p.t.Name() + "-failed")
	lines, err := evaluate[[]string](p, "window.hlsLog")
	if err != nil {
		p.t.Log(err)
		return
	}
	path := artefact(p.t.Name() + "-failed.log")
	p.t.Logf("hls.js's log is in %s", path)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		p.t.Log(err)
	}
}

// artefact is the path of a file in e2e/out.
func artefact(name string) string {
	return filepath.Join(screenshots, strings.NewReplacer("/", "-", " ", "-", ",", "").Replace(name))
}

// screenshot writes e2e/out/NAME.png.
func (p *page) screenshot(name string) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, 30*time.Second)
	defer cancel()
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		p.t.Error(err)
		return
	}
	if err := os.MkdirAll(screenshots, 0o755); err != nil {
		p.t.Error(err)
		return
	}
	if err := os.WriteFile(artefact(name+".png"), png, 0o644); err != nil {
		p.t.Error(err)
	}
}
