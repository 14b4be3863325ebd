package websocket

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/ingest"
	"golive/internal/logtest"
	"golive/internal/setting"
	"golive/media"
)

// handler is an ingest.PublishHandler that accepts every publisher and keeps its media.
type handler struct {
	opened chan *sink

	mu      sync.Mutex
	refusal error
}

func (h *handler) refuse(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.refusal = err
}

func (h *handler) Publish(_ context.Context, id string, p ingest.Publisher) (ingest.Sink, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refusal != nil {
		return nil, h.refusal
	}
	s := &sink{id: id, publisher: p, wrote: make(chan media.AccessUnit, 10_000), closed: make(chan struct{})}
	h.opened <- s
	return s, nil
}

type sink struct {
	id        string
	publisher ingest.Publisher
	wrote     chan media.AccessUnit
	closed    chan struct{}
	cause     error // valid after closed
}

func (s *sink) WriteUnit(u media.AccessUnit) error { s.wrote <- u; return nil }

func (s *sink) Close(cause error) {
	s.cause = cause
	close(s.closed)
}

// end returns the cause that the sink was closed with.
func (s *sink) end(t testing.TB) error {
	t.Helper()
	await(t, "the sink's end", s.closed)
	return s.cause
}

// patience bounds what a test waits for; it is reached only by failing tests.
const patience = 20 * time.Second

func await[T any](t testing.TB, what string, ch <-chan T) (v T) {
	t.Helper()
	select {
	case v = <-ch:
	case <-time.After(patience):
		t.Fatalf("%s did not come", what)
	}
	return v
}

func testConfig() ingest.Config {
	cfg := ingest.DefaultConfig()
	cfg.Limits.Ahead = 0
	return cfg
}

// keyed allows only the publisher of the broadcast studio, whose key is studioKey.
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
	*handler
	server   *Server
	sessions *ingest.Sessions
	log      *logtest.Log
	registry *prometheus.Registry
	http     http.Handler
	url      string // of a server on loopback, ws://HOST:PORT
	stop     func()
}

// newHarness returns a server that does not listen, and does not run.
func newHarness(t testing.TB, cfg ingest.Config, site Site) *harness {
	t.Helper()
	h := &harness{handler: &handler{opened: make(chan *sink, 1000)}, log: &logtest.Log{}, registry: prometheus.NewRegistry()}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	auth, err := ingest.NewAuthorizer(cfg.Publish, ingest.NewSessionLimiter(cfg.Limits, ingest.NewMemory(0, 0), h.handler), log)
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
		if err := await(t, "the server's end", done); err != nil {
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

// line waits until the log has a line with all texts, and returns it.
func (h *harness) line(t testing.TB, texts ...string) string {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); <-time.After(time.Millisecond) {
	lines:
		for line := range strings.Lines(h.log.String()) {
			for _, text := range texts {
				if !strings.Contains(line, text) {
					continue lines
				}
			}
			return line
		}
	}
	t.Fatalf("no line with %q in\n%s", texts, h.log)
	return ""
}

// metric returns the value of a counter or gauge with these label values.
func (h *harness) metric(t testing.TB, name string, labels ...string) (sum float64) {
	t.Helper()
	families, err := h.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.Metric {
			for i, l := range labels {
				if m.Label[i].GetValue() != l {
					continue metrics
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// client is a publisher that a test controls. Its messages from the server are in texts until closed
// has the error that ended the connection.
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
		t.Errorf("the server echoes %q", got)
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

// live returns a client that was told that it is publishing, with the sink that it got.
func (h *harness) live(t testing.TB, id, key string) (*client, *sink) {
	t.Helper()
	c := h.dial(t, id, key)
	s := await(t, "the publication", h.opened)
	if m := await(t, "a message", c.texts); m.Type != "started" {
		t.Fatalf("the first message is %+v", m)
	}
	return c, s
}

// end waits until the server closes with that code.
func (c *client) end(code websocket.StatusCode) (reason string) {
	c.t.Helper()
	err := await(c.t, "the close frame", c.closed)
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

// tagOf returns a tag as a message.
func tagOf(kind uint8, at uint32, body []byte) []byte {
	n := len(body)
	b := []byte{kind, byte(n >> 16), byte(n >> 8), byte(n), byte(at >> 16), byte(at >> 8), byte(at), byte(at >> 24), 0, 0, 0}
	return append(b, body...)
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// avcConfig returns a sequence header with parameter sets that x264 made, 320x240.
func avcConfig() []byte {
	sps, pps := unhex("6764000dacd94141fb011000000300100000030320f1429960"), unhex("68ebe3cb22c0")
	b := append(unhex("1700000000"+"0164000dffe1"), byte(len(sps)>>8), byte(len(sps)))
	b = append(append(b, sps...), 1, byte(len(pps)>>8), byte(len(pps)))
	return append(b, pps...)
}

// picture returns a video body with one NAL unit of size bytes.
func picture(key bool, size int) []byte {
	b, nal := unhex("2701000000"), byte(0x41)
	if key {
		b, nal = unhex("1701000000"), 0x65
	}
	b = binary.BigEndian.AppendUint32(b, uint32(size))
	b = append(b, nal)
	return append(b, bytes.Repeat([]byte{0x88}, size-1)...)
}

func aacConfig() []byte { return unhex("af001190") }
func aacFrame() []byte  { return unhex("af01210049900219") }
