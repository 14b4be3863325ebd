package chunk

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
)

func FuzzReader(f *testing.F) {
	f.Add(Append(nil, Message{Type: TypeVideo, ChunkStream: 6, Timestamp: 17_000_000, Body: make([]byte, 300)}, DefaultSize))
	f.Add(Append(setChunkSize(4), Message{Type: TypeAudio, ChunkStream: 4, Timestamp: 23, Body: []byte("0123456789")}, 4))
	f.Add([]byte("\x06\xff\xff\xff\x00\x00\x82\x09\x01\x00\x00\x00\x01\x03\x66\x40"))
	f.Fuzz(func(t *testing.T, b []byte) {
		limits := Limits{MessageSize: 64 << 10, ChunkStreams: 8}
		whole := NewReader(bytes.NewReader(b), 256, limits)
		all, err := readAll(whole)
		if err == nil {
			t.Fatal("reading ended without an error")
		}
		var e *Error
		if err != io.EOF && err != io.ErrUnexpectedEOF && !errors.As(err, &e) {
			t.Fatalf("err = %v, want io.EOF, io.ErrUnexpectedEOF or an *Error", err)
		}
		if whole.held < 0 || whole.held > 2*limits.MessageSize+firstAllocation {
			t.Fatalf("%d bytes held", whole.held)
		}
		// The result does not depend on how many bytes arrive at a time.
		slow := NewReader(iotest.OneByteReader(bytes.NewReader(b)), 64, limits)
		again, err2 := readAll(slow)
		if !slices.Equal(all, again) || (err == io.EOF) != (err2 == io.EOF) || whole.Stats() != slow.Stats() {
			t.Fatalf("read byte by byte: error %v, want %v; messages (-want +got):\n%s", err2, err, cmp.Diff(all, again))
		}
	})
}

func FuzzAppend(f *testing.F) {
	f.Add(uint32(0xFFFFFF), 128, []byte("body"))
	f.Fuzz(func(t *testing.T, time uint32, size int, body []byte) {
		if size < 1 || size > maxChunkSize || len(body) == 0 {
			return
		}
		data := append(setChunkSize(size), Append(nil, Message{Type: TypeVideo, ChunkStream: 6, Stream: 1, Timestamp: time, Body: body}, size)...)
		m, err := NewReader(bytes.NewReader(data), 64, wide).Next()
		if err != nil || m.Timestamp != time || !bytes.Equal(m.Body, body) {
			t.Fatalf("read back %+v, want the message: %v", m, err)
		}
	})
}
