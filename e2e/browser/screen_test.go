//go:build e2e

package browser

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"golive/e2e/harness"
)

// parallel lets a test run in parallel with others, unless the run is strict.
func parallel(t *testing.T) {
	t.Helper()
	if !harness.Strict() {
		t.Parallel()
	}
}

// screen is a tab with the screen to go live.
type screen struct {
	*harness.Page
	id string // of the broadcast
}

// state is the state that the screen shows.
const state = "document.querySelector('[data-screen]').dataset.state"

// watchStates records the states that the screen shows.
const watchStates = `(() => {
	window.states = [];
	const screen = document.querySelector('[data-screen]');
	new MutationObserver(() => { if (states.at(-1) !== screen.dataset.state) states.push(screen.dataset.state); }).observe(screen, {attributes: true});
	return true;
})()`

// openScreen opens the screen to go live at an address of the server, and chooses a source.
func openScreen(t *testing.T, b *harness.Browser, url, source string) *screen {
	t.Helper()
	p := &screen{Page: b.Open(t, url)}
	harness.Evaluate[bool](p.Page, watchStates)
	p.choose(source)
	return p
}

// choose chooses a source.
func (p *screen) choose(source string) {
	p.WaitUntil(20*time.Second, "document.querySelector('[data-source="+source+"]')")
	p.Do(chromedp.Click("[data-source=" + source + "]"))
	p.WaitUntil(20*time.Second, "!document.querySelector('[data-start]').disabled && document.querySelector('[data-preview]').readyState >= 3")
}

// goLive taps the button, and waits until the broadcast is on air.
func (p *screen) goLive() {
	p.Do(chromedp.Click("[data-start]"))
	p.WaitUntil(30*time.Second, state+" === 'live'")
	p.id = harness.Evaluate[string](p.Page, "document.querySelector('[data-link]').textContent.split('/').at(-1)")
}

// end ends the broadcast.
func (p *screen) end() {
	p.Do(chromedp.Click("[data-stop]"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-ask]').open")
	p.Do(chromedp.Click("[data-ask-yes]"))
	p.WaitUntil(20*time.Second, state+" === 'ended'")
}

// states returns the states that the screen has changed to since watchStates ran.
func (p *screen) states() []string { return harness.Evaluate[[]string](p.Page, "states") }

// mustBeOneBroadcast checks that the server has seen one broadcast, and that the page was not reloaded.
func (p *screen) mustBeOneBroadcast(t *testing.T, s *harness.Server) {
	t.Helper()
	if n := s.Logs.Count("broadcast started"); n != 1 {
		t.Errorf("%d broadcasts have begun", n)
	}
	if !harness.Evaluate[bool](p.Page, "window.sameDocument === true") {
		t.Error("the page was reloaded")
	}
}
