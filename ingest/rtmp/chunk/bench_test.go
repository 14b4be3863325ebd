package chunk

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"testing"

	rtmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
)

// loop is a reader that repeats the same bytes.
type loop struct {
	data []byte
	pos  int
}

func (l *loop) Read(p []byte) (int, error) {
	n := copy(p, l.data[l.pos:])
	if l.pos += n; l.pos == len(l.data) {
		l.pos = 0
	}
	return n, nil
}

// script returns one video message of 20 kB and two audio messages of 400 bytes, in
// chunks of size bytes: a thirtieth of a second of a 5 Mbit/s stream.
func script(size int) []byte {
	var b []byte
	b = Append(b, Message{Type: TypeVideo, ChunkStream: 6, Stream: 1, Timestamp: 33, Body: bytes.Repeat([]byte{'v'}, 20_000)}, size)
	b = Append(b, Message{Type: TypeAudio, ChunkStream: 4, Stream: 1, Timestamp: 23, Body: bytes.Repeat([]byte{'a'}, 400)}, size)
	return Append(b, Message{Type: TypeAudio, ChunkStream: 4, Stream: 1, Timestamp: 46, Body: bytes.Repeat([]byte{'a'}, 400)}, size)
}

func setChunkSize(size int) []byte {
	return Append(nil, Message{Type: TypeSetChunkSize, ChunkStream: 2, Body: []byte{byte(size >> 24), byte(size >> 16), byte(size >> 8), byte(size)}}, DefaultSize)
}

// BenchmarkReader reads one message of script's stream per operation, with this package ("golive")
// and with go-rtmp.
func BenchmarkReader(b *testing.B) {
	for _, size := range []int{128, 4096, 65536} {
		data := script(size)
		b.Run(fmt.Sprintf("golive/chunks=%d", size), func(b *testing.B) {
			r := NewReader(io.MultiReader(bytes.NewReader(setChunkSize(size)), &loop{data: data}), 64<<10, wide)
			b.SetBytes(int64(len(data) / 3))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Next(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(fmt.Sprintf("go-rtmp/chunks=%d", size), func(b *testing.B) {
			r := newGoRTMP(b, data, size)
			b.SetBytes(int64(len(data) / 3))
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				if n == 50_000 { // before an acknowledgement is due, which go-rtmp could not send
					r, n = newGoRTMP(b, data, size), 0
				}
				var m rtmp.ChunkMessage
				if _, _, err := r.Read(&m); err != nil {
					b.Fatal(err)
				}
				switch m := m.Message.(type) {
				case *message.VideoMessage:
					copyBody(b, m.Payload)
				case *message.AudioMessage:
					copyBody(b, m.Payload)
				}
			}
		})
	}
}

// copyBody copies a payload, as users of go-rtmp must, because its buffer is reused.
func copyBody(b *testing.B, payload io.Reader) {
	b.Helper()
	body := bytes.NewBuffer(make([]byte, 0, 20_000+bytes.MinRead))
	if _, err := body.ReadFrom(payload); err != nil {
		b.Fatal(err)
	}
}

func newGoRTMP(b *testing.B, data []byte, size int) *rtmp.ChunkStreamer {
	b.Helper()
	r := rtmp.NewChunkStreamer(&loop{data: data}, io.Discard, nil)
	b.Cleanup(func() { _ = r.Close() })
	if err := r.PeerState().SetChunkSize(uint32(size)); err != nil {
		b.Fatal(err)
	}
	if err := r.PeerState().SetAckWindowSize(math.MaxInt32); err != nil {
		b.Fatal(err)
	}
	return r
}

func TestReader_AllocatesOnlyBodies(t *testing.T) {
	r := NewReader(&loop{data: script(DefaultSize)}, 64<<10, wide)
	next := func() {
		if _, err := r.Next(); err != nil {
			t.Fatal(err)
		}
	}
	for range 6 {
		next()
	}
	if n := testing.AllocsPerRun(3000, next); n > 1 {
		t.Errorf("%v allocations a message, want 1 for the body", n)
	}
}
