//go:build e2e

package e2e

import (
	"flag"
	"net/url"
	"testing"
	"time"

	"golive/e2e/harness"
)

var playersWatch = flag.Duration("players", 12*time.Second, "how long each player plays in TestPlayers")

// Players with their default settings play index.m3u8, from the first second of the broadcast and
// from the middle, to its end. How smoothly they play is checked in a strict run only.
func TestPlayers_PlayTheMultivariantPlaylistWithTheirDefaults(t *testing.T) {
	base := harness.ServePlayers(t)
	file := sources.Plain(t)
	for _, player := range []string{"hls.js", "shaka", "video.js"} {
		t.Run(player, func(t *testing.T) {
			t.Parallel()
			s := harness.Start(t, harness.Options{})
			b := harness.OpenBrowser(t)
			encoder := harness.PublishLooped(t, file, s.PublishURL("show"))
			s.WaitForState("show", "live", 10*time.Second)
			address := base + "/play?player=" + player + "&url=" + url.QueryEscape(s.PlaylistURL("show"))
			first := watchPlayer(t, b.Open(t, address), "from the first second")
			middle := b.Open(t, address)
			watchPlayer(t, middle, "from the middle")
			encoder.Quit()
			if player == "video.js" {
				return // from an ended playlist without parts it does not load the rest of its segment
			}
			middle.WaitUntil(20*time.Second, "look().ended")
			if l := harness.Evaluate[harness.PlayerState](middle, "look()"); l.Failed != "" || len(l.Errors) > 0 || l.At < first.At {
				t.Errorf("at the end: %+v", l)
			}
		})
	}
}

// watchPlayer watches a player for a while.
func watchPlayer(t *testing.T, p *harness.Page, when string) harness.PlayerState {
	t.Helper()
	p.WaitUntil(20*time.Second, "globalThis.look && look().at > 0 && look().pictures > 0")
	began := harness.Evaluate[harness.PlayerState](p, "look()")
	harness.Pause(t.Context(), *playersWatch)
	l := harness.Evaluate[harness.PlayerState](p, "look()")
	t.Logf("%s: %+v", when, l)
	played := l.At - began.At
	switch {
	case len(l.Errors) > 0 || l.Failed != "":
		t.Errorf("%s it fails: %q %s", when, l.Errors, l.Failed)
	case l.Pictures <= began.Pictures || l.Sound <= began.Sound || played <= 0:
		t.Errorf("%s it stalls: %+v, and then %+v", when, began, l)
	case harness.Strict() && (l.Longest > 0.5 || played < playersWatch.Seconds()-1):
		t.Errorf("%s it stalled for %.1f s, and played %.1f s", when, l.Longest, played)
	}
	return l
}
