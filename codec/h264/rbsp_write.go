package h264

import "math/bits"

// rbspWriter gathers the bits of a NAL unit's payload. Its zero value is empty.
type rbspWriter struct {
	bytes []byte
	free  int // bits that the last byte has left
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

// nal returns the NAL unit with that header and the payload, with emulation prevention
// bytes (section 7.4.1).
func (w *rbspWriter) nal(header byte) []byte {
	nal := append(make([]byte, 0, len(w.bytes)+8), header)
	zeros := 0
	for _, c := range w.bytes {
		if zeros >= 2 && c <= 3 {
			nal = append(nal, 3)
			zeros = 0
		}
		nal = append(nal, c)
		zeros++
		if c != 0 {
			zeros = 0
		}
	}
	return nal
}
