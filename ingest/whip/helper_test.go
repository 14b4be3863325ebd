package whip

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/pion/rtp/codecs"
	"github.com/pion/webrtc/v4"
	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/internal/clip"
	"golive/internal/logtest"
	"golive/internal/setting"
	"golive/media"
)

// theKey is the stream key of the broadcast "show".
const theKey = "a-very-secret-key"

// harness is a server, over HTTP and UDP on loopback.
type harness struct {
	*ingesttest.Handler
	server *Server
	log    *logtest.Log
	url    string
	stop   context.CancelFunc
	done   chan error
}

func testConfig() ingest.Config {
	cfg := ingest.DefaultConfig()
	cfg.Publish.Open = false
	cfg.Publish.Keys = []ingest.KeyConfig{{ID: "show", Key: setting.NewSecret(theKey)}}
	cfg.Limits.Ahead = 0
	cfg.Limits.HandshakeTimeout = ingesttest.Timeout
	cfg.IdleTimeout = ingesttest.Timeout
	return cfg
}

func start(t testing.TB, cfg ingest.Config, change ...func(*Options)) *harness {
	t.Helper()
	h := &harness{Handler: ingesttest.NewHandler(), log: &logtest.Log{}, done: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(h.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	auth, err := ingest.NewAuthorizer(cfg.Publish, h.Handler, log)
	if err != nil {
		t.Fatal(err)
	}
	sessions := ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(prometheus.NewRegistry()))
	options := Options{
		FFmpeg: "no-such-program", BasePath: "/base",
		AllowOrigin: func(origin string) bool { return origin == "https://app.test" },
	}
	for _, f := range change {
		f(&options)
	}
	if h.server, err = NewServer(cfg, options, sessions, log); err != nil {
		t.Fatal(err)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	h.stop = cancel
	go func() { h.done <- h.server.Serve(ctx, conn) }()
	mux := http.NewServeMux()
	h.server.Register(mux)
	site := httptest.NewServer(http.StripPrefix("/base", mux))
	h.url = site.URL + "/base" + Path
	t.Cleanup(func() {
		cancel()
		if err := ingesttest.Await(t, "the server's end", h.done); err != nil {
			t.Error(err)
		}
		h.done <- nil // a test may have received the result
		site.Close()
		if t.Failed() {
			t.Log(h.log)
		}
		for _, secret := range []string{theKey, "ice-pwd"} {
			if strings.Contains(h.log.String(), secret) {
				t.Errorf("%q was logged", secret)
			}
		}
	})
	deadline := time.Now().Add(ingesttest.Timeout)
	for h.server.enter() == nil {
		if time.Now().After(deadline) {
			t.Fatal("the server does not serve")
		}
	}
	h.server.leave()
	return h
}

func withFFmpeg(o *Options) { o.FFmpeg = "ffmpeg" }

// reply is a response.
type reply struct {
	status int
	header http.Header
	body   string
}

// do sends a request; headers are pairs of name and value.
func do(t testing.TB, method, url, body string, headers ...string) reply {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := (&http.Client{Timeout: ingesttest.Timeout}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(b)}
}

// client is a publisher.
type client struct {
	*webrtc.PeerConnection
	video, audio *webrtc.TrackLocalStaticRTP
	url          string // of the session
	tag          string
	answer       string
	connected    chan struct{}
	closed       chan struct{}
	plis         chan struct{}
}

// codecH264 returns H.264 with the format parameters fmtp, as a client offers it.
func codecH264(fmtp string) webrtc.RTPCodecParameters {
	return webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{
			MimeType: webrtc.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: fmtp,
			RTCPFeedback: []webrtc.RTCPFeedback{{Type: "nack"}, {Type: "nack", Parameter: "pli"}},
		},
		PayloadType: 102,
	}
}

const usualFmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"

// newClient returns a client with both tracks, and its offer. It sends no sender reports by itself.
func newClient(t testing.TB, h264 webrtc.RTPCodecParameters) (c *client, offer string) {
	t.Helper()
	engine := &webrtc.MediaEngine{}
	opusCodec := webrtc.RTPCodecParameters{
		RTPCodecCapability: webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2, SDPFmtpLine: "minptime=10;useinbandfec=1;stereo=0"},
		PayloadType:        111,
	}
	if err := errors.Join(engine.RegisterCodec(h264, webrtc.RTPCodecTypeVideo), engine.RegisterCodec(opusCodec, webrtc.RTPCodecTypeAudio)); err != nil {
		t.Fatal(err)
	}
	var s webrtc.SettingEngine
	s.SetIncludeLoopbackCandidate(true)
	s.SetICETimeouts(2*time.Second, 2*time.Second, 200*time.Millisecond)
	conn, err := webrtc.NewAPI(webrtc.WithMediaEngine(engine), webrtc.WithSettingEngine(s)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.GracefulClose() })
	c = &client{PeerConnection: conn, connected: make(chan struct{}), closed: make(chan struct{}), plis: make(chan struct{}, 1000)}
	var once, over sync.Once
	conn.OnConnectionStateChange(func(s webrtc.PeerConnectionState) {
		switch s {
		case webrtc.PeerConnectionStateConnected:
			once.Do(func() { close(c.connected) })
		case webrtc.PeerConnectionStateClosed, webrtc.PeerConnectionStateFailed:
			over.Do(func() { close(c.closed) })
		default:
		}
	})
	for _, track := range []struct {
		to    **webrtc.TrackLocalStaticRTP
		codec webrtc.RTPCodecCapability
		id    string
	}{{&c.video, h264.RTPCodecCapability, "video"}, {&c.audio, opusCodec.RTPCodecCapability, "audio"}} {
		local, err := webrtc.NewTrackLocalStaticRTP(track.codec, track.id, "stream")
		if err != nil {
			t.Fatal(err)
		}
		*track.to = local
		transceiver, err := conn.AddTransceiverFromTrack(local, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
		if err != nil {
			t.Fatal(err)
		}
		sender := transceiver.Sender()
		go func() {
			for {
				packets, _, err := sender.ReadRTCP()
				if err != nil {
					return
				}
				for range packets {
					select {
					case c.plis <- struct{}{}:
					default:
					}
				}
			}
		}()
	}
	return c, c.offer(t, nil)
}

