//go:build e2e

package browser

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// What the screen says about a problem, and whether the button to go live is disabled.
const (
	problem         = "(document.querySelector('[data-problem]').hidden ? '' : document.querySelector('[data-problem]').innerText)"
	startIsDisabled = "document.querySelector('[data-start]').disabled"
)

// withoutWebCodecs is a browser that has no encoders for scripts.
const withoutWebCodecs = "for (const name of ['VideoEncoder', 'AudioEncoder', 'MediaStreamTrackProcessor', 'VideoFrame']) delete globalThis[name]"

// withoutWebRTC has no WebRTC either.
const withoutWebRTC = withoutWebCodecs + "; delete globalThis.RTCPeerConnection"

// To a page that is not secure, browsers give no camera and no encoders: the page says what to do.
func TestProblems_AnInsecurePageSaysWhatToDo(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{})
	const host = "other.example"
	p := harness.OpenBrowserWithHost(t, host).Open(t, strings.Replace(s.URL("/golive"), "127.0.0.1", host, 1))
	p.WaitUntil(20*time.Second, problem+".includes('https://')")
	p.Do(chromedp.Click("[data-source=camera]"))
	p.WaitUntil(20*time.Second, problem+".includes('https://')")
	if !harness.Evaluate[bool](p, startIsDisabled) {
		t.Error("the button to go live is enabled")
	}
	// The test picture is only a picture: the encoders are missing, too.
	p.Do(chromedp.Click("[data-source=test]"))
	p.WaitUntil(20*time.Second, problem+".includes('https://') && "+startIsDisabled)
	p.Screenshot("golive-insecure")
}

// Without encoders in the page, the browser's own are used, by WHIP; if the server has none, or the browser
// no WebRTC, the page says so and names another way.
func TestProblems_WithoutWebCodecs(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, config, script, want string }{
		{"whip", "ingest: { whip: { listen: \"127.0.0.1:0\" } }", withoutWebCodecs, ""},
		{"no whip", "", withoutWebCodecs, "cannot send video"},
		{"no webrtc", "ingest: { whip: { listen: \"127.0.0.1:0\" } }", withoutWebRTC, "cannot send video"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := harness.Start(t, harness.Options{Config: c.config})
			b := harness.OpenBrowser(t)
			p := &screen{Page: b.OpenWith(t, s.URL("/golive"), c.script)}
			harness.Evaluate[bool](p.Page, watchStates)
			p.choose("camera")
			if c.want != "" {
				p.Do(chromedp.Click("[data-start]"))
				p.WaitUntil(20*time.Second, problem+".includes('"+c.want+"') && "+problem+".includes('studio')")
				p.WaitUntil(20*time.Second, "!document.querySelector('[data-setup]').hidden")
				return
			}
			p.goLive()
			viewer := b.Open(t, s.WatchURL(p.id))
			viewer.WaitForPicture(30 * time.Second)
			p.end()
			viewer.WaitUntil(30*time.Second, "document.querySelector('[data-player]').dataset.state === 'ended'")
			if n := s.Logs.Count("session started", "protocol=whip"); n != 1 {
				t.Errorf("%d WHIP sessions", n)
			}
			p.mustBeOneBroadcast(t, s)
		})
	}
}

// The page says in words that there is no camera or no permission for it, and offers the test picture.
func TestProblems_WithoutACameraThereIsTheTestPicture(t *testing.T) {
	t.Parallel()
	s := harness.Start(t, harness.Options{})
	p := &screen{Page: harness.OpenBrowser(t).OpenWith(t, s.URL("/golive"),
		"navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('Requested device not found', 'NotFoundError') }")}
	harness.Evaluate[bool](p.Page, watchStates)
	p.Do(chromedp.Click("[data-source=camera]"))
	p.WaitUntil(20*time.Second, problem+".includes('test picture') && "+startIsDisabled)
	harness.Evaluate[bool](p.Page, "navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('Permission denied', 'NotAllowedError') }, true")
	p.Do(chromedp.Click("[data-source=camera]"))
	p.WaitUntil(20*time.Second, problem+".includes('Allow the camera') && "+problem+".includes('test picture') && "+startIsDisabled)
	p.choose("test")
	p.goLive()
	p.end()
}
