package websocket

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
)

// FuzzParseHeader checks that a parsed header is written as the same bytes.
func FuzzParseHeader(f *testing.F) {
	f.Add(tagOf(flv.TagVideo, 0x12345678, nil))
	f.Add([]byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) < tagHeader {
			return
		}
		h, err := parseHeader([tagHeader]byte(b))
		if err != nil {
			return
		}
		again := tagOf(h.kind, h.timestamp, nil)
		again[1], again[2], again[3] = byte(h.size>>16), byte(h.size>>8), byte(h.size)
		if !bytes.Equal(again, b[:tagHeader]) {
			t.Errorf("%x was read as %+v", b[:tagHeader], h)
		}
	})
}

// FuzzSession reads arbitrary bytes as the frames of a publisher. Afterwards no session, no slot and
// no bytes of messages may be left.
func FuzzSession(f *testing.F) {
	add := func(frames ...[]byte) { f.Add(bytes.Join(frames, nil)) }
	add(frame(binaryFrame, tagOf(flv.TagVideo, 0, ingesttest.AVCConfig())), frame(binaryFrame, tagOf(flv.TagVideo, 40, ingesttest.Picture(true, 20))),
		frame(binaryFrame, tagOf(flv.TagAudio, 0, ingesttest.AACConfig())), frame(binaryFrame, tagOf(flv.TagAudio, 0, ingesttest.AACFrame())), frame(8, []byte{3, 0xe8}))
	add(frame(9, []byte("ping")), frame(10, nil), frame(1, []byte("text")))
	add([]byte("\x02\x81\x00\x00\x00\x00\x08"), frame(0, []byte("\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xaf")))
	add(frame(binaryFrame, tagOf(flv.TagVideo, 0, ingesttest.Picture(true, 70_000)))[:300])
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg := testConfig()
		cfg.Limits.Bitrate, cfg.Limits.FrameRate, cfg.Limits.GOPWarn = 1_000_000, 60, time.Second
		log := slog.New(slog.DiscardHandler)
		counted := &ingesttest.Counter{}
		auth, err := ingest.NewAuthorizer(ingest.PublishConfig{Open: true}, counted, log)
		if err != nil {
			t.Fatal(err)
		}
		sessions := ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(prometheus.NewRegistry()))
		server := NewServer(cfg, Site{}, sessions, log)
		server.serve(&ingesttest.HijackRecorder{Conn: ingesttest.ReadConn{Reader: bytes.NewReader(b)}}, requestFor(t.Context(), "studio"))
		if n := sessions.Messages.Held(); n != 0 || len(server.live) > 0 || server.slots.Taken() != 0 {
			t.Errorf("%d bytes, %d sessions and %d slots are left", n, len(server.live), server.slots.Taken())
		}
	})
}
