package h264

// Skipper makes a P picture in which every macroblock is skipped: it repeats an IDR
// picture in a few tens of bytes.
type Skipper struct{ nal []byte }

// NewSkipper returns a Skipper for the parameter sets sps and pps. It fails if pictures may
// be fields, have several slice groups or separate colour planes, or use picture order
// count type 1. A max_num_ref_frames of 0 is allowed: decoders keep one reference even
// then (ISO 14496-10 section 8.2.5.3).
func NewSkipper(sps, pps []byte) (*Skipper, error) {
	s, err := readSequence(sps)
	if err != nil {
		return nil, err
	}
	p, err := readPPS(pps)
	if err != nil {
		return nil, err
	}
	if s.id != p.spsID {
		return nil, &SyntaxError{In: "PPS", Problem: "it refers to another SPS"}
	}
	const refIDC = 1
	// FFmpeg 5.1 computes weights from the picture order count that is written, 0, although
	// the picture is output after all earlier ones in any case.
	const afterIDR = 1 // the IDR picture's frame_num is 0
	nal := s.skipped(p, refIDC, numbers{frame: afterIDR}, []marking{{op: mmcoUnmarkAll}})
	return &Skipper{nal: nal}, nil
}

// NAL returns the slice, which is the whole picture. The caller must not modify it.
//
// It may follow an IDR picture of the Skipper's SPS, or another picture made by it, any
// number of times. It has memory management control operation 5: it replaces the IDR
// picture as the only reference, and frame numbers restart (ISO 14496-10 sections 7.4.3
// and 8.2.1). So the picture that followed the IDR picture may follow it instead, and
// decodes the same.
func (s *Skipper) NAL() []byte { return s.nal }

// skipped returns the slice of a P picture whose macroblocks are all skipped: it repeats
// the newest short-term reference picture. The operations go into dec_ref_pic_marking.
func (s *sequence) skipped(p *pictureParameters, refIDC byte, n numbers, operations []marking) []byte {
	var w rbspWriter
	const sliceP = 5 // P, as all slices of the picture
	w.golomb(0)      // first_mb_in_slice
	w.golomb(sliceP)
	w.golomb(p.id)
	w.put(uint64(n.frame), s.frameNumBits)
	if s.pocBits > 0 {
		w.put(uint64(n.poc), s.pocBits)
		if p.bottomFieldOrder {
			w.golomb(0) // delta_pic_order_cnt_bottom
		}
	}
	if p.redundantPictures {
		w.golomb(0) // redundant_pic_cnt
	}
	w.put(1, 1) // num_ref_idx_active_override_flag
	w.golomb(0) // num_ref_idx_l0_active_minus1
	w.put(0, 1) // ref_pic_list_modification_flag_l0
	if p.weighted {
		w.golomb(0) // luma_log2_weight_denom
		if s.chroma {
			w.golomb(0) // chroma_log2_weight_denom
		}
		w.put(0, 1) // luma_weight_l0_flag
		if s.chroma {
			w.put(0, 1) // chroma_weight_l0_flag
		}
	}
	if refIDC > 0 {
		w.marking(operations)
	}
	if p.cabac {
		w.golomb(0) // cabac_init_idc
	}
	w.golomb(0) // slice_qp_delta
	if p.deblockingControl {
		w.golomb(1) // disable_deblocking_filter_idc
	}
	w.skipData(s.macroblocks, p)
	return appendNAL(nil, refIDC<<5|byte(NonIDR), w.bytes)
}

// skipData writes slice_data (section 7.3.4) of n skipped macroblocks, and the trailing
// bits.
func (w *rbspWriter) skipData(n int, p *pictureParameters) {
	if !p.cabac {
		w.golomb(uint32(n)) // mb_skip_run
		w.put(1, 1)         // rbsp_stop_one_bit
		return
	}
	w.align()
	// mb_skip_flag next to skipped or unavailable macroblocks has ctxIdx 11; m and
	// n are of table 9-13 for cabac_init_idc 0.
	flag := newCABACContext(23, 33, p.qp)
	c := newCABAC(w)
	for i := range n {
		c.encode(&flag, true)
		c.terminate(i == n-1)
	}
}
