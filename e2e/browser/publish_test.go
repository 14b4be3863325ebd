//go:build e2e

package browser

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// serveExample serves the package golive-client, whose example is a whole broadcaster. It returns the
// example's address for a golive server. To a browser localhost is a secure origin.
func serveExample(t *testing.T, server string) string {
	t.Helper()
	page := httptest.NewServer(http.FileServer(http.Dir("../../web/client")))
	t.Cleanup(page.Close)
	return strings.Replace(page.URL, "127.0.0.1", "localhost", 1) + "/example/?server=" + url.QueryEscape(server)
}

func TestChromium_BroadcastsFromAPageAndAnotherTabPlaysIt(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: "api: {open: true}\n"})
	b := harness.OpenBrowser(t)
	p := b.Open(t, serveExample(t, s.URL("/")))
	p.WaitUntil(10*time.Second, "window.live")
	p.ClickAt("#start", 0.5)
	p.WaitUntil(20*time.Second, "live.state === 'live' || live.state === 'failed'")
	if state := p.Text("#state"); state != "live" {
		t.Fatalf("the page says %q", state)
	}
	id := harness.Evaluate[string](p, "live.broadcast.id")
	t.Logf("admitted %d ms after the tap", harness.Evaluate[int](p, "admitted - tapped"))

	viewer := b.Open(t, s.WatchURL(id))
	viewer.WaitForPicture(20 * time.Second)
	t.Logf("first picture in the other tab %d ms after the tap, which includes opening it",
		harness.Evaluate[int64](viewer, "Date.now()")-harness.Evaluate[int64](p, "tapped"))
	viewer.MustPlay(8 * time.Second)
	s.WaitForPlaylist(id, "avc1.", 10*time.Second)
	s.WaitForPlaylist(id, "mp4a.40.2", 10*time.Second)
	s.Check(id, 10*time.Second)

	p.ClickAt("#stop", 0.5)
	p.WaitUntil(10*time.Second, "live.state === 'ended'")
	s.WaitForState(id, "ended", 20*time.Second)
}
