package h264

import "math/bits"

// rbspWriter writes the bits of a NAL unit's payload. Its zero value is empty.
type rbspWriter struct {
	bytes []byte
	free  int // unused bits of the last byte
}

// put writes the low n bits of v, the highest first.
func (w *rbspWriter) put(v uint64, n int) {
	for ; n > 0; n-- {
		if w.free == 0 {
			w.bytes = append(w.bytes, 0)
			w.free = 8
		}
		w.free--
		w.bytes[len(w.bytes)-1] |= byte(v>>(n-1)&1) << w.free
	}
}

// golomb writes v as ue(v) (ISO 14496-10 section 9.1).
func (w *rbspWriter) golomb(v uint32) {
	code := uint64(v) + 1
	w.put(code, 2*bits.Len64(code)-1)
}

// copy writes the bits [from, to) of b.
func (w *rbspWriter) copy(b []byte, from, to int) {
	for ; from < to && (from%8 != 0 || to-from < 8); from++ {
		w.put(uint64(b[from/8]>>(7-from%8)&1), 1)
	}
	whole := b[from/8 : max(from, to)/8]
	if w.free == 0 {
		w.bytes = append(w.bytes, whole...)
	} else {
		for _, c := range whole {
			w.bytes[len(w.bytes)-1] |= c >> (8 - w.free)
			w.bytes = append(w.bytes, c<<w.free)
		}
	}
	for from += 8 * len(whole); from < to; from++ {
		w.put(uint64(b[from/8]>>(7-from%8)&1), 1)
	}
}

// align fills the last byte with 1 bits, as required before CABAC data (section 7.3.4).
func (w *rbspWriter) align() {
	w.put(1<<w.free-1, w.free)
}

// appendNAL appends the NAL unit with that header and payload to b, with emulation
// prevention bytes (section 7.4.1).
func appendNAL(b []byte, header byte, payload []byte) []byte {
	b = append(b, header)
	zeros := 0
	for _, c := range payload {
		if zeros >= 2 && c <= 3 {
			b = append(b, 3)
			zeros = 0
		}
		b = append(b, c)
		zeros++
		if c != 0 {
			zeros = 0
		}
	}
	return b
}
