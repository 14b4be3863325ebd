package rtmp

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
	"golive/media"
)

// readAll reads until the server has closed conn, and returns what it has sent.
func readAll(t testing.TB, conn net.Conn) []byte {
	t.Helper()
	_ = conn.SetReadDeadline(time.Now().Add(ingesttest.Timeout))
	sent, err := io.ReadAll(conn)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		t.Fatal("the server did not close")
	}
	return sent
}

func TestRow50_OtherProtocolsAreClosedQuietlyAndNamed(t *testing.T) {
	for name, tt := range map[string]struct{ bytes, log string }{
		"TLS":     {"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "the peer speaks TLS, not RTMP"},
		"HTTP":    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "the peer speaks HTTP, not RTMP"},
		"RTMPE":   {"\x06" + strings.Repeat("x", 1536), "encrypted RTMP"},
		"PROXY":   {"PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n", "PROXY protocol"},
		"garbage": {strings.Repeat("\xff\x00garbage", 400), "the peer does not speak RTMP"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, testConfig())
			conn := h.dialTCP(t)
			if _, err := conn.Write([]byte(tt.bytes)); err != nil {
				t.Fatal(err)
			}
			if sent := readAll(t, conn); len(sent) != 0 {
				t.Errorf("the server sent %q, want nothing", sent)
			}
			h.line(t, "connection refused", tt.log, "reason=not_rtmp")
			if n := strings.Count(h.log.String(), "connection refused"); n != 1 {
				t.Errorf("%d lines in the log, want 1:\n%s", n, h.log)
			}
		})
	}
}

func TestHostile_GarbageAfterTheHandshakeEndsOnlyItsSession(t *testing.T) {
	h := open(t, testConfig())
	good, s := h.live(t, "studio")
	for name, tt := range map[string]struct {
		bytes []byte
		log   string
	}{
		"garbage":                {bytes.Repeat([]byte{0xff, 0x55}, 4000), "chunk stream 63 begins with a header of type 3"},
		"message of 16 MB":       {[]byte("\x03\x00\x00\x00\xff\xff\xff\x14\x00\x00\x00\x00"), "message of 16777215 bytes"},
		"many chunk streams":     {manyStreams(9), "more than 8 chunk streams"},
		"chunk size 0":           {[]byte("\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x00\x00"), "chunk size 0"},
		"publish before connect": {chunk.Append(nil, chunk.Message{Type: chunk.TypeCommandAMF0, ChunkStream: 3, Body: amf0.Append(nil, "publish", 1, nil, "x")}, 128), "stream name is not allowed"},
	} {
		t.Run(name, func(t *testing.T) {
			c := h.dial(t)
			c.write(tt.bytes)
			c.closed()
			h.line(t, "connection refused", tt.log)
		})
	}
	good.audio(0, ingesttest.AACConfig())
	good.audio(0, ingesttest.AACFrame())
	s.Unit(t)
}

func manyStreams(n int) (b []byte) {
	for i := range n {
		b = chunk.Append(b, chunk.Message{Type: 99, ChunkStream: uint32(3 + i), Body: []byte("x")}, 128)
	}
	return b
}

func TestHostile_HugeAMF0ValuesAreIgnored(t *testing.T) {
	h := open(t, testConfig())
	c := h.dial(t)
	for _, body := range [][]byte{
		binary.BigEndian.AppendUint32(amf0.Append(nil, "bomb", 1, nil), 0x0a0f4240)[:16], // a million elements
		append(amf0.Append(nil, "bomb", 1), strings.Repeat("\x03\x00\x01a", 10_000)...),
		append(amf0.Append(nil, "bomb", 1), strings.Repeat("\x0a\x00\x00\x00\x01", 10_000)...),
		append(amf0.Append(nil, "bomb", 1), bytes.Repeat([]byte{0x0a, 0, 0, 0xff, 0xff}, 12_000)...),
	} {
		c.send(chunk.TypeCommandAMF0, 0, 0, body)
	}
	c.publish("studio")
}

func TestHostile_AnnouncedSizesAreNotAllocated(t *testing.T) {
	h := open(t, testConfig())
	var before, after runtime.MemStats
	c, s := h.live(t, "studio")
	runtime.ReadMemStats(&before)
	for id := range byte(20) {
		c.write([]byte{10 + id, 0, 0, 0, 0xff, 0xff, 0xff, chunk.TypeVideo, 1, 0, 0, 0, 0x17})
		if id < 19 {
			c.write(make([]byte, 127))
		}
	}
	_ = c.conn.Close()
	_ = s.End(t)
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 16<<20 {
		t.Errorf("%d bytes were allocated for 2500 received", n)
	}
}

