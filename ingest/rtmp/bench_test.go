package rtmp

import (
	"bytes"
	"io"
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"golive/ingest"
	"golive/ingest/ingesttest"
	"golive/ingest/rtmp/chunk"
)

// BenchmarkSession reads a second of a 5 Mbit/s stream per operation: 30 pictures
// of 20 kB and 47 audio frames, chunks of 4096 bytes, from memory to the sink.
func BenchmarkSession(b *testing.B) {
	handler := &ingesttest.Counter{}
	log := slog.New(slog.DiscardHandler)
	auth, err := ingest.NewAuthorizer(ingest.PublishConfig{Open: true}, handler, log)
	if err != nil {
		b.Fatal(err)
	}
	cfg := ingest.DefaultConfig()
	cfg.Limits.Ahead = 0 // the benchmark reads faster than real time
	server := NewServer(cfg, ingest.NewSessions(cfg, auth, log, ingest.NewMetrics(prometheus.NewRegistry())), log)
	stream := &endless{}
	s := newSession(server, ingesttest.ReadConn{Reader: stream}, protocolPlain, func(error) {})
	if err := s.publish(b.Context(), ingest.Request{Protocol: protocolPlain, Remote: "192.0.2.1:1", App: "live", Name: "studio"}, "studio", false); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(30*20_000 + 47*400)
	b.ReportAllocs()
	for b.Loop() {
		stream.second()
		for {
			m, err := s.chunks.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				b.Fatal(err)
			}
			if err := s.handle(b.Context(), m); err != nil {
				b.Fatal(err)
			}
			if err := s.flush(); err != nil {
				b.Fatal(err)
			}
		}
	}
	if want := b.N * 77; handler.Units != want {
		b.Fatalf("%d units, want %d", handler.Units, want)
	}
}

// endless is a stream without an end, one second at a time.
type endless struct {
	bytes.Reader
	buf []byte
	n   uint32
}

func (e *endless) second() {
	e.buf = e.buf[:0]
	add := func(kind uint8, chunkStream, at uint32, body []byte) {
		e.buf = chunk.Append(e.buf, chunk.Message{Type: kind, ChunkStream: chunkStream, Stream: 1, Timestamp: at, Body: body}, 4096)
	}
	if e.n == 0 {
		e.buf = chunk.Append(e.buf, chunk.Message{Type: chunk.TypeSetChunkSize, ChunkStream: 2, Body: []byte{0, 0, 16, 0}}, chunk.DefaultSize)
		add(chunk.TypeVideo, 6, 0, ingesttest.AVCConfig())
		add(chunk.TypeAudio, 4, 0, ingesttest.AACConfig())
	}
	frame, p := append(ingesttest.AACFrame(), make([]byte, 392)...), ingesttest.Picture(e.n%2 == 0, 20_000)
	for i := range uint32(30) {
		add(chunk.TypeVideo, 6, 1000*e.n+i*1000/30, p)
	}
	for i := range uint32(47) {
		add(chunk.TypeAudio, 4, 1000*e.n+i*1000/47, frame)
	}
	e.n++
	e.Reset(e.buf)
}
