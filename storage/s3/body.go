package s3

import (
	"errors"
	"io"
	"slices"
)

// body reads an object's slabs in order without joining them. It can go back to
// the beginning: the SDK reads it to sign it, and again for each attempt.
type body struct {
	slabs [][]byte
	size  int64

	at   int64 // from the beginning
	slab int   // the slab that is read
	skip int   // what is read of it
}

// newBody keeps its own outer slice: the connection may still read after Put has returned
// an error.
func newBody(slabs [][]byte, size int64) *body {
	return &body{slabs: slices.Clone(slabs), size: size}
}

// Read copies from as many slabs as p has room for.
func (b *body) Read(p []byte) (int, error) {
	n := 0
	for n < len(p) && b.slab < len(b.slabs) {
		copied := copy(p[n:], b.slabs[b.slab][b.skip:])
		n += copied
		if b.skip += copied; b.skip == len(b.slabs[b.slab]) {
			b.slab, b.skip = b.slab+1, 0
		}
	}
	b.at += int64(n)
	if n == 0 && len(p) > 0 {
		return 0, io.EOF
	}
	return n, nil
}

// WriteTo writes the rest, slab by slab.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for b.slab < len(b.slabs) {
		n, err := w.Write(b.slabs[b.slab][b.skip:])
		total += int64(n)
		b.at += int64(n)
		b.skip += n
		if err != nil {
			return total, err
		}
		b.slab, b.skip = b.slab+1, 0
	}
	return total, nil
}

// errSeek is the error for an offset outside the object.
var errSeek = errors.New("seek outside the object")

// Seek moves to the offset.
func (b *body) Seek(offset int64, whence int) (int64, error) {
	switch whence {
	case io.SeekCurrent:
		offset += b.at
	case io.SeekEnd:
		offset += b.size
	}
	if offset < 0 || offset > b.size {
		return b.at, errSeek
	}
	b.at, b.slab = offset, 0
	for b.slab < len(b.slabs) && offset >= int64(len(b.slabs[b.slab])) {
		offset -= int64(len(b.slabs[b.slab]))
		b.slab++
	}
	b.skip = int(offset)
	return b.at, nil
}