func TestHostile_SlowPeersAreClosedAtTheHandshakeTimeout(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.HandshakeTimeout = 150 * time.Millisecond
	h := open(t, cfg)
	for name, run := range map[string]func(net.Conn){
		"silent":              func(net.Conn) {},
		"half a handshake":    func(c net.Conn) { _, _ = c.Write([]byte("\x03\x00\x00")) },
		"a byte now and then": func(c net.Conn) { drip(c) },
	} {
		t.Run(name, func(t *testing.T) {
			conn := h.dialTCP(t)
			done := make(chan struct{})
			go func() { defer close(done); run(conn) }()
			readAll(t, conn)
			ingesttest.Await(t, "the peer's end", done)
			h.line(t, "connection refused", "reason=timeout", conn.LocalAddr().String())
		})
	}
	t.Run("silent after the handshake", func(t *testing.T) {
		h.dial(t).closed()
	})
}

// drip writes a byte every few milliseconds until a write fails.
func drip(c net.Conn) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		if _, err := c.Write([]byte{3}); err != nil {
			return
		}
	}
}

func TestHostile_FiveHundredIdleConnectionsDoNotDisturbAPublisher(t *testing.T) {
	h := open(t, testConfig())
	for range 500 {
		h.dialTCP(t)
	}
	c, s := h.live(t, "studio")
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	s.Unit(t)
}

// established returns a client whose media has arrived.
func (h *harness) established(t *testing.T, name string) (*client, *ingesttest.Sink) {
	t.Helper()
	c, s := h.live(t, name)
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	s.Unit(t)
	return c, s
}

func TestLimit_TotalConnectionsAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Connections = 4 // an address gets half
	h := open(t, cfg)
	first, s := h.established(t, "one")
	h.established(t, "two")
	for range 13 {
		readAll(t, h.dialTCP(t))
	}
	h.line(t, "connection refused: limit reached", "limit=4", "reason=address")
	if n := h.metric(t, "golive_ingest_refusals_total", "rtmp", "limit"); n != 13 {
		t.Errorf("%v refusals are counted, want 13", n)
	}
	_ = first.conn.Close()
	_ = s.End(t)
	h.line(t, "connection refused: limit reached", "and more like it", "count=3")
}

func TestLimit_SilentConnectionsAreClosedForNewOnes(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.Connections = 20
	h := open(t, cfg)
	silent := make([]net.Conn, 30)
	for i := range silent {
		silent[i] = h.dialTCP(t)
	}
	halfOpen := h.dial(t)
	admitted, waiting := h.live(t, "waits")
	var live []*ingesttest.Sink
	for i := range 8 {
		_, s := h.established(t, string(rune('a'+i)))
		live = append(live, s)
	}
	for _, c := range silent {
		readAll(t, c)
	}
	h.dialTCP(t)
	halfOpen.closed()
	admitted.audio(0, ingesttest.AACConfig())
	admitted.audio(0, ingesttest.AACFrame())
	waiting.Unit(t)
	for _, s := range live {
		select {
		case <-s.Closed:
			t.Errorf("%s was ended with %v", s.ID, s.Cause)
		default:
		}
	}
}

// starved is a listener whose process has no file descriptor left until freed is closed.
type starved struct {
	net.Listener
	freed   chan struct{}
	refused int
}

func (l *starved) Accept() (net.Conn, error) {
	select {
	case <-l.freed:
		return l.Listener.Accept()
	default:
		l.refused++
		return nil, &net.OpError{Op: "accept", Err: syscall.EMFILE}
	}
}

func TestLimit_SilentConnectionsAreClosedWhenDescriptorsAreExhausted(t *testing.T) {
	h := newHarness(t, testConfig())
	near, far := net.Pipe()
	freed := make(chan struct{})
	go func() { h.server.serve(context.Background(), near, protocolPlain); close(freed) }()
	if _, err := far.Write([]byte{3}); err != nil { // now it has a slot
		t.Fatal(err)
	}
	h.listen(t, func(s *Server, ctx context.Context, ln net.Listener) error {
		return s.Serve(ctx, &starved{Listener: ln, freed: freed})
	})
	h.established(t, "studio")
	if n := strings.Count(h.log.String(), "accept failed\""); n != 1 {
		t.Errorf("the failure was logged %d times, want once", n)
	}
	_ = far.Close()
}

