package rtmp

import (
	"bytes"
	"context"
	"io"
	"testing"
	"time"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
	"golive/media"
)

// strict is a handler and a Sink. It checks that the session calls the Sink as documented.
type strict struct {
	t    *testing.T
	last map[int]media.Ticks // by the number of the video track; -1 is audio
	open bool
}

func (s *strict) Publish(context.Context, string, ingest.Publisher) (ingest.Sink, error) {
	if s.open {
		s.t.Error("Publish was called before the Sink was closed")
	}
	s.open, s.last = true, map[int]media.Ticks{}
	return s, nil
}

func (s *strict) WriteUnit(u media.AccessUnit) error {
	if !s.open {
		s.t.Error("WriteUnit was called after Close")
	}
	track := u.Track.Number
	if !u.Track.Video() {
		track = -1
	}
	if last, ok := s.last[track]; ok && u.DTS <= last {
		s.t.Errorf("DTS %d after %d", u.DTS, last)
	}
	if u.PTS < u.DTS || len(u.Data) == 0 {
		s.t.Errorf("unit with PTS %d, DTS %d, %d bytes", u.PTS, u.DTS, len(u.Data))
	}
	s.last[track] = u.DTS
	return nil
}

func (s *strict) Close(error) {
	if !s.open {
		s.t.Error("Close was called twice")
	}
	s.open = false
}

func FuzzSession(f *testing.F) {
	script := func(ms ...chunk.Message) []byte {
		var b []byte
		for _, m := range ms {
			m.ChunkStream, m.Stream = 3, 1
			b = chunk.Append(b, m, chunk.DefaultSize)
		}
		return b
	}
	command := func(values ...any) chunk.Message {
		return chunk.Message{Type: chunk.TypeCommandAMF0, Body: amf0.Append(nil, values...)}
	}
	connect := command("connect", 1, amf0.Object{{Name: "app", Value: "live"}})
	publish := command("publish", 2, nil, "studio")
	f.Add(script(connect, publish,
		chunk.Message{Type: chunk.TypeVideo, Body: ingesttest.AVCConfig()},
		chunk.Message{Type: chunk.TypeAudio, Body: ingesttest.AACConfig()},
		chunk.Message{Type: chunk.TypeVideo, Timestamp: 40, Body: ingesttest.Picture(true, 20)},
		chunk.Message{Type: chunk.TypeAudio, Timestamp: 40, Body: ingesttest.AACFrame()},
		command("FCUnpublish", 3, nil, "studio"), publish))
	f.Add(script(connect, publish, chunk.Message{Type: chunk.TypeAggregate, Body: []byte("\x08\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\xaf\x00\x11\x90\x00\x00\x00\x0f")}))
	f.Add(script(connect, command("play", 2, nil, "studio")))
	f.Fuzz(func(t *testing.T, b []byte) {
		cfg := testConfig()
		cfg.Limits.Bitrate, cfg.Limits.FrameRate, cfg.Limits.GOPWarn = 1_000_000, 60, time.Second
		h := newHarness(t, cfg)
		auth, err := ingest.NewAuthorizer(ingest.PublishConfig{Open: true}, &strict{t: t}, h.server.log)
		if err != nil {
			t.Fatal(err)
		}
		h.server.sessions = ingest.NewSessions(cfg, auth, h.server.log, h.server.sessions.Metrics())
		hello := append([]byte{3}, make([]byte, handshake.Size-1+1536)...)
		session := newSession(h.server, ingesttest.ReadConn{Reader: io.MultiReader(bytes.NewReader(hello), bytes.NewReader(b))}, protocolPlain, func(error) {})
		session.end(session.handleMessages(context.Background()))
		if n := h.metric(t, "golive_ingest_sessions"); n != 0 {
			t.Errorf("%v sessions are left", n)
		}
	})
}
