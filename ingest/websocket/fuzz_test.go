package websocket

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/ingest"
)

// FuzzParseHeader checks that a header is read as it was written.
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
			t.Errorf("%x is read as %+v", b[:tagHeader], h)
		}
	})
}

// FuzzSession reads arbitrary bytes as the frames of a publisher. No session is left, no bytes of
// messages are counted after it, and each ends with an outcome.
func FuzzSession(f *testing.F) {
	add := func(frames ...[]byte) { f.Add(bytes.Join(frames, nil)) }
	add(frame(binaryFrame, tagOf(flv.TagVideo, 0, avcConfig())), frame(binaryFrame, tagOf(flv.TagVideo, 40, picture(true, 20))),
		frame(binaryFrame, tagOf(flv.TagAudio, 0, aacConfig())), frame(binaryFrame, tagOf(flv.TagAudio, 0, aacFrame())), frame(8, []byte{3, 0xe8}))
	add(frame(9, []byte("ping")), frame(10, nil), frame(1, []byte("text")))
	add([]byte("\x02\x81\x00\x00\x00\x00\x08"), frame(0, []byte("\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\xaf")))
	add(frame(binaryFrame, tagOf(flv.TagVideo, 0, picture(true, 70_000)))[:300])
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg := testConfig()
		cfg.Limits.Bitrate, cfg.Limits.FrameRate, cfg.Limits.GOPWarn = 1_000_000, 60, time.Second
		log := slog.New(slog.DiscardHandler)
		counted := &counter{}
		auth, err := ingest.NewAuthorizer(ingest.PublishConfig{Open: true}, counted, log)
		if err != nil {
			t.Fatal(err)
		}
		sessions := ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(prometheus.NewRegistry()))
		server := NewServer(cfg, Site{}, sessions, log)
		server.serve(&upgraded{conn: wire{bytes.NewReader(b)}}, requestFor(t.Context(), "studio"))
		if n := sessions.Messages.Held(); n != 0 || len(server.live) > 0 || server.slots.Taken() != 0 {
			t.Errorf("%d bytes, %d sessions and %d slots are left", n, len(server.live), server.slots.Taken())
		}
	})
}
