package rtmp

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
	"golive/internal/logtest"
	"golive/media"
)

// handler is an ingest.PublishHandler that accepts every publisher and keeps its media.
type handler struct {
	mu      sync.Mutex
	sinks   []*sink
	refusal error
	opened  chan *sink
	// onWrite answers WriteUnit, nil for success.
	onWrite func(media.AccessUnit) error
	onClose func(id string)
}

func newHandler() *handler { return &handler{opened: make(chan *sink, 1000)} }

func (ph *handler) Publish(_ context.Context, id string, p ingest.Publisher) (ingest.Sink, error) {
	ph.mu.Lock()
	defer ph.mu.Unlock()
	if ph.refusal != nil {
		return nil, ph.refusal
	}
	s := &sink{
		handler: ph, id: id, publisher: p, closed: make(chan struct{}),
		wrote: make(chan media.AccessUnit, 10_000), warned: make(chan ingest.Warning, 100),
		cleared: make(chan ingest.WarningCode, 100),
	}
	ph.sinks = append(ph.sinks, s)
	ph.opened <- s
	return s, nil
}

type sink struct {
	handler   *handler
	id        string
	publisher ingest.Publisher
	wrote     chan media.AccessUnit
	warned    chan ingest.Warning
	cleared   chan ingest.WarningCode
	closed    chan struct{}
	cause     error // valid after closed
}

func (s *sink) WriteUnit(u media.AccessUnit) error {
	if s.handler.onWrite != nil {
		if err := s.handler.onWrite(u); err != nil {
			return err
		}
	}
	s.wrote <- u
	return nil
}

func (s *sink) Warn(w ingest.Warning) { s.warned <- w }

func (s *sink) ClearWarning(code ingest.WarningCode) { s.cleared <- code }

func (s *sink) Close(cause error) {
	if s.handler.onClose != nil {
		s.handler.onClose(s.id)
	}
	s.cause = cause
	close(s.closed)
}

// end returns the cause that the sink was closed with.
func (s *sink) end(t testing.TB) error {
	t.Helper()
	await(t, "the sink's end", s.closed)
	return s.cause
}

func (s *sink) unit(t testing.TB) media.AccessUnit {
	t.Helper()
	return await(t, "a unit", s.wrote)
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
	cfg.Limits.HandshakeTimeout = patience
	cfg.Limits.Ahead = 0
	return cfg
}

// harness is a server whose publishers are given to a handler.
type harness struct {
	*handler
	server   *Server
	log      *logtest.Log
	registry *prometheus.Registry
	memory   *ingest.Memory
	addr     string
	stop     context.CancelFunc
	done     chan error
}

// newHarness returns a server that does not listen.
func newHarness(t testing.TB, cfg ingest.Config) *harness {
	t.Helper()
	h := &harness{handler: newHandler(), log: &logtest.Log{}, registry: prometheus.NewRegistry(), memory: ingest.NewMemory(cfg.Limits.Memory, 0), done: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	auth, err := ingest.NewAuthorizer(cfg.Publish, ingest.NewSessionLimiter(cfg.Limits, h.memory, h.handler), log)
	if err != nil {
		t.Fatal(err)
	}
	h.server = NewServer(cfg, ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(h.registry)), log)
	return h
}

// open returns a server that listens on loopback until the test ends, and checks
// that Serve returns no error.
func open(t testing.TB, cfg ingest.Config) *harness {
	t.Helper()
	return newHarness(t, cfg).listen(t, (*Server).Serve)
}

// listen serves on loopback.
func (h *harness) listen(t testing.TB, serve func(*Server, context.Context, net.Listener) error) *harness {
	t.Helper()
	var lc net.ListenConfig
	ln, err := lc.Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h.addr = ln.Addr().String()
	ctx, stop := context.WithCancel(context.Background())
	h.stop = stop
	go func() { h.done <- serve(h.server, ctx, ln) }()
	t.Cleanup(func() {
		stop()
		if err := await(t, "the server's end", h.done); err != nil {
			t.Errorf("Serve: %v", err)
		}
		h.done <- nil
	})
	return h
}

// stopServer ends the server before the test does.
func (h *harness) stopServer(t testing.TB) {
	t.Helper()
	h.stop()
	if err := await(t, "the server's end", h.done); err != nil {
		t.Errorf("Serve: %v", err)
	}
	h.done <- nil
}

