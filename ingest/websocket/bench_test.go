package websocket

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/ingest"
	"golive/ingest/ingesttest"
)

// endless is a stream that second generates piece by piece.
type endless struct {
	bytes.Reader
	second func() []byte // returns the next piece; nil is the end
}

func (e *endless) Read(p []byte) (int, error) {
	if e.Len() == 0 {
		next := e.second()
		if next == nil {
			return 0, io.EOF
		}
		e.Reset(next)
	}
	return e.Reader.Read(p)
}

// BenchmarkSession reads a second of a 5 Mbit/s stream per operation, as that of package rtmp
// does: 30 pictures of 20 kB and 47 audio frames, from memory to the sink.
func BenchmarkSession(b *testing.B) {
	handler := &ingesttest.Counter{}
	log := slog.New(slog.DiscardHandler)
	auth, err := ingest.NewAuthorizer(ingest.PublishConfig{Open: true}, handler, log)
	if err != nil {
		b.Fatal(err)
	}
	cfg := ingest.DefaultConfig()
	cfg.Limits.Ahead = 0 // the benchmark reads faster than real time
	server := NewServer(cfg, Site{}, ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(prometheus.NewRegistry())), log)
	buf := make([]byte, 0, 1<<20)
	// add appends a frame whose tag has the timestamp at.
	add := func(message []byte, size int, at uint32) {
		buf = append(buf, message...)
		tag := buf[len(buf)-size-tagHeader:]
		tag[4], tag[5], tag[6], tag[7] = byte(at>>16), byte(at>>8), byte(at), byte(at>>24)
	}
	const sound = 400
	message := func(kind uint8, body []byte) []byte { return frame(binaryFrame, tagOf(kind, 0, body)) }
	audio := message(flv.TagAudio, append(ingesttest.AACFrame(), make([]byte, sound-8)...))
	pictures := [][]byte{message(flv.TagVideo, ingesttest.Picture(true, 20_000)), message(flv.TagVideo, ingesttest.Picture(false, 20_000))}
	first := append(message(flv.TagVideo, ingesttest.AVCConfig()), message(flv.TagAudio, ingesttest.AACConfig())...)
	n := uint32(0)
	stream := &endless{second: func() []byte {
		if !b.Loop() {
			return nil
		}
		buf = buf[:0]
		if n == 0 {
			buf = append(buf, first...)
		}
		for i := range uint32(30) {
			add(pictures[n%2], 20_009, 1000*n+i*1000/30)
		}
		for i := range uint32(47) {
			add(audio, sound, 1000*n+i*1000/47)
		}
		n++
		return buf
	}}
	b.SetBytes(30*20_000 + 47*400)
	b.ReportAllocs()
	server.serve(&ingesttest.HijackRecorder{Conn: ingesttest.ReadConn{Reader: stream}}, requestFor(b.Context(), "studio"))
	if want := b.N * 77; handler.Units != want {
		b.Fatalf("%d units, want %d", handler.Units, want)
	}
}

// TestSession_AllocatesOnlyBodies counts the allocations of a tag: its body, which access units keep.
func TestSession_AllocatesOnlyBodies(t *testing.T) {
	h := newHarness(t, testConfig(), Site{})
	tags := 0
	var measured float64
	message := frame(binaryFrame, tagOf(flv.TagAudio, 0, []byte{0xaf, 2, 0})) // ignored by the demuxer
	stream := &endless{second: func() []byte { tags++; return message }}
	session := h.server.newSession(requestFor(t.Context(), "studio"), func(error) {})
	if !session.accept(&ingesttest.HijackRecorder{Conn: ingesttest.ReadConn{Reader: bufio.NewReader(stream)}}, requestFor(t.Context(), "studio")) {
		t.Fatal("the session was not accepted")
	}
	session.share = h.sessions.Messages.Share(func(error) {})
	measured = testing.AllocsPerRun(1000, func() {
		if _, err := session.next(context.Background()); err != nil {
			t.Fatal(err)
		}
	})
	if measured > 1 {
		t.Errorf("%v allocations for each tag, want 1", measured)
	}
}
