package memory

import "io"

// body reads a range of slabs in order.
type body struct {
	rest [][]byte
	skip int64 // bytes of rest before the range
	left int64 // bytes of the range
}

// next returns the rest of the range in the first slab that has any; nil at the end.
func (b *body) next() []byte {
	for b.left > 0 {
		slab := b.rest[0]
		if b.skip < int64(len(slab)) {
			slab = slab[b.skip:]
			return slab[:min(int64(len(slab)), b.left)]
		}
		b.skip -= int64(len(slab))
		b.rest = b.rest[1:]
	}
	return nil
}

func (b *body) advance(n int) {
	b.skip += int64(n)
	b.left -= int64(n)
}

// Read copies from one slab.
func (b *body) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	slab := b.next()
	if slab == nil {
		return 0, io.EOF
	}
	n := copy(p, slab)
	b.advance(n)
	return n, nil
}

// WriteTo writes the slabs without copying them.
func (b *body) WriteTo(w io.Writer) (int64, error) {
	var total int64
	for slab := b.next(); slab != nil; slab = b.next() {
		n, err := w.Write(slab)
		b.advance(n)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}
