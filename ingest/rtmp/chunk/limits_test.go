package chunk

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestReader_RefusesInputOverALimit(t *testing.T) {
	small := Limits{MessageSize: 64 << 10, ChunkStreams: 8}
	tests := []struct {
		name, want string
		build      func(*wire)
	}{
		{"message of 16 MB", "message of 16777215 bytes, type 20, on chunk stream 3; the limit is 65536 at byte 12", func(w *wire) {
			w.head(0, 3, 0, 1<<24-1, TypeCommandAMF0)
		}},
		{"nine chunk streams", "more than 8 chunk streams at byte 104", func(w *wire) {
			for id := range 9 {
				w.head(0, 3+id, 0, 1, TypeAudio)
				w.text("x")
			}
		}},
		{"many unfinished messages", "more than 131072 bytes of incomplete messages at byte 292", func(w *wire) {
			for id := range 3 {
				w.head(0, 3+id, 0, 60_000, TypeVideo)
				w.text(strings.Repeat("x", 128))
			}
		}},
		{"chunk size 0", "chunk size 0 at byte 16", func(w *wire) {
			w.head(0, 2, 0, 4, TypeSetChunkSize)
			w.u32(0)
		}},
		{"short chunk size", "set chunk size of 2 bytes, want 4 at byte 14", func(w *wire) {
			w.head(0, 2, 0, 2, TypeSetChunkSize)
			w.text("xx")
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var w wire
			tt.build(&w)
			_, err := readAll(NewReader(&w, 64, small))
			var e *Error
			if !errors.As(err, &e) || e.Error() != tt.want {
				t.Errorf("err = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestReader_ReportsAnEndInsideAMessage(t *testing.T) {
	var w wire
	w.head(0, 6, 10, 200, TypeVideo)
	w.text(strings.Repeat("a", 128))
	w.basic(3, 6)
	w.text(strings.Repeat("a", 72))
	for cut := 1; cut < w.Len(); cut++ {
		_, err := readAll(NewReader(bytes.NewReader(w.Bytes()[:cut]), 64, wide))
		if err != io.ErrUnexpectedEOF && cut > 12 {
			t.Fatalf("cut at %d: err = %v, want io.ErrUnexpectedEOF", cut, err)
		}
	}
}

func TestReader_AllocatesAsBytesArrive(t *testing.T) {
	var w wire
	w.head(0, 6, 0, 16<<20-1, TypeVideo)
	w.text("x")
	r := NewReader(&w, 4096, wide)
	if _, err := readAll(r); err != io.ErrUnexpectedEOF {
		t.Fatalf("err = %v, want io.ErrUnexpectedEOF", err)
	}
	if r.held > firstAllocation {
		t.Errorf("%d bytes are allocated after one byte of an announced 16 MiB", r.held)
	}
}

func TestReader_GrowsABodyToItsExactSize(t *testing.T) {
	body := make([]byte, 3_000_001)
	for i := range body {
		body[i] = byte(rand.Uint32())
	}
	for _, size := range []int{128, 4096, 1 << 20} {
		var w wire
		w.head(0, 2, 0, 4, TypeSetChunkSize)
		w.u32(uint32(size))
		w.Write(Append(nil, Message{Type: TypeVideo, ChunkStream: 6, Body: body}, size))
		m, err := NewReader(&w, 64<<10, wide).Next()
		if err != nil || !bytes.Equal(m.Body, body) || cap(m.Body) != len(body) {
			t.Errorf("chunk size %d: %d bytes with capacity %d, want %d: %v", size, len(m.Body), cap(m.Body), len(body), err)
		}
	}
}
