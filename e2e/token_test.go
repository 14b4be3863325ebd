//go:build e2e

package e2e

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// tokenURL returns the watch page with a playback token that is valid for a time.
func tokenURL(t *testing.T, s *harness.Server, id string, ttl time.Duration) string {
	t.Helper()
	c := exec.CommandContext(t.Context(), s.Program(), "token", "--config", "golive.yaml", "--url", s.URL(""), "--ttl", ttl.String(), id)
	c.Dir = s.Dir
	out, err := c.Output()
	if err != nil {
		t.Fatalf("golive token: %v", err)
	}
	return strings.Split(string(out), "\n")[2]
}

func TestWatchPage_PlaysWithATokenAndSaysWhenItHasExpired(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: "origin: { playback: signed }\n"})
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	const title = "document.querySelector('[data-player]').dataset.state === 'denied' && document.querySelector('[data-title]').textContent"
	b := harness.OpenBrowser(t)

	without := b.Open(t, s.WatchURL("show"))
	without.WaitUntil(20*time.Second, title+" === 'This broadcast is not public'")

	with := b.Open(t, tokenURL(t, s, "show", time.Hour))
	with.WaitForPicture(20 * time.Second)
	with.MustPlay(4 * time.Second)

	// On a machine that is busy, a picture takes a while.
	brief := b.Open(t, tokenURL(t, s, "show", 25*time.Second))
	brief.WaitForPicture(20 * time.Second)
	brief.WaitUntil(60*time.Second, title+" === 'This link is not valid any more'")
	takeScreenshots(brief, "watch-token-expired")
}

// The API shows a private broadcast only to its owner; the page plays it nevertheless for anybody who
// has its URL.
func TestWatchPage_PlaysAPrivateBroadcast(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	made := create(t, s, `{"title":"Secret","visibility":"private"}`)
	b := harness.OpenBrowser(t)
	page := b.Open(t, made.Playback.Watch) // before it begins
	page.WaitUntil(20*time.Second, "document.querySelector('[data-title]').textContent === 'Not live yet'")
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL(made.StreamKey))
	page.WaitForPicture(30 * time.Second)
	page.MustPlay(4 * time.Second)
	without := b.Open(t, s.WatchURL(made.ID))
	without.WaitUntil(20*time.Second, "document.querySelector('[data-title]').textContent === 'This broadcast is not public'")
}

// created is the response to the creation of a broadcast.
type created struct {
	ID        string
	StreamKey string `json:"stream_key"`
	Playback  struct{ Watch string }
}

// create creates a broadcast of the user alice, once the server's registry is ready.
func create(t *testing.T, s *harness.Server, body string) (made created) {
	t.Helper()
	harness.Until(t, "the records are loaded", 20*time.Second, func() bool { return s.Logs.Count("records loaded") > 0 })
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL("/v1/broadcasts"), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer dev:alice")
	r.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %s", response.Status, text)
	}
	if err := json.Unmarshal(text, &made); err != nil {
		t.Fatal(err)
	}
	return made
}
