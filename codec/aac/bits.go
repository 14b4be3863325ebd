package aac

import "fmt"

// bitReader reads bits, most significant first. After the first read beyond the end every
// read returns 0 and err stays set.
type bitReader struct {
	b   []byte
	at  int // in bits
	err error
}

// left returns the number of unread bits.
func (r *bitReader) left() int { return len(r.b)*8 - r.at }

// u reads n bits, at most 32.
func (r *bitReader) u(n int) int {
	if r.err != nil {
		return 0
	}
	if r.left() < n {
		r.err = fmt.Errorf("need %d bits at bit %d, have %d", n, r.at, r.left())
		return 0
	}
	v := 0
	for range n {
		v = v<<1 | int(r.b[r.at/8]>>(7-r.at%8))&1
		r.at++
	}
	return v
}

// flag reads one bit.
func (r *bitReader) flag() bool { return r.u(1) == 1 }

// align skips to the next byte boundary.
func (r *bitReader) align() { r.at = (r.at + 7) / 8 * 8 }

// bitWriter appends bits, most significant first. The last byte is filled with
// zeros.
type bitWriter struct {
	b []byte
	n int // in bits
}

// u appends the low n bits of v.
func (w *bitWriter) u(n, v int) {
	for n--; n >= 0; n-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>n&1) << (7 - w.n%8)
		w.n++
	}
}

// align fills the last byte with zeros.
func (w *bitWriter) align() { w.n = 8 * len(w.b) }
