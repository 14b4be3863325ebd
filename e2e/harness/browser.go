package harness

import (
	"context"
	"os/exec"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// Browser is a Chromium with a fresh profile.
type Browser struct {
	//nolint:containedctx // a context is chromedp's own handle of a browser
	ctx    context.Context
	output *output
}

// flags returns options without a graphics card, without the sandbox, which root cannot use,
// and without connections to Google; autoplay needs no click.
func flags() []chromedp.ExecAllocatorOption {
	options := []chromedp.ExecAllocatorOption{
		chromedp.Headless, chromedp.NoFirstRun, chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1280, 800),
		chromedp.Flag("autoplay-policy", "no-user-gesture-required"),
		// A camera and a microphone for pages that broadcast, without asking.
		chromedp.Flag("use-fake-device-for-media-stream", "fps=30"), chromedp.Flag("use-fake-ui-for-media-stream", true),
	}
	for _, name := range []string{
		"site-per-process", // so that a frame of another site is a separate target
		"disable-quic", "disable-background-networking", "disable-component-update", "disable-sync", "hide-scrollbars",
		// A tab in the background continues to play.
		"disable-background-timer-throttling", "disable-backgrounding-occluded-windows", "disable-renderer-backgrounding",
	} {
		options = append(options, chromedp.Flag(name, true))
	}
	return options
}

// OpenBrowser starts Chromium, which runs until the end of the test.
func OpenBrowser(tb testing.TB) *Browser {
	tb.Helper()
	return openBrowser(tb)
}

// OpenBrowserWithHost starts a Chromium that resolves a host name to this machine. Its pages of that
// host are not a secure context.
func OpenBrowserWithHost(tb testing.TB, host string) *Browser {
	tb.Helper()
	return openBrowser(tb, chromedp.Flag("host-resolver-rules", "MAP "+host+" 127.0.0.1"))
}

func openBrowser(tb testing.TB, more ...chromedp.ExecAllocatorOption) *Browser {
	tb.Helper()
	path := ""
	// The headless shell is the same engine without a window, and starts faster.
	for _, name := range []string{"chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		tb.Fatal("Chromium is not installed: tools/need.sh chromium")
	}
	out := &output{}
	ctx, stop := chromedp.NewExecAllocator(context.WithoutCancel(tb.Context()), append(append(flags(), more...), chromedp.ExecPath(path), chromedp.CombinedOutput(out))...)
	tb.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	tb.Cleanup(closeTab)
	// The browser lives as long as the context of the first call: it has no deadline.
	if err := chromedp.Do(ctx, chromedp.Navigate("about:blank")); err != nil {
		tb.Fatalf("start Chromium: %v", err)
	}
	tb.Cleanup(func() {
		if err := chromedp.Cancel(ctx); err != nil {
			tb.Logf("close Chromium: %v", err)
		}
	})
	return &Browser{ctx: ctx, output: out}
}

// captureHLSLog makes hls.js write its log to window.hlsLog, for failed tests.
const captureHLSLog = `(() => {
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
				if (config?.autoStartLoad !== false) window.hls = this; // others only read a playlist
				this.on(original.Events.ERROR, (_, e) => say('ERROR')(e.type, e.details, e.fatal, e.error?.message ?? '', 'at', video()?.currentTime));
			}
		};
	}});
})()`

// preloadScript runs in each page before the page's own scripts.
const preloadScript = captureHLSLog + ";" + meterScript

// Open opens url in a new tab, until the end of the test. An uncaught exception in the page, or
// a violation of its Content-Security-Policy, fails the test. The page is marked so that a
// reload is detected.
func (b *Browser) Open(tb testing.TB, url string) *Page {
	tb.Helper()
	return b.OpenWith(tb, url, "")
}

// OpenWith is Open with a script that runs in each page before the page's own scripts.
func (b *Browser) OpenWith(tb testing.TB, url, script string) *Page {
	tb.Helper()
	ctx, closeTab := chromedp.NewContext(b.ctx)
	tb.Cleanup(closeTab)
	// As with the browser: the first call's context has no deadline.
	listen := func(ctx context.Context, tab *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, tab, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: preloadScript + ";" + script})
		return none, err
	}
	if err := chromedp.Do(ctx, listen); err != nil {
		tb.Fatalf("open a tab: %v", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Page{tb: tb, ctx: ctx, tab: chromiumTab{}}
	p.watchConsole()
	p.watchForCrash(b.output, cancel)
	tb.Cleanup(func() {
		if tb.Failed() && !p.logged {
			p.logFailure()
		}
	})
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		tb.Fatalf("open %s: %v", url, err)
	}
	if _, err := evaluate[bool](p, "window.sameDocument = true"); err != nil {
		tb.Fatal(err)
	}
	return p
}

// watchConsole reads the console until the tab is closed.
func (p *Page) watchConsole() {
	messages := chromedp.Console(p.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.IsException() || strings.Contains(m.String(), "Content Security Policy") {
				p.tb.Errorf("page: %s", m.String())
			}
		}
	}()
	p.tb.Cleanup(func() {
		if err := chromedp.Cancel(p.ctx); err != nil {
			p.tb.Logf("close tab: %v", err)
		}
		<-ended
	})
}

// chromiumTab is the tab of chromedp's context.
type chromiumTab struct{}

func (chromiumTab) evaluate(ctx context.Context, expression string) ([]byte, error) {
	return chromedp.Run(ctx, chromedp.Evaluate[[]byte](expression, chromedp.EvalAwaitPromise))
}

func (chromiumTab) screenshot(ctx context.Context) ([]byte, error) {
	return chromedp.Run(ctx, chromedp.CaptureScreenshot())
}