func TestLimit_UnfinishedMessagesOfAllSessionsAreBounded(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.MessageSize, cfg.Limits.MessageMemory = 4<<20, 8<<20
	h := open(t, cfg)
	small, s := h.established(t, "small")
	sendPartial := func(c *client, bytes int) {
		c.t.Helper()
		c.write(append([]byte("\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00"), binary.BigEndian.AppendUint32(nil, 8<<20)...))
		c.write(append([]byte("\x06\x00\x00\x00\x40\x00\x00\x09\x01\x00\x00\x00\x17"), make([]byte, bytes)...))
	}
	sendPartial(small, 300_000)
	var held []*ingesttest.Sink
	for i := range 5 {
		c, s := h.live(t, string(rune('a'+i)))
		sendPartial(c, 1<<20+100_000*i) // the server holds 2 MiB of it
		held = append(held, s)
	}
	ended := make(chan *ingesttest.Sink, len(held))
	for _, s := range held {
		go func() { <-s.Closed; ended <- s }()
	}
	victim := ingesttest.Await(t, "the session that holds most", ended)
	if limit, ok := errors.AsType[*ingest.LimitError](victim.Cause); !ok || limit.Limit != ingest.LimitMessageMemory {
		t.Errorf("ended with %v, want the limit of message memory", victim.Cause)
	}
	h.line(t, "session ended", "reason=limit", "ingest.limits.message_memory")
	select {
	case <-s.Closed:
		t.Errorf("the session that holds little was ended with %v", s.Cause)
	default:
	}
	if n := h.server.sessions.Messages.Held(); n > 8<<20 {
		t.Errorf("%d bytes are held, want %d at most", n, 8<<20)
	}
}

func TestFlood_IsLoggedOnceASecondWithACount(t *testing.T) {
	h := open(t, testConfig())
	for range 50 {
		conn := h.dialTCP(t)
		if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		readAll(t, conn)
	}
	h.line(t, "connection refused, and more like it", "reason=not_rtmp", "count=")
	if n := strings.Count(h.log.String(), "connection refused\""); n > 15 {
		t.Errorf("%d lines, want 15 at most", n)
	}
}

func TestFlood_CommandsBeforePublishAreBounded(t *testing.T) {
	h := open(t, testConfig())
	for name, body := range map[string][]byte{
		"many": amf0.Append(nil, "createStream", 1, nil),
		"long": append(amf0.Append(nil, "connect", 1), bytes.Repeat([]byte{5}, 60_000)...),
	} {
		c := h.dial(t)
		go func() {
			for range 200 {
				if _, err := c.conn.Write(chunk.Append(nil, chunk.Message{Type: chunk.TypeCommandAMF0, ChunkStream: 3, Body: body}, c.size)); err != nil {
					return
				}
			}
		}()
		c.closed()
		h.line(t, "connection refused", "reason=protocol", map[string]string{"many": "more than 100 before publish", "long": "more than 262144 bytes"}[name])
	}
}

func TestFlood_OtherMessagesAreBoundedAfterPublish(t *testing.T) {
	setSize := []byte("\x02\x00\x00\x00\x00\x00\x04\x01\x00\x00\x00\x00\x00\x00\x00\x80")
	for name, tt := range map[string]struct{ flood, log string }{
		"commands":  {string(chunk.Append(nil, chunk.Message{Type: chunk.TypeCommandAMF0, ChunkStream: 3, Body: amf0.Append(nil, "unknown")}, 128)), "more than 500 a second"},
		"data":      {string(chunk.Append(nil, chunk.Message{Type: chunk.TypeDataAMF0, ChunkStream: 4, Body: amf0.Append(nil, "onMetaData", amf0.Object{})}, 128)), "more than 500 a second"},
		"pings":     {string(chunk.Append(nil, chunk.Message{Type: chunk.TypeUserControl, ChunkStream: 2, Body: ingesttest.Hex("000600000000")}, 128)), "more than 500 a second"},
		"sizes":     {string(setSize), "control messages in a row"},
		"abandoned": {"\x06\x00\x00\x00\x0f\x00\x00\x09\x01\x00\x00\x00\x17", "messages were abandoned"},
		"empty":     {"\x06\x00\x00\x00\x00\x00\x00\x09\x01\x00\x00\x00", "control messages in a row"},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, testConfig())
			c, s := h.established(t, "studio")
			if name == "abandoned" {
				c.write(append(setSize[:12:12], 0, 0, 0, 1))
			}
			go func() {
				block := []byte(strings.Repeat(tt.flood, 100))
				for {
					if _, err := c.conn.Write(block); err != nil {
						return
					}
				}
			}()
			go func() { _, _ = io.Copy(io.Discard, c.conn) }()
			var protocol *ingest.ProtocolError
			if err := s.End(t); !errors.As(err, &protocol) || !strings.Contains(err.Error(), tt.log) {
				t.Errorf("ended with %v", err)
			}
		})
	}
}

