package h264

// Slice holds the first fields of a slice header (ISO 14496-10 section 7.3.3).
type Slice struct {
	// First is set if the slice begins a picture: its first macroblock is the first of the
	// picture.
	First bool
	// Intra is set if the slice refers to no other picture (slice type I or SI).
	Intra bool
	// PPS is the id of the PPS that it refers to.
	PPS uint32
}

// ReadSlice parses the header of a slice (NAL unit types 1, 2 and 5); ok is false if it is
// truncated.
func ReadSlice(nal []byte) (s Slice, ok bool) {
	const longest = 8 // bytes: three ue(v), of at most 35, 7 and 17 bits
	if len(nal) == 0 {
		return s, false
	}
	var header [longest]byte
	r := rbsp{left: nal[1:]}
	kept, _ := r.read(header[:], longest)
	w := newBitWindow(header[:kept])
	first, ok1 := w.golomb()
	kind, ok2 := w.golomb()
	pps, ok3 := w.golomb()
	if !ok1 || !ok2 || !ok3 {
		return s, false
	}
	const i, si = 2, 4 // slice_type modulo 5 (table 7-6)
	return Slice{First: first == 0, Intra: kind%5 == i || kind%5 == si, PPS: pps}, true
}
