package websocket

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/internal/logtest"
	"golive/internal/setting"
)

func testConfig() ingest.Config {
	cfg := ingest.DefaultConfig()
	cfg.Limits.Ahead = 0
	return cfg
}

// keyed returns a configuration with the stream keys of the broadcasts studio and stage.
func keyed() ingest.Config {
	cfg := testConfig()
	cfg.Publish = ingest.PublishConfig{Keys: []ingest.KeyConfig{
		{ID: "studio", Key: setting.NewSecret(studioKey)}, {ID: "stage", Key: setting.NewSecret(stageKey)},
	}}
	return cfg
}

const (
	studioKey = "key-of-the-studio"
	stageKey  = "key-of-the-stage"
)

// harness is a server whose publishers are given to a handler.
type harness struct {
	*ingesttest.Handler
	server   *Server
	sessions *ingest.Sessions
	log      *logtest.Log
	registry *prometheus.Registry
	http     http.Handler
	url      string // of a server on loopback, ws://HOST:PORT
	stop     func()
}

// newHarness returns a server that neither listens nor runs.
func newHarness(t testing.TB, cfg ingest.Config, site Site) *harness {
	t.Helper()
	h := &harness{Handler: ingesttest.NewHandler(), log: &logtest.Log{}, registry: prometheus.NewRegistry()}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	auth, err := ingest.NewAuthorizer(cfg.Publish, ingest.NewSessionLimiter(cfg.Limits, ingest.NewMemory(0, 0), h.Handler), log)
	if err != nil {
		t.Fatal(err)
	}
	if site.AllowOrigin == nil {
		site.AllowOrigin = func(string) bool { return true }
	}
	h.sessions = ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(h.registry))
	h.server = NewServer(cfg, site, h.sessions, log)
	mux := http.NewServeMux()
	mux.Handle(Path, h.server)
	h.http = mux
	return h
}

// open returns a server that listens on loopback until the test ends.
func open(t testing.TB, cfg ingest.Config) *harness {
	t.Helper()
	return openAt(t, cfg, Site{})
}

func openAt(t testing.TB, cfg ingest.Config, site Site) *harness {
	t.Helper()
	h := newHarness(t, cfg, site)
	front := httptest.NewServer(h.http)
	h.url = "ws" + strings.TrimPrefix(front.URL, "http")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- h.server.Run(ctx) }()
	h.stop = sync.OnceFunc(func() {
		cancel()
		if err := ingesttest.Await(t, "the server's end", done); err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	t.Cleanup(func() {
		h.stop()
		front.Close()
		if strings.Contains(h.log.String(), studioKey) {
			t.Errorf("the log has the key:\n%s", h.log)
		}
	})
	return h
}

// line waits for a line of the log that has all words.
func (h *harness) line(t testing.TB, words ...string) {
	t.Helper()
	ingesttest.AwaitLine(t, h.log, words...)
}

// metric returns the value of a counter or gauge with these first label values.
func (h *harness) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	return ingesttest.Metric(t, h.registry, name, labels...)
}

// client is a publisher that a test controls. texts has the messages of the server, and closed
// the error that has ended the connection.
type client struct {
	t      testing.TB
	ws     *websocket.Conn
	texts  chan message
	closed chan error
}

// message is a message of the server.
type message struct {
	Type      string `json:"type"`
	Timestamp uint32 `json:"timestamp"`
}

// dial connects to publish the broadcast id with a key; "" is none.
func (h *harness) dial(t testing.TB, id, key string) *client {
	t.Helper()
	c, err := dialWith(t, h.url+"/v1/broadcasts/"+id+"/publish", &websocket.DialOptions{Subprotocols: offered(key)})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// offered returns the subprotocols that a client with the key offers.
func offered(key string) []string {
	all := []string{subprotocol}
	if key != "" {
		all = append(all, keyPrefix+key)
	}
	return all
}

func dialWith(t testing.TB, url string, options *websocket.DialOptions) (*client, error) {
	t.Helper()
	ws, answer, err := websocket.Dial(t.Context(), url, options)
	if err != nil {
		return nil, err
	}
	if got := answer.Header.Get("Sec-WebSocket-Protocol"); strings.Contains(got, "key") {
		t.Errorf("the server selected the subprotocol %q, which has the key", got)
	}
	c := &client{t: t, ws: ws, texts: make(chan message, 10_000), closed: make(chan error, 1)}
	var reading sync.WaitGroup
	reading.Go(c.read)
	t.Cleanup(func() {
		_ = ws.CloseNow()
		reading.Wait()
	})
	return c, nil
}

// read reads the server's messages until the connection ends.
func (c *client) read() {
	defer close(c.texts)
	for {
		_, text, err := c.ws.Read(context.Background())
		if err != nil {
			c.closed <- err
			return
		}
		var m message
		if err := json.Unmarshal(text, &m); err != nil {
			c.t.Errorf("%q: %v", text, err)
		}
		c.texts <- m
	}
}

// live returns a client whose publication has started, and its Sink.
func (h *harness) live(t testing.TB, id, key string) (*client, *ingesttest.Sink) {
	t.Helper()
	c := h.dial(t, id, key)
	s := ingesttest.Await(t, "the publication", h.Opened)
	if m := ingesttest.Await(t, "a message", c.texts); m.Type != "started" {
		t.Fatalf("the first message is %+v", m)
	}
	return c, s
}

// end waits until the server closes with the code, and returns the reason.
func (c *client) end(code websocket.StatusCode) (reason string) {
	c.t.Helper()
	err := ingesttest.Await(c.t, "the close frame", c.closed)
	if got := websocket.CloseStatus(err); got != code {
		c.t.Fatalf("closed with %v, want %d", err, code)
	}
	reason = err.Error()
	if _, text, ok := strings.Cut(reason, "reason = "); ok {
		reason = text
	}
	return reason
}

// send sends a binary message.
func (c *client) send(body []byte) {
	c.t.Helper()
	if err := c.ws.Write(context.Background(), websocket.MessageBinary, body); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

func (c *client) video(at uint32, body []byte) {
	c.t.Helper()
	c.send(tagOf(flv.TagVideo, at, body))
}

func (c *client) audio(at uint32, body []byte) {
	c.t.Helper()
	c.send(tagOf(flv.TagAudio, at, body))
}

// tagOf returns a message with an FLV tag.
func tagOf(kind uint8, at uint32, body []byte) []byte {
	n := len(body)
	b := []byte{kind, byte(n >> 16), byte(n >> 8), byte(n), byte(at >> 16), byte(at >> 8), byte(at), byte(at >> 24), 0, 0, 0}
	return append(b, body...)
}
