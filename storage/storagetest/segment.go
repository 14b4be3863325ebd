package storagetest

import "bytes"

// Segment returns a segment of 2 s at 4.5 Mbit/s in 8 parts.
func Segment() [][]byte {
	slabs := make([][]byte, 8)
	for i := range slabs {
		slabs[i] = bytes.Repeat([]byte{0x47}, 140_000)
	}
	return slabs
}
