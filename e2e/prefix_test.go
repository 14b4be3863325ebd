//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// Row 76 of docs/encoders.md: golive below a path of another site, whose proxy removes the
// path or passes it on.
func TestChromium_PlaysBelowThePathOfAProxy(t *testing.T) {
	pathRemoved := harness.Start(t, harness.Options{})
	pathKept := harness.Start(t, harness.Options{Config: "origin: { base_path: /kept }"})
	proxy := harness.StartNginxProxy(t, map[string]string{"/video/": pathRemoved.HTTP + "/", "/kept/": pathKept.HTTP})
	source := sources.Plain(t)
	for _, c := range []struct {
		server *harness.Server
		prefix string
	}{{pathRemoved, "/video"}, {pathKept, "/kept"}} {
		harness.PublishLooped(t, source, c.server.PublishURL("show"))
		root := proxy.URL + c.prefix
		harness.WaitFor(t, root+"/live/show/index.m3u8", 20*time.Second)

		p := harness.OpenBrowser(t).Open(t, root+"/")
		p.WaitUntil(20*time.Second, "document.querySelector('.card a')?.href === '"+root+"/watch/show'")
		p.WaitUntil(20*time.Second, "document.querySelector('.card video')?.currentTime > 1")
		for _, page := range []string{"/watch/show", "/watch/show/", "/embed/show"} {
			p.Do(chromedp.Navigate(root + page))
			p.WaitUntil(20*time.Second, "document.querySelector('video').currentTime > 0")
			began := harness.Evaluate[float64](p, "document.querySelector('video').currentTime")
			p.WaitUntil(20*time.Second, fmt.Sprintf("document.querySelector('video').currentTime > %f", began+3))
			if got := harness.Evaluate[string](p, "location.href"); got != root+strings.TrimSuffix(page, "/") {
				t.Errorf("%s%s is at %s", c.prefix, page, got)
			}
			stray := harness.Evaluate[string](p, "performance.getEntriesByType('resource').map((e) => e.name).filter((n) => !n.startsWith('"+root+"/') && !n.startsWith('blob:')).join(' ')")
			if stray != "" {
				t.Errorf("%s%s asks for %s", c.prefix, page, stray)
			}
		}
		for _, path := range []string{"/v1/docs", "/v1/openapi.json", "/v1/broadcasts", "/v1/broadcasts/show/"} {
			if _, err := harness.Get(t.Context(), root+path); err != nil {
				t.Errorf("%s%s: %v", c.prefix, path, err)
			}
		}
	}
	if r, err := http.Get(pathKept.URL("/live/show/index.m3u8")); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("without the proxy: %v, %v", r, err)
	}
}
