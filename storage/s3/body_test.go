package s3

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestBody_ReadsAndSeeksAsIfJoined(t *testing.T) {
	slabs := [][]byte{nil, []byte("01"), {}, []byte("234567"), []byte("8"), nil, []byte("9"), nil}
	const want = "0123456789"
	if err := iotest.TestReader(newBody(slabs, 10), []byte(want)); err != nil {
		t.Error(err)
	}
	for offset := range int64(len(want) + 1) {
		b := newBody(slabs, 10)
		if at, err := b.Seek(offset, io.SeekStart); err != nil || at != offset {
			t.Errorf("seek %d: %d, %v", offset, at, err)
		}
		var rest strings.Builder
		if n, err := io.Copy(&rest, b); err != nil || n != 10-offset || rest.String() != want[offset:] {
			t.Errorf("from %d: %q, %d, %v", offset, rest.String(), n, err)
		}
		if at, err := b.Seek(0, io.SeekCurrent); err != nil || at != 10 {
			t.Errorf("at the end: %d, %v", at, err)
		}
	}
	if _, err := newBody(slabs, 10).Seek(-1, io.SeekStart); err == nil {
		t.Error("seek -1: no error")
	}
}

func TestBody_DoesNotCopyItsSlabs(t *testing.T) {
	slab := make([]byte, 1<<20)
	slabs := [][]byte{slab}
	buffer := make([]byte, 32<<10)
	var discard io.Writer = struct{ io.Writer }{io.Discard} // io.Discard's own buffers are from a pool, which may be empty
	allocated := testing.AllocsPerRun(10, func() {
		if _, err := io.CopyBuffer(discard, newBody(slabs, int64(len(slab))), buffer); err != nil {
			t.Fatal(err)
		}
	})
	if allocated > 3 { // the reader, and the outer slice with its header
		t.Errorf("%.0f allocations", allocated)
	}
	if got, err := io.ReadAll(newBody(slabs, int64(len(slab)))); err != nil || !bytes.Equal(got, slab) {
		t.Error("other bytes")
	}
}
