package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"golive/internal/config"
)

func TestServe_PublishesOverWebSocketOnEveryListener(t *testing.T) {
	s, _, _ := secure(t, func(c *config.Config) { c.Origin.BasePath = "/video" })
	plain, secret := "http://"+s.listeners.http.Addr().String(), "https://"+s.listeners.https.Addr().String()
	for _, base := range []string{plain, secret, plain + "/video", secret + "/video"} {
		client := browser(t, http1)
		ws, _, err := websocket.Dial(t.Context(), "ws"+strings.TrimPrefix(base, "http")+"/v1/broadcasts/page/publish", &websocket.DialOptions{
			HTTPClient: client, Subprotocols: []string{"golive.flv"}, HTTPHeader: http.Header{"Origin": {"https://app.test"}},
		})
		if err != nil {
			t.Fatalf("%s: %v", base, err)
		}
		if _, text, err := ws.Read(t.Context()); err != nil || string(text) != `{"type":"started"}` {
			t.Errorf("%s: %q, %v", base, text, err)
		}
		if err := ws.Write(t.Context(), websocket.MessageText, []byte("hello")); err != nil {
			t.Errorf("%s: %v", base, err)
		}
		if _, _, err := ws.Read(t.Context()); websocket.CloseStatus(err) != 4400 || !strings.Contains(err.Error(), "each must be a binary one with one FLV tag") {
			t.Errorf("%s: ended with %v", base, err)
		}
	}
	for base, protocols := range map[string]func(*http.Protocols){plain: h2c, secret: http2} {
		if r, text := visit(t.Context(), t, browser(t, protocols), base+"/v1/broadcasts/page/publish"); r.StatusCode != http.StatusUpgradeRequired || !strings.Contains(text, "WebSocket") {
			t.Errorf("%s over HTTP/2: %s %q", base, r.Status, text)
		}
	}
}

func TestServe_WithoutWebSocketThereIsNoSuchAddress(t *testing.T) {
	s := startInMemory(t, func(c *config.Config) { c.Ingest.WebSocket.Enabled = false })
	r, _ := visit(t.Context(), t, browser(t, http1), "http://"+s.listeners.http.Addr().String()+"/v1/broadcasts/page/publish")
	if r.StatusCode/100 != 4 || r.StatusCode == http.StatusUpgradeRequired {
		t.Errorf("%s", r.Status)
	}
}
