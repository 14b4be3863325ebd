//go:build e2e

package pages

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// findings returns the violations that axe-core calls serious or critical, each with its element.
const findings = `axe.run(document, {resultTypes: ['violations']}).then((r) => r.violations
	.filter((v) => v.impact === 'serious' || v.impact === 'critical')
	.flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.target.join(' ') + ': ' + n.failureSummary)))`

func TestPages_HaveNoSeriousAxeViolations(t *testing.T) {
	axe, err := os.ReadFile("../../web/node_modules/axe-core/axe.min.js")
	if err != nil {
		t.Fatalf("axe-core is not installed (make setup): %v", err)
	}
	s := harness.Start(t, harness.Options{})
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	browser := harness.OpenBrowser(t)
	p := browser.Open(t, "about:blank")
	for _, width := range []int64{1280, 390} {
		for _, scheme := range []string{"light", "dark"} {
			for path, ready := range map[string]string{
				"/":           "document.querySelector('.card .badge') && !document.querySelector('[data-go-live]').classList.contains('is-away')",
				"/golive":     "document.querySelector('[data-source=test]')",
				"/studio":     "!document.querySelector('[data-charts]').hidden && document.querySelector('[data-issues] li')",
				"/watch/show": "document.querySelector('video').currentTime > 0",
				"/embed/show": "document.querySelector('video').currentTime > 0",
				"/watch/.no":  "document.querySelector('h1')",
			} {
				p.Do(chromedp.EmulateViewport(width, 900), preferColorScheme(scheme), chromedp.Navigate(s.URL(path)))
				p.WaitUntil(20*time.Second, ready)
				if path == "/golive" {
					p.Do(chromedp.Click("[data-source=test]"))
					p.WaitUntil(20*time.Second, "!document.querySelector('[data-start]').disabled && document.querySelector('[data-preview]').videoWidth > 0")
				}
				p.Do(chromedp.Evaluate[chromedp.Void](string(axe) + "; undefined"))
				for _, found := range harness.Evaluate[[]string](p, findings) {
					t.Errorf("%s, %s, %d pixels wide: %s", path, scheme, width, found)
				}
				if wide := harness.Evaluate[int64](p, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s is %d pixels wide on a screen of %d", path, wide, width)
				}
				p.Screenshot(fmt.Sprintf("page-%s-%s-%d", strings.Trim(strings.ReplaceAll(path, "/", "-"), "-.")+"_", scheme, width))
			}
		}
	}
}

// preferColorScheme sets the visitor's choice of colours.
func preferColorScheme(scheme string) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, tab *chromedp.Target) (none chromedp.Void, err error) {
		_, err = cdp.Call(ctx, tab, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return none, err
	}
}
