package rtmp

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"

	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/internal/tlstest"
)

// openTLS returns a server that listens for RTMPS, and the configuration of a
// client that trusts it.
func openTLS(t testing.TB, cfg ingest.Config) (*harness, *tls.Config) {
	t.Helper()
	config, trust := tlstest.SelfSigned()
	h := newHarness(t, cfg).listen(t, func(s *Server, ctx context.Context, ln net.Listener) error { return s.ServeTLS(ctx, ln, config) })
	return h, &tls.Config{RootCAs: trust, ServerName: "127.0.0.1"}
}

// dialTLS connects with TLS.
func (h *harness) dialTLS(t testing.TB, config *tls.Config) *tls.Conn {
	t.Helper()
	conn := tls.Client(h.dialTCP(t), config)
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(ingesttest.Timeout))
	if err := conn.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	_ = conn.SetDeadline(time.Time{})
	return conn
}

func TestRTMPS_PublishesInsideTLS(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		h, config := openTLS(t, testConfig())
		config.MaxVersion = version
		c := handshakeOver(t, h.dialTLS(t, config))
		c.publish("studio")
		s := ingesttest.Await(t, "the publication", h.Opened)
		if s.Publisher.Protocol != "rtmps" {
			t.Errorf("protocol %q", s.Publisher.Protocol)
		}
		c.video(0, ingesttest.AVCConfig())
		c.video(0, ingesttest.Picture(true, 300_000))
		if u := s.Unit(t); len(u.Data) != 300_004 {
			t.Errorf("a unit of %d bytes, want 300004", len(u.Data))
		}
		c.command(1, "FCUnpublish", 4, nil, "studio")
		c.reply("onFCUnpublish")
		if err := s.End(t); err != nil {
			t.Errorf("ended with %v", err)
		}
		_ = c.conn.Close()
		h.stopServer(t)
		h.line(t, "session started", "protocol=rtmps")
		if n := h.metric(t, "golive_ingest_session_ends_total", "rtmps", "stopped"); n != 1 {
			t.Errorf("%v clean ends are counted, want 1", n)
		}
	}
}

func TestRTMPS_EvictedPublisherGetsTheReason(t *testing.T) {
	h, config := openTLS(t, testConfig())
	c := handshakeOver(t, h.dialTLS(t, config))
	c.publish("studio")
	s := ingesttest.Await(t, "the publication", h.Opened)
	s.Publisher.Evict(ingest.ErrTaken)
	if err := s.End(t); !errors.Is(err, ingest.ErrTaken) {
		t.Errorf("ended with %v", err)
	}
	if st := c.status(); st.String("code") != "NetStream.Publish.BadName" {
		t.Errorf("status %v", st)
	}
	c.closed()
}

func TestRTMPS_PeerWithoutTLSIsLoggedOnce(t *testing.T) {
	for name, tt := range map[string]struct{ bytes, log string }{
		"RTMP":    {"\x03" + strings.Repeat("\x00", 1536), "the peer speaks plain RTMP, expected RTMPS"},
		"HTTP":    {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "the peer does not speak TLS"},
		"garbage": {strings.Repeat("\x7fgarbage", 400), "the peer does not speak TLS"},
	} {
		t.Run(name, func(t *testing.T) {
			h, _ := openTLS(t, testConfig())
			conn := h.dialTCP(t)
			if _, err := conn.Write([]byte(tt.bytes)); err != nil {
				t.Fatal(err)
			}
			readAll(t, conn)
			h.line(t, "connection refused", tt.log, "protocol=rtmps", "reason=not_rtmp")
			if n := strings.Count(h.log.String(), "connection refused"); n != 1 {
				t.Errorf("%d lines in the log:\n%s", n, h.log)
			}
		})
	}
}

