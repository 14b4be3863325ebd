package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Time limits of calls to the browser, on a machine that decodes video.
const (
	callTime = 30 * time.Second
	stepTime = 60 * time.Second
)

// Page is a tab, or a frame in one. Do, Frame, ClickAt and PressAt need Chromium.
type Page struct {
	// Rebuilds is set if the player is expected to rebuild hls.js.
	Rebuilds bool

	tb testing.TB
	//nolint:containedctx // as Browser's
	ctx context.Context
	tab tab
	// logged is set when logFailure was called.
	logged bool
}

// tab is what a Page needs of every browser.
type tab interface {
	// evaluate returns the value, in JSON, of a JavaScript expression, or that of its promise.
	evaluate(ctx context.Context, expression string) ([]byte, error)
	// screenshot returns a PNG file.
	screenshot(ctx context.Context) ([]byte, error)
}

// Evaluate returns the value of a JavaScript expression in the page, or that of its promise.
func Evaluate[T any](p *Page, expression string) T {
	p.tb.Helper()
	v, err := evaluate[T](p, expression)
	if err != nil {
		p.tb.Fatal(err)
	}
	return v
}

func evaluate[T any](p *Page, expression string) (v T, err error) {
	ctx, cancel := context.WithTimeout(p.ctx, callTime)
	defer cancel()
	text, err := p.tab.evaluate(ctx, expression)
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		return v, fmt.Errorf("evaluate %s: %w", expression, err)
	}
	return v, nil
}

// Do runs actions in the page.
func (p *Page) Do(steps ...chromedp.Action[chromedp.Void]) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		p.tb.Fatal(err)
	}
}

// Frame returns the frame of another site that shows url.
func (p *Page) Frame(url string) *Page {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, callTime)
	defer cancel()
	var found target.ID
	err := Eventually(ctx, 50*time.Millisecond, func() error {
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
		p.tb.Fatal(err)
	}
	inner, stop := chromedp.NewContext(p.ctx, chromedp.WithTargetID(found))
	p.tb.Cleanup(stop)
	// As with the tab: the first call's context has no deadline.
	if _, err := chromedp.Run(inner, chromedp.Evaluate[bool]("true")); err != nil {
		p.tb.Fatal(err)
	}
	return &Page{tb: p.tb, ctx: inner, tab: p.tab}
}

// SetFrozen hides and freezes the page as a phone does, or shows it again. Nothing can be evaluated in a
// frozen page.
func (p *Page) SetFrozen(frozen bool) {
	p.tb.Helper()
	state := cdppage.SetWebLifecycleStateStateActive
	if frozen {
		state = cdppage.SetWebLifecycleStateStateFrozen
	}
	p.Do(func(ctx context.Context, tab *chromedp.Target) (none chromedp.Void, err error) {
		set := func() error {
			_, err := cdp.Call(ctx, tab, cdppage.SetWebLifecycleState, cdppage.SetWebLifecycleStateParams{State: state})
			return err
		}
		// Afterwards it is still hidden, and Chromium without a window shows it only for this.
		show := func() error {
			_, err := cdp.Call(ctx, tab, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: !frozen})
			return err
		}
		if frozen {
			return none, errors.Join(show(), set())
		}
		return none, errors.Join(set(), show())
	})
}

// Text returns the text of an element.
func (p *Page) Text(selector string) string {
	p.tb.Helper()
	text, err := evaluate[string](p, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector))
	if err != nil {
		p.tb.Fatal(err)
	}
	return text
}

// ClickAt clicks an element at a fraction of its width, from 0 to 1.
func (p *Page) ClickAt(selector string, across float64) {
	p.tb.Helper()
	at := p.pointAt(selector, across)
	p.Do(chromedp.MouseClickXY(at[0], at[1]))
}

// PressAt presses the mouse button at such a place and does not release it.
func (p *Page) PressAt(selector string, across float64) {
	p.tb.Helper()
	at := p.pointAt(selector, across)
	p.Do(chromedp.MouseEvent(chromedp.MousePressed, at[0], at[1], chromedp.ButtonLeft, chromedp.ClickCount(1)))
}

// pointAt moves the pointer to such a place.
func (p *Page) pointAt(selector string, across float64) [2]float64 {
	p.tb.Helper()
	at, err := evaluate[[2]float64](p, fmt.Sprintf(`(() => {
		const r = document.querySelector(%q).getBoundingClientRect();
		return [r.x + %f * r.width, r.y + r.height / 2];
	})()`, selector, across))
	if err != nil {
		p.tb.Fatal(err)
	}
	// Moving the pointer shows hidden controls.
	p.Do(chromedp.MouseEvent(chromedp.MouseMoved, at[0], at[1]))
	p.WaitUntil(stepTime, fmt.Sprintf("document.querySelector(%q).contains(document.elementFromPoint(%f, %f))", selector, at[0], at[1]))
	return at
}

// WaitUntil waits until a JavaScript expression is true.
func (p *Page) WaitUntil(limit time.Duration, expression string) {
	p.tb.Helper()
	p.eventually(limit, func() error {
		yes, err := evaluate[bool](p, "Boolean("+expression+")")
		if err == nil && !yes {
			err = fmt.Errorf("%s is not true after %v", expression, Timeout(limit))
		}
		return err
	})
}

// eventually calls try until it succeeds, and fails the test after Timeout(limit).
func (p *Page) eventually(limit time.Duration, try func() error) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, Timeout(limit))
	defer cancel()
	if err := Eventually(ctx, 50*time.Millisecond, try); err != nil {
		p.logFailure()
		p.tb.Fatal(err)
	}
}

// logFailure writes a screenshot of a failed page and the log of hls.js.
func (p *Page) logFailure() {
	p.tb.Helper()
	p.logged = true
	p.Screenshot(p.tb.Name() + "-failed")
	lines, err := evaluate[[]string](p, "window.hlsLog ?? []")
	if err != nil {
		p.tb.Log(err)
		return
	}
	path := p.artefact(p.tb.Name() + "-failed.log")
	p.tb.Logf("hls.js's log is in %s", path)
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		p.tb.Log(err)
	}
}

// FatalErrors returns the fatal errors that hls.js has reported.
func (p *Page) FatalErrors() []string {
	p.tb.Helper()
	return Evaluate[[]string](p, `hlsLog.filter((line) => / ERROR \S+ \S+ true/.test(line))`)
}

// Screenshot writes e2e/out/NAME.png.
func (p *Page) Screenshot(name string) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, stepTime)
	defer cancel()
	png, err := p.tab.screenshot(ctx)
	if err != nil {
		p.tb.Error(err)
		return
	}
	if err := os.WriteFile(p.artefact(name+".png"), png, 0o644); err != nil {
		p.tb.Error(err)
	}
}

// artefact returns the path of a file in e2e/out.
func (p *Page) artefact(name string) string {
	p.tb.Helper()
	dir := filepath.Join(testFolder(p.tb), "out")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.tb.Error(err)
	}
	return filepath.Join(dir, strings.NewReplacer("/", "-", " ", "-", ",", "").Replace(name))
}

// testFolder returns the path of the folder e2e.
func testFolder(tb testing.TB) string {
	tb.Helper()
	dir, err := os.Getwd()
	if err != nil {
		tb.Fatal(err)
	}
	// A test runs in its package's folder, which is e2e or below it.
	for filepath.Base(dir) != "e2e" && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	return dir
}
