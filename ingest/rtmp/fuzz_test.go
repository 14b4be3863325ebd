package rtmp

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
	"golive/ingest/rtmp/handshake"
	"golive/media"
)

// wireConn is a connection whose peer has already sent all its data.
type wireConn struct{ io.Reader }

func (wireConn) Write(p []byte) (int, error)      { return len(p), nil }
func (wireConn) Close() error                     { return nil }
func (wireConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (wireConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (wireConn) SetDeadline(time.Time) error      { return nil }
func (wireConn) SetReadDeadline(time.Time) error  { return nil }
func (wireConn) SetWriteDeadline(time.Time) error { return nil }

// strict is a handler that checks that the session calls its Sink as documented.
type strict struct {
	t    *testing.T
	last map[int]media.Ticks // by the number of the video track; -1 is audio
	open bool
}

func (s *strict) Publish(context.Context, string, ingest.Publisher) (ingest.Sink, error) {
	if s.open {
		s.t.Error("published twice at once")
	}
	s.open, s.last = true, map[int]media.Ticks{}
	return s, nil
}

func (s *strict) WriteUnit(u media.AccessUnit) error {
	if !s.open {
		s.t.Error("unit after the end")
	}
	track := u.Track.Number
	if !u.Track.Video() {
		track = -1
	}
	if last, ok := s.last[track]; ok && u.DTS <= last {
		s.t.Errorf("DTS %d after %d", u.DTS, last)
	}
	if u.PTS < u.DTS || len(u.Data) == 0 {
		s.t.Errorf("PTS %d, DTS %d, %d bytes", u.PTS, u.DTS, len(u.Data))
	}
	s.last[track] = u.DTS
	return nil
}

func (s *strict) Close(error) {
	if !s.open {
		s.t.Error("closed twice")
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
		chunk.Message{Type: chunk.TypeVideo, Body: avcConfig()},
		chunk.Message{Type: chunk.TypeAudio, Body: aacConfig()},
		chunk.Message{Type: chunk.TypeVideo, Timestamp: 40, Body: picture(true, 20)},
		chunk.Message{Type: chunk.TypeAudio, Timestamp: 40, Body: aacFrame()},
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
		session := newSession(h.server, wireConn{io.MultiReader(bytes.NewReader(hello), bytes.NewReader(b))}, protocolPlain, func(error) {})
		session.end(session.handleMessages(context.Background()))
		if n := h.metric(t, "golive_ingest_sessions"); n != 0 {
			t.Errorf("%v sessions left", n)
		}
	})
}
