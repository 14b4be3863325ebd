//go:build e2e && field

package ladder

import (
	"net/url"
	"testing"
	"time"

	"golive/e2e/harness"
)

// slowNetwork is a throughput in bytes per second: too low for sources.Plain, which has 0.8 Mbit/s, and
// enough for the lowest rung with video of smallLadder.
const slowNetwork = 400_000 / 8

// roundTrip is the delay of a usual mobile network.
const roundTrip = 40 * time.Millisecond

// throttledStall is how long playback may stall, in a strict run, when the network gets slow: what is
// being loaded of the source at that time takes longer than what is buffered lasts.
const throttledStall = 4 * time.Second

// The watch page goes down to a rung when the network gets slow, and up again when it is fast again.
func TestLadder_ThePageFollowsTheNetwork(t *testing.T) {
	s := startLadder(t, smallLadder)
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.WaitFor("the source", 40*time.Second, func(now harness.Playback) bool { return now.Height == 360 })
	p.WaitForPlay(10 * time.Second)
	v := p.View()
	p.Mark()
	began := time.Now()
	p.Throttle(slowNetwork, roundTrip)
	p.WaitFor("a rung", 40*time.Second, func(now harness.Playback) bool { return now.Height != 360 && now.Height > 0 })
	t.Logf("throttled: %d lines after %v: %v", p.Playback().Height, time.Since(began).Round(time.Millisecond), p.Meter())
	change := p.Meter()
	p.Mark()
	harness.Pause(t.Context(), 15*time.Second)
	during := p.Meter()
	t.Logf("for 15 s: %d lines: %v", p.Playback().Height, during)
	p.WaitForPlay(10 * time.Second)
	if p.Playback().Height == 360 {
		t.Error("it plays the source on a network that is too slow for it")
	}
	p.Mark()
	began = time.Now()
	p.Throttle(0, 0)
	p.WaitFor("the source", 60*time.Second, func(now harness.Playback) bool { return now.Height == 360 })
	p.WaitForPlay(10 * time.Second)
	t.Logf("not throttled: 360 lines after %v: %v", time.Since(began).Round(time.Millisecond), p.Meter())
	report := harness.Summarise(v.Stop())
	t.Logf("%+v", report)
	if report.Back > 0 || report.Reloads > 0 || len(report.Faults) > 0 {
		t.Errorf("playback was disturbed: %+v", report)
	}
	if harness.Strict() && (change.Longest > throttledStall.Seconds() || during.Longest > throttledStall.Seconds() || p.Meter().Longest > 1) {
		t.Error("playback stalled for too long")
	}
	if lines := p.FatalErrors(); len(lines) > 0 {
		t.Errorf("hls.js reports %q", lines)
	}
}

// Other players do that too with MPEG-TS segments; they buffer more.
func TestLadder_PlayersFollowTheNetwork(t *testing.T) {
	base := harness.ServePlayers(t)
	for _, player := range []string{"shaka", "video.js"} {
		t.Run(player, func(t *testing.T) {
			s := startLadder(t, smallLadder)
			p := harness.OpenBrowser(t).Open(t, base+"/play?player="+player+"&url="+url.QueryEscape(s.PlainURL("show")))
			p.WaitUntil(40*time.Second, "globalThis.look && look().at > 1 && look().pictures > 0")
			p.WaitUntil(60*time.Second, "look().height === 360")
			follow := func(what string, limit time.Duration, height string) harness.PlayerState {
				began := time.Now()
				harness.Evaluate[bool](p, "Boolean(view.longest = 0) || true")
				p.WaitUntil(limit, "look().height "+height)
				took := time.Since(began)
				harness.Pause(t.Context(), 12*time.Second)
				l := harness.Evaluate[harness.PlayerState](p, "look()")
				t.Logf("%s: height %s after %v, then %+v", what, height, took.Round(time.Millisecond), l)
				if len(l.Errors) > 0 || l.Failed != "" {
					t.Errorf("%s: it fails", what)
				}
				if harness.Strict() && l.Longest > 1 {
					t.Errorf("%s: it stalled for %.1f s", what, l.Longest)
				}
				return l
			}
			p.Throttle(slowNetwork, roundTrip)
			slow := follow("throttled", 60*time.Second, "< 360")
			p.Throttle(0, 0)
			if fast := follow("not throttled", 90*time.Second, "=== 360"); fast.At <= slow.At {
				t.Errorf("it does not go on: %+v", fast)
			}
			if !harness.Evaluate[bool](p, "sameDocument") {
				t.Error("the page was loaded again")
			}
		})
	}
}
