package h264

import (
	"bytes"
	"math/bits"
)

// rbsp reads the payload of a NAL unit without its emulation prevention bytes
// (ISO 14496-10 section 7.4.1). Its zero value is at the end.
type rbsp struct {
	left  []byte
	zeros int // bytes of zero in a row before left
}

// byte returns the next byte; ok is false at the end.
func (r *rbsp) byte() (c byte, ok bool) {
	if len(r.left) > 0 && r.zeros >= 2 && r.left[0] == 3 {
		r.left, r.zeros = r.left[1:], 0
	}
	if len(r.left) == 0 {
		return 0, false
	}
	c, r.left = r.left[0], r.left[1:]
	r.zeros++
	if c != 0 {
		r.zeros = 0
	}
	return c, true
}

// read reads n bytes and stores as many of them in into as fit. It returns the number
// stored; ok is false if fewer than n are left.
func (r *rbsp) read(into []byte, n int) (kept int, ok bool) {
	for i := range n {
		c, ok := r.byte()
		if !ok {
			return kept, false
		}
		if i < len(into) {
			into[i] = c
			kept++
		}
	}
	return kept, true
}

// appendPayload appends the payload of a NAL unit to b, without emulation prevention
// bytes and without the bytes of 0 that may follow it.
func appendPayload(b, nal []byte) []byte {
	rest := nal[1:]
	for {
		at := bytes.Index(rest, []byte{0, 0, 3})
		if at < 0 {
			break
		}
		b = append(b, rest[:at+2]...)
		rest = rest[at+3:]
	}
	return bytes.TrimRight(append(b, rest...), "\x00")
}

// bitWindow holds up to 64 bits of a payload, the next one first.
type bitWindow struct {
	bits uint64
	size int // number of bits
}

// newBitWindow returns a window of the first 8 bytes of b, or of all if there are fewer.
func newBitWindow(b []byte) bitWindow {
	var w bitWindow
	for i := range min(len(b), 8) {
		w.bits |= uint64(b[i]) << (56 - 8*i)
		w.size += 8
	}
	return w
}

// golomb reads a ue(v) of at most 33 bits (section 9.1); ok is false if it is longer or
// truncated.
func (w *bitWindow) golomb() (v uint32, ok bool) {
	zeros := bits.LeadingZeros64(w.bits)
	length := 2*zeros + 1
	if zeros > 17 || length > w.size {
		return 0, false
	}
	v = uint32(w.bits>>(64-length) - 1)
	w.bits <<= length
	w.size -= length
	return v, true
}

// flag reads one bit; ok is false at the end.
func (w *bitWindow) flag() (set, ok bool) {
	if w.size < 1 {
		return false, false
	}
	set = w.bits>>63 == 1
	w.bits <<= 1
	w.size--
	return set, true
}
