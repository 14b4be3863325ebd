//go:build e2e && field

package browser

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"golive/e2e/harness"
)

// mustPlayLive waits until the watch page plays at the live end.
func mustPlayLive(viewer *harness.Page) {
	viewer.WaitUntil(20*time.Second, "document.querySelector('[data-player]').dataset.state === 'live'")
	viewer.Mark()
	viewer.WaitUntil(20*time.Second, fmt.Sprintf("meter.first > 0 && meter.look().latency > 0 && meter.look().latency < %f", harness.Timeout(3*time.Second).Seconds()))
}

// loss is a way in which the network is lost.
type loss struct {
	name  string
	begin func(*harness.Proxy)
}

// losses returns the ways: connections are reset; all bytes wait until the network is back; or connections
// stay open and nothing arrives any more.
func losses() []loss {
	return []loss{
		{"reset", func(p *harness.Proxy) { p.CutOff(harness.Reset) }},
		{"stalled", (*harness.Proxy).Stall},
		{"silent", func(p *harness.Proxy) { p.CutOff(harness.BlackHole) }},
	}
}

// The broadcaster's network is lost again and again, and then the viewer's, whose tab is frozen as well: it
// is one broadcast, and the viewer plays on without a reload.
func TestCuts_LeaveOneBroadcast(t *testing.T) {
	const cuts, length, viewerCuts = 10, 5 * time.Second, 3
	s := harness.Start(t, harness.Options{})
	uplink, downlink := harness.StartProxy(t, s.HTTP), harness.StartProxy(t, s.HTTP)
	b := harness.OpenBrowser(t)
	p := openScreen(t, b, "http://"+uplink.Address+"/golive", "camera")
	p.goLive()
	viewer := b.Open(t, "http://"+downlink.Address+"/watch/"+p.id)
	viewer.WaitForPicture(30 * time.Second)

	for i := range cuts {
		how := losses()[i%len(losses())]
		sent := uplink.Bytes()
		how.begin(uplink)
		harness.Pause(t.Context(), length)
		uplink.Resume()
		back := time.Now()
		harness.Until(t, "the broadcaster sends again", 20*time.Second, func() bool { return uplink.Bytes() > sent+50_000 })
		p.WaitUntil(20*time.Second, state+" === 'live'")
		sends := time.Since(back)
		mustPlayLive(viewer)
		t.Logf("cut %d, %s for %v: the broadcaster sends after %.1f s, the viewer is live after %.1f s: %v",
			i+1, how.name, length, sends.Seconds(), time.Since(back).Seconds(), viewer.Meter())
	}
	for range viewerCuts {
		downlink.CutOff(harness.Reset)
		harness.Pause(t.Context(), length)
		downlink.Resume()
		back := time.Now()
		mustPlayLive(viewer)
		t.Logf("the viewer's network cut for %v: it is live after %.1f s: %v", length, time.Since(back).Seconds(), viewer.Meter())
	}
	viewer.SetFrozen(true)
	harness.Pause(t.Context(), length)
	viewer.SetFrozen(false)
	mustPlayLive(viewer)
	if !viewer.Playback().Same {
		t.Error("the viewer's page was reloaded")
	}
	t.Logf("the screen showed %q", p.states())
	p.end()
	viewer.WaitUntil(30*time.Second, "document.querySelector('[data-player]').dataset.state === 'ended'")
	p.mustBeOneBroadcast(t, s)
}

// A broadcaster without WebCodecs connects again when the server was killed, and when it was silent.
func TestCuts_OfWHIPLeaveOneBroadcast(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: `ingest: { whip: { listen: "127.0.0.1:0" } }`})
	b := harness.OpenBrowser(t)
	p := &screen{Page: b.OpenWith(t, s.URL("/golive"), withoutWebCodecs)}
	harness.Evaluate[bool](p.Page, watchStates)
	p.choose("camera")
	p.goLive()
	viewer := b.Open(t, s.WatchURL(p.id))
	viewer.WaitForPicture(30 * time.Second)
	for _, c := range []struct {
		name string
		cut  func()
	}{
		{"killed", func() { s.Kill(); s.Run() }},
		{"silent for 12 s", func() {
			s.Signal(syscall.SIGSTOP)
			harness.Pause(t.Context(), 12*time.Second)
			s.Signal(syscall.SIGCONT)
		}},
	} {
		sessions := s.Logs.Count("session started", "protocol=whip")
		c.cut()
		back := time.Now()
		harness.Until(t, "the broadcaster connects again", 30*time.Second, func() bool {
			return s.Logs.Count("session started", "protocol=whip") > sessions
		})
		p.WaitUntil(20*time.Second, state+" === 'live'")
		sends := time.Since(back)
		mustPlayLive(viewer)
		t.Logf("%s: the page is live after %.1f s, the viewer after %.1f s; the screen showed %q", c.name, sends.Seconds(), time.Since(back).Seconds(), p.states())
	}
	p.end()
	viewer.WaitUntil(30*time.Second, "document.querySelector('[data-player]').dataset.state === 'ended'")
	if all, own := s.Logs.Count("broadcast started"), s.Logs.Count("broadcast started", p.id); all != own {
		t.Errorf("%d broadcasts have begun, %d of them this one, again after the kill", all, own)
	}
}