func TestRTMPS_HTTPInsideTLSIsLoggedAsHTTP(t *testing.T) {
	h, config := openTLS(t, testConfig())
	conn := h.dialTLS(t, config)
	if _, err := conn.Write([]byte("GET / HTTP/1.1\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	readAll(t, conn)
	h.line(t, "connection refused", "the peer speaks HTTP, not RTMP", "protocol=rtmps")
}

func TestRTMPS_PeerWithoutTrustOrWithOldTLSIsCounted(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(*tls.Config)
		log    string
	}{
		"no trust": {func(c *tls.Config) { c.RootCAs = x509.NewCertPool() }, "bad certificate"},
		"TLS 1.1":  {func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, tls.VersionTLS11 }, "unsupported versions"},
	} {
		t.Run(name, func(t *testing.T) {
			h, config := openTLS(t, testConfig())
			tt.change(config)
			if err := tls.Client(h.dialTCP(t), config).HandshakeContext(t.Context()); err == nil {
				t.Fatal("the handshake succeeded")
			}
			h.line(t, "connection refused", "TLS handshake", tt.log, "reason=tls")
			h.stopServer(t)
			if n := h.metric(t, "golive_ingest_refusals_total", "rtmps", "tls"); n != 1 {
				t.Errorf("%v refusals are counted, want 1", n)
			}
		})
	}
}

func TestRTMPS_SlowHandshakeEndsAtTheHandshakeTimeout(t *testing.T) {
	cfg := testConfig()
	cfg.Limits.HandshakeTimeout = 150 * time.Millisecond
	h, _ := openTLS(t, cfg)
	for _, bytes := range []string{"", "\x16\x03\x01"} {
		conn := h.dialTCP(t)
		if _, err := conn.Write([]byte(bytes)); err != nil {
			t.Fatal(err)
		}
		readAll(t, conn)
		h.line(t, "connection refused", "reason=timeout", conn.LocalAddr().String())
	}
}

func TestRTMPS_ShutdownEndsHandshakes(t *testing.T) {
	h, _ := openTLS(t, testConfig())
	conn := h.dialTCP(t)
	for deadline := time.Now().Add(ingesttest.Timeout); h.metric(t, "golive_ingest_connections") == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the connection was not accepted")
		}
	}
	h.stopServer(t)
	readAll(t, conn)
}

func TestRTMPS_PeerThatNeverReadsIsDisconnectedAtOnce(t *testing.T) {
	h := newHarness(t, testConfig())
	near, far := net.Pipe()
	defer func() { _ = far.Close() }()
	config, trust := tlstest.SelfSigned()
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.server.serve(context.Background(), tls.Server(near, config), protocolTLS)
	}()
	c := handshakeOver(t, tls.Client(far, &tls.Config{RootCAs: trust, ServerName: "127.0.0.1"}))
	c.publish("studio")
	s := ingesttest.Await(t, "the publication", h.Opened)
	c.send(4, 0, 0, ingesttest.Hex("000600000000")) // the answer to this ping blocks
	start := time.Now()
	s.Publisher.Evict(ingest.ErrTaken)
	if err := s.End(t); !errors.Is(err, ingest.ErrTaken) {
		t.Errorf("ended with %v", err)
	}
	ingesttest.Await(t, "the session's end", done)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("the end took %v, want 3s at most", took)
	}
}

func TestInterop_FFmpegPublishesOverRTMPS(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	h, _ := openTLS(t, testConfig())
	args := append([]string{"-v", "error", "-nostdin"}, picturesAndTone()...)
	args = append(args, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-f", "flv", "rtmps://"+h.addr+"/live/studio")
	if out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		t.Fatalf("ffmpeg: %v\n%s\n%s", err, out, h.log)
	}
	s := ingesttest.Await(t, "the publication", h.Opened)
	if err := s.End(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	close(s.Wrote)
	pictures := 0
	for u := range s.Wrote {
		if u.Track.Video() {
			pictures++
		}
	}
	if pictures != 100 {
		t.Errorf("%d pictures, want 100", pictures)
	}
}