// metric returns the value of a counter or gauge with these label values.
func (h *harness) metric(t testing.TB, name string, labels ...string) float64 {
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
			for i, l := range m.Label {
				if l.GetValue() != labels[i] {
					continue metrics
				}
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s%q", name, labels)
	return 0
}

func (h *harness) dialTCP(t testing.TB) net.Conn {
	t.Helper()
	var d net.Dialer
	conn, err := d.DialContext(context.Background(), "tcp", h.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// client is an RTMP client that a test controls.
type client struct {
	t      testing.TB
	conn   net.Conn
	chunks *chunk.Reader
	size   int // of its chunks
}

// dial connects and shakes hands.
func (h *harness) dial(t testing.TB) *client {
	t.Helper()
	return greet(t, h.dialTCP(t))
}

// greet shakes hands over conn.
func greet(t testing.TB, conn net.Conn) *client {
	t.Helper()
	c := &client{t: t, conn: conn, size: chunk.DefaultSize}
	c.write(append([]byte{3}, make([]byte, handshake.Size-1)...))
	answer := make([]byte, 2*handshake.Size-1)
	if _, err := io.ReadFull(conn, answer); err != nil {
		t.Fatalf("handshake: %v", err)
	}
	c.write(answer[1:handshake.Size])
	c.chunks = chunk.NewReader(conn, 4096, chunk.Limits{MessageSize: 1 << 20, ChunkStreams: 64})
	return c
}

func (c *client) write(b []byte) {
	c.t.Helper()
	if _, err := c.conn.Write(b); err != nil {
		c.t.Fatalf("write: %v", err)
	}
}

func (c *client) send(kind uint8, stream, at uint32, body []byte) {
	c.t.Helper()
	chunkStream := map[uint8]uint32{chunk.TypeVideo: 6, chunk.TypeAudio: 4, chunk.TypeCommandAMF0: 3}[kind]
	c.write(chunk.Append(nil, chunk.Message{Type: kind, ChunkStream: max(chunkStream, 2), Stream: stream, Timestamp: at, Body: body}, c.size))
}

func (c *client) command(stream uint32, values ...any) {
	c.t.Helper()
	c.send(chunk.TypeCommandAMF0, stream, 0, amf0.Append(nil, values...))
}

func (c *client) video(at uint32, body []byte) { c.t.Helper(); c.send(chunk.TypeVideo, 1, at, body) }

func (c *client) audio(at uint32, body []byte) { c.t.Helper(); c.send(chunk.TypeAudio, 1, at, body) }

// next returns the server's next message of the type.
func (c *client) next(kind uint8) chunk.Message {
	c.t.Helper()
	for {
		_ = c.conn.SetReadDeadline(time.Now().Add(patience))
		m, err := c.chunks.Next()
		if err != nil {
			c.t.Fatalf("wait for a message of type %d: %v", kind, err)
		}
		if m.Type == kind {
			return m
		}
	}
}

// reply returns the server's next command of that name.
func (c *client) reply(name string) (values []any) {
	c.t.Helper()
	for {
		m := c.next(chunk.TypeCommandAMF0)
		values, err := amf0.DecodeAll(m.Body)
		if err != nil {
			c.t.Fatalf("reply: %v", err)
		}
		if values[0] == name {
			return values
		}
	}
}

// status returns the server's next onStatus.
func (c *client) status() amf0.Object {
	c.t.Helper()
	return c.reply("onStatus")[3].(amf0.Object)
}

// closed reads until the server closes.
func (c *client) closed() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(patience))
	for {
		if _, err := c.chunks.Next(); err != nil {
			if e, ok := err.(net.Error); ok && e.Timeout() {
				c.t.Fatal("the server did not close")
			}
			return
		}
	}
}

func (c *client) connect(app string) {
	c.t.Helper()
	c.command(0, "connect", 1, amf0.Object{{Name: "app", Value: app}, {Name: "flashVer", Value: "test/1.0"}})
	c.reply("_result")
}

// publish sends the commands that encoders send before the first picture.
func (c *client) publish(name string) {
	c.t.Helper()
	c.connect("live")
	c.command(0, "createStream", 2, nil)
	c.reply("_result")
	c.command(1, "publish", 3, nil, name, "live")
	if s := c.status(); s.String("code") != "NetStream.Publish.Start" {
		c.t.Fatalf("publish: %v", s)
	}
}

// live returns a client that is publishing, with the sink it got.
func (h *harness) live(t testing.TB, name string) (*client, *sink) {
	t.Helper()
	c := h.dial(t)
	c.publish(name)
	return c, await(t, "the publication", h.opened)
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

// composed sets a picture's composition time, in milliseconds.
func composed(b []byte, ms int) []byte {
	b[2], b[3], b[4] = byte(ms>>16), byte(ms>>8), byte(ms)
	return b
}

func aacConfig() []byte { return unhex("af001190") }
func aacFrame() []byte  { return unhex("af01210049900219") }

// at returns u's times in milliseconds, for messages.
func at(u media.AccessUnit) string {
	return fmt.Sprintf("%d/%d", u.DTS/media.Millisecond, u.PTS/media.Millisecond)
}