func (c *client) offer(t testing.TB, options *webrtc.OfferOptions) string {
	t.Helper()
	o, err := c.CreateOffer(options)
	if err != nil {
		t.Fatal(err)
	}
	gathered := webrtc.GatheringCompletePromise(c.PeerConnection)
	if err := c.SetLocalDescription(o); err != nil {
		t.Fatal(err)
	}
	ingesttest.Await(t, "the candidates", gathered)
	return c.LocalDescription().SDP
}

// publish publishes the broadcast "show" and waits until it is connected.
func (h *harness) publish(t testing.TB, h264 webrtc.RTPCodecParameters) (*client, *ingesttest.Sink) {
	t.Helper()
	c, offer := newClient(t, h264)
	r := do(t, http.MethodPost, h.url, offer, "Content-Type", "application/sdp", "Authorization", "Bearer "+theKey)
	if r.status != http.StatusCreated {
		t.Fatalf("POST: %d %s", r.status, r.body)
	}
	c.url, c.tag, c.answer = strings.TrimSuffix(h.url, "/base"+Path)+r.header.Get("Location"), r.header.Get("ETag"), r.body
	if err := c.SetRemoteDescription(webrtc.SessionDescription{Type: webrtc.SDPTypeAnswer, SDP: r.body}); err != nil {
		t.Fatal(err)
	}
	ingesttest.Await(t, "the connection", c.connected)
	return c, ingesttest.Await(t, "the publication", h.Opened)
}

// picture is a picture of the clip: its NAL units, and its time.
type picture struct {
	nals [][]byte
	at   uint32 // in 1/90000 s
	key  bool
}

// pictures returns the pictures of the clip, and its parameter sets.
func pictures(t testing.TB) (all []picture, sps, pps []byte) {
	t.Helper()
	r := flv.NewReader(bytes.NewReader(clip.FLV()))
	d := flv.NewDemuxer()
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, sps, pps
		}
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type != flv.TagVideo {
			continue
		}
		u, ok, err := d.Video(media.TicksFromMillis(int64(tag.Timestamp)), tag.Body)
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			continue
		}
		sps, pps = u.Track.SPS[0], u.Track.PPS[0]
		p := picture{at: uint32(u.DTS), key: u.Key}
		for b := u.Data; len(b) > 4; {
			n := int(b[0])<<24 | int(b[1])<<16 | int(b[2])<<8 | int(b[3])
			if kind := b[4] & 31; kind == 1 || kind == 5 {
				p.nals = append(p.nals, b[4:4+n])
			}
			b = b[4+n:]
		}
		all = append(all, p)
	}
}

// packetizer makes the RTP packets of pictures.
type packetizer struct {
	sequence uint16
	offset   uint32 // added to timestamps
	payloads codecs.H264Payloader
}

// packets returns the packets of a picture. Pion's payloader puts parameter sets into STAP-A and large
// NAL units into FU-A packets.
func (p *packetizer) packets(pic picture, sets ...[]byte) (all []*rtp.Packet) {
	var stream []byte
	for _, nal := range append(sets, pic.nals...) {
		stream = append(append(stream, 0, 0, 0, 1), nal...)
	}
	for _, payload := range p.payloads.Payload(1200, stream) {
		all = append(all, p.packet(payload, pic.at))
	}
	all[len(all)-1].Marker = true
	return all
}

func (p *packetizer) packet(payload []byte, at uint32) *rtp.Packet {
	p.sequence++
	return &rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: p.sequence, Timestamp: at + p.offset}, Payload: payload}
}

func send(t testing.TB, track *webrtc.TrackLocalStaticRTP, packets ...*rtp.Packet) {
	t.Helper()
	for _, p := range packets {
		if err := track.WriteRTP(p); err != nil {
			t.Fatal(err)
		}
	}
}

// script writes an executable shell script.
func script(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
}