func TestLimit_LargeMessagesAreAcceptedOnlyAfterPublish(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.MessageSize = 200 << 10
	h := open(t, cfg)
	c, s := h.live(t, "studio")
	c.video(0, ingesttest.AVCConfig())
	c.video(0, ingesttest.Picture(true, 199<<10))
	if u := s.Unit(t); len(u.Data) != 199<<10+4 {
		t.Errorf("a unit of %d bytes, want %d", len(u.Data), 199<<10+4)
	}
	_, _ = c.conn.Write([]byte("\x06\x00\x00\x00\x04\x00\x00\x09\x01\x00\x00\x00"))
	c.closed()
	var protocol *ingest.ProtocolError
	if err := s.End(t); !errors.As(err, &protocol) {
		t.Errorf("ended with %v", err)
	}
}

func TestEvict_EndsABlockedReadAndNotifiesThePeer(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	s.Publisher.Evict(ingest.ErrTaken)
	if err := s.End(t); !errors.Is(err, ingest.ErrTaken) {
		t.Errorf("ended with %v", err)
	}
	if st := c.status(); st.String("code") != "NetStream.Publish.BadName" || st.String("level") != "error" {
		t.Errorf("status %v", st)
	}
	c.closed()
	h.line(t, "session ended", "reason=evicted")
}

func TestEvict_EndsAPeerThatNeverStopsSending(t *testing.T) {
	h := open(t, testConfig())
	c, s := h.live(t, "studio")
	go func() {
		frame := chunk.Append(nil, chunk.Message{Type: 99, ChunkStream: 4, Body: make([]byte, 100)}, chunk.DefaultSize)
		for {
			if _, err := c.conn.Write(frame); err != nil {
				return
			}
		}
	}()
	s.Publisher.Evict(errors.New("ended by the operator"))
	if err := s.End(t); err == nil || err.Error() != "ended by the operator" {
		t.Errorf("ended with %v", err)
	}
}

func TestEvict_EndsAPeerThatNeverReads(t *testing.T) {
	// The other end of the pipe is not read: every write of the server blocks.
	h := newHarness(t, testConfig())
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	done := make(chan struct{})
	go func() { defer close(done); h.server.serve(context.Background(), near, protocolPlain) }()
	c := handshakeOver(t, far)
	c.publish("studio")
	s := ingesttest.Await(t, "the publication", h.Opened)
	c.send(chunk.TypeUserControl, 0, 0, ingesttest.Hex("000600000000")) // the answer blocks
	s.Publisher.Evict(ingest.ErrTaken)
	if err := s.End(t); !errors.Is(err, ingest.ErrTaken) {
		t.Errorf("ended with %v", err)
	}
	ingesttest.Await(t, "the session's end", done)
}

func TestSink_ErrorEndsTheSession(t *testing.T) {
	h := open(t, testConfig())
	h.OnWrite = func(media.AccessUnit) error { return ingest.ErrLimit }
	c, s := h.live(t, "studio")
	c.audio(0, ingesttest.AACConfig())
	c.audio(0, ingesttest.AACFrame())
	if st := c.status(); st.String("code") != "NetStream.Publish.Denied" {
		t.Errorf("status %v", st)
	}
	if err := s.End(t); !errors.Is(err, ingest.ErrLimit) {
		t.Errorf("ended with %v", err)
	}
}

func TestSink_PanicEndsOnlyItsSession(t *testing.T) {
	h := open(t, testConfig())
	h.OnWrite = func(u media.AccessUnit) error {
		if u.DTS > 0 {
			panic("segmenter: part closed twice")
		}
		return nil
	}
	bad, s := h.live(t, "bad")
	good, other := h.live(t, "good")
	bad.audio(0, ingesttest.AACConfig())
	bad.audio(1000, ingesttest.AACFrame())
	if st := bad.status(); st.String("description") != "internal error" {
		t.Errorf("status %v", st)
	}
	if err := s.End(t); !errors.Is(err, ingest.ErrInternal) {
		t.Errorf("ended with %v", err)
	}
	h.line(t, "level=ERROR", "session panicked", "part closed twice")
	good.audio(0, ingesttest.AACConfig())
	good.audio(0, ingesttest.AACFrame())
	other.Unit(t)
}

func TestSink_PanicAtItsCloseEndsOnlyItsSession(t *testing.T) {
	h := open(t, testConfig())
	h.OnClose = func(id string) {
		if id == "bad" {
			panic("segmenter: closed in the middle")
		}
	}
	c, _ := h.live(t, "bad")
	good, other := h.live(t, "good")
	_ = c.conn.Close()
	h.line(t, "level=ERROR", "session panicked", "closed in the middle")
	h.line(t, "level=ERROR", "session ended", "reason=failed", "broadcast=bad")
	good.audio(0, ingesttest.AACConfig())
	good.audio(0, ingesttest.AACFrame())
	other.Unit(t)
	_ = good.conn.Close()
	_ = other.End(t)
	h.stopServer(t)
	if n := h.metric(t, "golive_ingest_sessions"); n != 0 {
		t.Errorf("%v sessions are left", n)
	}
}
