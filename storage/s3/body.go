package s3

import (
	"io"
	"slices"
)

// newBody reads an object's slabs in order without joining them. It can go back to the
// beginning: the SDK reads it to sign it, and again for each attempt. It keeps its own outer
// slice: the connection may still read after Put has returned an error.
func newBody(slabs [][]byte, size int64) *io.SectionReader {
	return io.NewSectionReader(joined(slices.Clone(slabs)), 0, size)
}

// joined are slabs as one.
type joined [][]byte

// ReadAt implements io.ReaderAt.
func (j joined) ReadAt(p []byte, offset int64) (n int, err error) {
	for _, slab := range j {
		if size := int64(len(slab)); offset >= size {
			offset -= size
			continue
		}
		n += copy(p[n:], slab[offset:])
		if n == len(p) {
			return n, nil
		}
		offset = 0
	}
	return n, io.EOF
}
