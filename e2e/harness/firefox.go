package harness

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// Firefox is a Firefox with a fresh profile.
type Firefox struct{ session *bidi }

// firefoxSettings let videos play without a click, and keep Firefox away from all but this
// machine: nothing answers at the proxy, which is not used for loopback addresses.
const firefoxSettings = `user_pref("media.autoplay.default", 0);
user_pref("media.autoplay.blocking_policy", 0);
user_pref("media.suspend-background-video.enabled", false);
user_pref("network.proxy.type", 1);
user_pref("network.proxy.http", "127.0.0.1");
user_pref("network.proxy.http_port", 9);
user_pref("network.proxy.ssl", "127.0.0.1");
user_pref("network.proxy.ssl_port", 9);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.enabled", false);
user_pref("app.normandy.enabled", false);
`

const firefoxOrigin = "http://127.0.0.1"

var firefoxAddress = regexp.MustCompile(`WebDriver BiDi listening on (ws://\S+)`)

// OpenFirefox starts Firefox, which runs until the end of the test. An uncaught exception in one
// of its pages, or a violation of its Content-Security-Policy, fails the test.
func OpenFirefox(tb testing.TB) *Firefox {
	tb.Helper()
	profile := tb.TempDir()
	if err := os.WriteFile(filepath.Join(profile, "user.js"), []byte(firefoxSettings), 0o600); err != nil {
		tb.Fatal(err)
	}
	process := Launch(tb, []string{"HOME=" + profile, "MOZ_CRASHREPORTER_DISABLE=1"},
		"firefox-esr", "--headless", "--no-remote", "--profile", profile, "--remote-debugging-port=0", "--remote-allow-origins="+firefoxOrigin)
	ctx, cancel := context.WithTimeout(tb.Context(), Timeout(stepTime))
	defer cancel()
	address := ""
	err := Eventually(ctx, 50*time.Millisecond, func() error {
		m := firefoxAddress.FindStringSubmatch(process.Logs.String())
		if m == nil {
			return fmt.Errorf("Firefox does not start:\n%s", process.Logs)
		}
		address = m[1]
		return nil
	})
	if err != nil {
		tb.Fatal(err)
	}
	config, err := websocket.NewConfig(address+"/session", firefoxOrigin)
	if err != nil {
		tb.Fatal(err)
	}
	conn, err := config.DialContext(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	f := &Firefox{session: newBidi(conn, func(_ string, entry json.RawMessage) { reportException(tb, entry) })}
	go f.session.read()
	tb.Cleanup(func() { f.close(tb, process) })
	for _, c := range []struct {
		method string
		params map[string]any
	}{
		{"session.new", map[string]any{"capabilities": map[string]any{}}},
		{"session.subscribe", map[string]any{"events": []string{"log.entryAdded"}}},
		{"script.addPreloadScript", map[string]any{"functionDeclaration": "() => {" + preloadScript + "}"}},
	} {
		if err := f.session.call(ctx, c.method, c.params, nil); err != nil {
			tb.Fatal(err)
		}
	}
	return f
}

func reportException(tb testing.TB, entry json.RawMessage) {
	var e struct {
		Type  string `json:"type"`
		Level string `json:"level"`
		Text  string `json:"text"`
	}
	if err := json.Unmarshal(entry, &e); err != nil || e.Type == "javascript" && e.Level == "error" {
		tb.Errorf("page: %s", entry)
	}
}

// close closes Firefox and waits for all of its processes, which write to its profile.
func (f *Firefox) close(tb testing.TB, process *Process) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), Timeout(stepTime))
	defer cancel()
	if err := f.session.call(ctx, "browser.close", map[string]any{}, nil); err != nil {
		tb.Logf("close Firefox: %v", err)
	}
	if err := process.end(Timeout(stepTime)); err != nil {
		tb.Logf("close Firefox: %v", err)
	}
	_ = f.session.conn.Close() // Firefox may have closed it
	<-f.session.ended
}

// Open opens url in a new window, until the end of the test. The page is marked so that a reload
// is detected.
func (f *Firefox) Open(tb testing.TB, url string) *Page {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), Timeout(stepTime))
	defer cancel()
	w := &firefoxWindow{session: f.session}
	// Tabs in the background are slowed down; windows are not.
	if err := f.session.call(ctx, "browsingContext.create", map[string]any{"type": "window"}, w); err != nil {
		tb.Fatal(err)
	}
	life, end := context.WithCancel(context.WithoutCancel(tb.Context()))
	tb.Cleanup(func() {
		if err := f.session.call(life, "browsingContext.close", map[string]any{"context": w.Context}, nil); err != nil {
			tb.Logf("close window: %v", err)
		}
		end()
	})
	if err := w.call(ctx, "setViewport", map[string]any{"viewport": map[string]int{"width": 1280, "height": 800}}, nil); err != nil {
		tb.Fatal(err)
	}
	if err := w.call(ctx, "navigate", map[string]any{"url": url, "wait": "complete"}, nil); err != nil {
		tb.Fatal(err)
	}
	p := &Page{tb: tb, ctx: life, tab: w}
	Evaluate[bool](p, "window.sameDocument = true")
	return p
}

// firefoxWindow implements tab.
type firefoxWindow struct {
	session *bidi
	Context string `json:"context"` // its id
}

// call calls a method of the module browsingContext for the window.
func (w *firefoxWindow) call(ctx context.Context, method string, params map[string]any, result any) error {
	params["context"] = w.Context
	return w.session.call(ctx, "browsingContext."+method, params, result)
}

func (w *firefoxWindow) evaluate(ctx context.Context, expression string) ([]byte, error) {
	var r struct {
		Result struct {
			Value string `json:"value"`
		} `json:"result"`
		Exception struct {
			Text string `json:"text"`
		} `json:"exceptionDetails"`
	}
	err := w.session.call(ctx, "script.evaluate", map[string]any{
		"expression": "(async () => JSON.stringify(await (" + expression + ")))()", "awaitPromise": true, "target": map[string]string{"context": w.Context},
	}, &r)
	if err == nil && r.Exception.Text != "" {
		err = errors.New(r.Exception.Text)
	}
	return []byte(r.Result.Value), err
}

func (w *firefoxWindow) screenshot(ctx context.Context) ([]byte, error) {
	var r struct {
		Data []byte `json:"data"`
	}
	err := w.call(ctx, "captureScreenshot", map[string]any{}, &r)
	return r.Data, err
}
