package h264

import "slices"

// numbers are the values of a slice's header that count from the last IDR picture.
type numbers struct {
	frame uint32 // frame_num
	poc   uint32 // pic_order_cnt_lsb
}

// sliceHeader holds what is needed of a slice header (ISO 14496-10 section 7.3.3) to write
// it with other numbers.
type sliceHeader struct {
	kind       uint32 // slice_type modulo 5
	parameters *pictureParameters
	numbers    numbers
	bottom     int32 // delta_pic_order_cnt_bottom
	marking    []marking
	// The offsets of parts of the header in the payload, in bits. What is between them does
	// not change.
	frameAt, middleAt, markingAt, restAt, dataAt int
}

// The slice types modulo 5 (table 7-6).
const (
	sliceP = 0
	sliceB = 1
	sliceI = 2
)

// marking is a memory management control operation with its values (section 7.3.3.3).
type marking struct {
	op     uint32
	values [2]uint32
}

// The operations of table 7-9 that are handled.
const (
	mmcoUnmarkShortTerm = 1 // difference_of_pic_nums_minus1
	mmcoShortToLongTerm = 3 // difference_of_pic_nums_minus1 and long_term_frame_idx
	mmcoUnmarkAll       = 5
)

// operands returns the number of values of the operation.
func (m marking) operands() int {
	switch m.op {
	case mmcoUnmarkAll:
		return 0
	case mmcoShortToLongTerm:
		return 2
	default:
		return 1
	}
}

// maxMarking bounds the number of operations: two for each of 16 frames, and some more.
const maxMarking = 64

// readHeader reads the header of a slice of type NonIDR. It keeps the operations in
// h.marking's array.
func (s *sequence) readHeader(h *sliceHeader, refIDC byte, payload []byte, sets map[uint32]*pictureParameters) error {
	*h = sliceHeader{marking: h.marking[:0]}
	r := bitReader{buf: payload}
	r.golomb() // first_mb_in_slice
	h.kind = r.golomb() % 5
	h.parameters = sets[r.golomb()]
	switch {
	case r.err == nil && h.kind > sliceI:
		return sliceError(&r, "it is a switching slice")
	case r.err == nil && h.parameters == nil:
		return sliceError(&r, "its PPS is unknown")
	case r.err != nil:
		return sliceError(&r, "")
	}
	h.frameAt = r.at
	h.numbers.frame = r.bits(s.frameNumBits)
	if s.pocBits > 0 {
		h.numbers.poc = r.bits(s.pocBits)
	}
	h.middleAt = r.at
	if s.pocBits > 0 && h.parameters.bottomFieldOrder {
		h.bottom = r.signedGolomb()
	}
	if h.parameters.redundantPictures {
		r.golomb()
	}
	if h.kind != sliceI {
		s.skipReferences(h, &r)
	}
	h.markingAt = r.at
	if refIDC > 0 {
		h.readMarking(&r)
	}
	h.restAt = r.at
	if h.parameters.cabac && h.kind != sliceI {
		r.golomb() // cabac_init_idc
	}
	r.golomb()                                             // slice_qp_delta
	if h.parameters.deblockingControl && r.golomb() != 1 { // disable_deblocking_filter_idc
		r.golomb() // slice_alpha_c0_offset_div2
		r.golomb() // slice_beta_offset_div2
	}
	h.dataAt = r.at
	if r.err != nil {
		return sliceError(&r, "")
	}
	// At least one bit follows, the trailing one.
	if h.dataAt >= 8*len(payload) || h.parameters.cabac && (h.dataAt+7)/8 >= len(payload) {
		return sliceError(&r, "no data")
	}
	return nil
}

func (h *sliceHeader) has(op uint32) bool {
	return slices.ContainsFunc(h.marking, func(m marking) bool { return m.op == op })
}

func sliceError(r *bitReader, problem string) error {
	if problem == "" {
		problem = "unreadable"
	}
	return &SyntaxError{In: "slice header", Offset: r.at / 8, Problem: problem, Err: r.err}
}

// skipReferences skips the reference picture fields of a slice that is not intra: their
// number, their order (section 7.3.3.1) and their weights (7.3.3.2).
func (s *sequence) skipReferences(h *sliceHeader, r *bitReader) {
	lists := h.parameters.references[:1]
	if h.kind == sliceB {
		lists = h.parameters.references[:]
		r.flag() // direct_spatial_mv_pred_flag
	}
	var sizes [2]uint32
	override := r.flag() // num_ref_idx_active_override_flag
	for i := range lists {
		if sizes[i] = lists[i]; override {
			sizes[i] = r.golomb() + 1
		}
	}
	const end = 3
	for range lists {
		for more := r.flag(); more && r.err == nil; {
			if more = r.golomb() != end; more {
				r.golomb()
			}
		}
	}
	if h.kind == sliceP && !h.parameters.weighted || h.kind == sliceB && !h.parameters.weightedB {
		return
	}
	r.golomb() // luma_log2_weight_denom
	if s.chroma {
		r.golomb() // chroma_log2_weight_denom
	}
	for i := range lists {
		for n := sizes[i]; n > 0 && r.err == nil; n-- {
			r.skipNumbers(r.flag(), 2) // luma_weight and luma_offset
			if s.chroma {
				r.skipNumbers(r.flag(), 4) // the same for Cb and Cr
			}
		}
	}
}

// skipNumbers skips n numbers if there is set.
func (r *bitReader) skipNumbers(there bool, n int) {
	for ; there && n > 0; n-- {
		r.golomb()
	}
}

func (h *sliceHeader) readMarking(r *bitReader) {
	for more := r.flag(); more && r.err == nil; {
		m := marking{op: r.golomb()}
		if more = m.op != 0; !more {
			return
		}
		for i := range m.operands() {
			m.values[i] = r.golomb()
		}
		if h.marking = append(h.marking, m); len(h.marking) > maxMarking {
			r.err = &SyntaxError{In: "dec_ref_pic_marking", Offset: r.at / 8, Problem: "too many operations"}
		}
	}
}

// marking writes the dec_ref_pic_marking of a non-IDR picture. Without operations it
// selects the sliding window.
func (w *rbspWriter) marking(operations []marking) {
	if len(operations) == 0 {
		w.put(0, 1)
		return
	}
	w.put(1, 1) // adaptive_ref_pic_marking_mode_flag
	for _, m := range operations {
		w.golomb(m.op)
		for i := range m.operands() {
			w.golomb(m.values[i])
		}
	}
	w.golomb(0) // end of the operations
}
