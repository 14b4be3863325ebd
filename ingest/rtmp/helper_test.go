package rtmp

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
	"golive/internal/logtest"
	"golive/media"
)

func testConfig() ingest.Config {
	cfg := ingest.DefaultConfig()
	cfg.Limits.HandshakeTimeout = ingesttest.Timeout
	cfg.Limits.Ahead = 0
	return cfg
}

// harness is a server whose publishers are given to a Handler.
type harness struct {
	*ingesttest.Handler
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
	h := &harness{Handler: ingesttest.NewHandler(), log: &logtest.Log{}, registry: prometheus.NewRegistry(), memory: ingest.NewMemory(cfg.Limits.Memory, 0), done: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	auth, err := ingest.NewAuthorizer(cfg.Publish, ingest.NewSessionLimiter(cfg.Limits, h.memory, h.Handler), log)
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

// listen serves on loopback until the test ends.
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
		if err := ingesttest.Await(t, "the server's end", h.done); err != nil {
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
	if err := ingesttest.Await(t, "the server's end", h.done); err != nil {
		t.Errorf("Serve: %v", err)
	}
	h.done <- nil
}

// metric returns the value of a counter or gauge with these label values.
func (h *harness) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	return ingesttest.Metric(t, h.registry, name, labels...)
}

// line waits for a line of the log that has all words.
func (h *harness) line(t testing.TB, words ...string) {
	t.Helper()
	ingesttest.AwaitLine(t, h.log, words...)
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

// dial returns a client that has connected, after its handshake.
func (h *harness) dial(t testing.TB) *client {
	t.Helper()
	return handshakeOver(t, h.dialTCP(t))
}

// handshakeOver returns a client after its handshake over conn.
func handshakeOver(t testing.TB, conn net.Conn) *client {
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
		_ = c.conn.SetReadDeadline(time.Now().Add(ingesttest.Timeout))
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

// closed reads until the server closes the connection.
func (c *client) closed() {
	c.t.Helper()
	_ = c.conn.SetReadDeadline(time.Now().Add(ingesttest.Timeout))
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

// live returns a client that is publishing, and its Sink.
func (h *harness) live(t testing.TB, name string) (*client, *ingesttest.Sink) {
	t.Helper()
	c := h.dial(t)
	c.publish(name)
	return c, ingesttest.Await(t, "the publication", h.Opened)
}

// composed sets a picture's composition time, in milliseconds.
func composed(b []byte, ms int) []byte {
	b[2], b[3], b[4] = byte(ms>>16), byte(ms>>8), byte(ms)
	return b
}

// at returns the DTS and PTS of u in milliseconds.
func at(u media.AccessUnit) string {
	return fmt.Sprintf("%d/%d", u.DTS/media.Millisecond, u.PTS/media.Millisecond)
}
