package websocket

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/internal/connlimit"
)

func TestRefuse_KeysOfOtherBroadcasts(t *testing.T) {
	h := open(t, keyed())
	for _, test := range []struct {
		name, id, key string
		code          websocket.StatusCode
	}{
		{"another's key", "stage", studioKey, closeUnauthorized},
		{"a wrong key", "studio", "key-of-nobody", closeUnauthorized},
		{"no key", "studio", "", closeUnauthorized},
		{"the key as the id", studioKey, "", closeUnauthorized},
		{"the key as the id and the key", studioKey, studioKey, closeUnauthorized},
		{"no id", "%20", studioKey, closeRequest},
		{"a long id", strings.Repeat("x", 65), studioKey, closeRequest},
	} {
		c := h.dial(t, test.id, test.key)
		if reason := c.end(test.code); strings.Contains(reason, studioKey) {
			t.Errorf("%s: the reason has the key: %s", test.name, reason)
		}
	}
	if len(h.Opened) > 0 {
		t.Error("a publisher was admitted")
	}
	if n := h.metric(t, "golive_ingest_refusals_total", "websocket", "unauthorized"); n != 5 {
		t.Errorf("%v refusals are counted, want 5", n)
	}
	open := open(t, testConfig())
	open.live(t, "anything", "")
	open.dial(t, "anything", "else").end(closeUnauthorized)
}

func TestRefuse_EveryRefusalHasItsCode(t *testing.T) {
	h := open(t, testConfig())
	limit := func(l ingest.Limit) error { return &ingest.LimitError{Limit: l, Measured: "it is", Allowed: "0"} }
	for _, test := range []struct {
		refusal error
		code    websocket.StatusCode
		reason  string
	}{
		{fmt.Errorf("%w: not allowed today", ingest.ErrRefused), closeRefused, "not allowed today"},
		{ingest.ErrEnded, closeEnded, "broadcast has ended"},
		{fmt.Errorf("%w: it has a publisher", ingest.ErrTaken), closeTaken, "it has a publisher"},
		{ingest.ErrUnavailable, closeUnavailable, "takes no publishers now"},
		{ingest.ErrClosing, websocket.StatusServiceRestart, "shutting down"},
		{limit(ingest.LimitSessions), closeBusy, "ingest.limits.sessions"},
		{limit(ingest.LimitMemory), closeBusy, "ingest.limits.memory"},
		{limit(ingest.LimitWidth), closeTooMuch, "ingest.limits.width"},
		{errors.New("disk of the database is full"), closeInternal, "internal error"},
	} {
		h.Refuse(test.refusal)
		if reason := h.dial(t, "studio", "").end(test.code); !strings.Contains(reason, test.reason) {
			t.Errorf("%v: reason %s, want one with %q", test.refusal, reason, test.reason)
		}
	}
}

func TestRefuse_ClientsOfOtherProtocols(t *testing.T) {
	h := open(t, testConfig())
	address := h.url + "/v1/broadcasts/studio/publish"
	for _, offered := range [][]string{nil, {"golive.mp4"}, {keyPrefix + studioKey}} {
		c, err := dialWith(t, address, &websocket.DialOptions{Subprotocols: offered})
		if err != nil {
			t.Fatal(err)
		}
		if reason := c.end(closeRequest); !strings.Contains(reason, subprotocol) {
			t.Errorf("%q: reason %s, want one that names %s", offered, reason, subprotocol)
		}
	}
	for name, headers := range map[string]string{
		"none":       "",
		"connection": "Connection: upgrade\r\n",
		"upgrade":    "Upgrade: websocket\r\n",
		"another":    "Connection: upgrade\r\nUpgrade: h2c\r\n",
	} {
		answer, text := h.get(t, headers)
		if answer.StatusCode != http.StatusUpgradeRequired || answer.Header.Get("Upgrade") != "websocket" || !strings.Contains(text, "WebSocket") {
			t.Errorf("%s: %s %v %q, want 426 that asks for WebSocket", name, answer.Status, answer.Header, text)
		}
	}
	const upgrade = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n"
	for _, headers := range []string{"Sec-WebSocket-Version: 8\r\n", "Sec-WebSocket-Version: 13\r\n", "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n"} {
		if answer, _ := h.get(t, upgrade+headers); answer.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s, want 400", headers, answer.Status)
		}
	}
}

// get sends a request with headers over a new connection.
func (h *harness) get(t *testing.T, headers string) (answer *http.Response, text string) {
	t.Helper()
	host := strings.TrimPrefix(h.url, "ws://")
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := fmt.Fprintf(conn, "GET /v1/broadcasts/studio/publish HTTP/1.1\r\nHost: %s\r\n%s\r\n", host, headers); err != nil {
		t.Fatal(err)
	}
	answer, err = http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer, string(body)
}

func TestRefuse_PagesOfOtherOrigins(t *testing.T) {
	h := openAt(t, testConfig(), Site{AllowOrigin: func(origin string) bool { return origin == "https://app.test" }})
	host := strings.TrimPrefix(h.url, "ws://")
	for origin, want := range map[string]bool{
		"": true, "https://app.test": true, "http://" + host: true, "https://" + host: true,
		"https://evil.test": false, "https://app.test.evil.test": false, "null": false, "://": false,
	} {
		options := &websocket.DialOptions{Subprotocols: offered("")}
		if origin != "" {
			options.HTTPHeader = http.Header{"Origin": {origin}}
		}
		_, err := dialWith(t, h.url+"/v1/broadcasts/studio/publish", options)
		if (err == nil) != want || err != nil && !strings.Contains(err.Error(), "403") {
			t.Errorf("origin %q: err = %v, want allowed %v", origin, err, want)
		}
	}
}

func TestRefuse_ConnectionsOverTheLimit(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Connections = 4
	h := openAt(t, cfg, Site{Proxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}})
	from := func(address, id string) *client {
		t.Helper()
		c, err := dialWith(t, h.url+"/v1/broadcasts/"+id+"/publish", &websocket.DialOptions{
			Subprotocols: offered(""), HTTPHeader: http.Header{"X-Forwarded-For": {address}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	publish := func(address, id string) *client {
		t.Helper()
		c := from(address, id)
		s := ingesttest.Await(t, "the publication", h.Opened)
		if !strings.HasPrefix(s.Publisher.Remote, address+":") {
			t.Errorf("remote %s, want %s", s.Publisher.Remote, address)
		}
		c.audio(0, ingesttest.AACConfig())
		c.audio(0, ingesttest.AACFrame())
		ingesttest.Await(t, "a unit", s.Wrote)
		return c
	}
	publish("192.0.2.1", "a")
	publish("192.0.2.1", "b")
	if reason := from("192.0.2.1", "c").end(closeBusy); !strings.Contains(reason, "connections") {
		t.Errorf("reason %s, want one that names connections", reason)
	}
	publish("192.0.2.2", "d")
	silent := from("192.0.2.3", "e") // sends nothing, and is closed for the next one
	ingesttest.Await(t, "the publication", h.Opened)
	publish("192.0.2.4", "f")
	silent.end(closeBusy)
	from("192.0.2.5", "g").end(closeBusy)
	h.line(t, "connection refused", "protocol=websocket", "reason=limit")
}

func TestRefuse_AddressThatConnectsTooOften(t *testing.T) {
	h := open(t, keyed())
	const allowed = 20
	h.server.slots = connlimit.New(connlimit.Config{Slots: allowed, Rate: 1, Burst: allowed * attemptCost}) // it hardly grows while the test runs
	for i := range 2 * allowed {
		c := h.dial(t, "studio", "key-of-nobody")
		err := ingesttest.Await(t, "the close frame", c.closed)
		switch code := websocket.CloseStatus(err); {
		case code == closeBusy && strings.Contains(err.Error(), "connects too often"):
			if i < allowed {
				t.Errorf("attempt %d of %d is refused", i, allowed)
			}
			return
		case code != closeUnauthorized:
			t.Fatalf("attempt %d: closed with %v", i, err)
		}
	}
	t.Error("the number of attempts is not limited")
}
