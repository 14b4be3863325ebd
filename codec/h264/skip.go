package h264

import (
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// Skipper makes the picture that holds an IDR picture: P, with every macroblock
// skipped, so that it shows the IDR picture again in some tens of bytes.
type Skipper struct{ nal []byte }

// NewSkipper makes a Skipper of the parameter sets sps and pps. It fails for sets of
// pictures that may be fields, have several slice groups or separate colour planes, or
// are counted by picture order count type 1. A max_num_ref_frames of 0 is no obstacle:
// decoders keep one reference even then (ISO 14496-10 section 8.2.5.3).
func NewSkipper(sps, pps []byte) (*Skipper, error) {
	var s mch264.SPS
	// What cannot be read of the VUI is not needed.
	if err := s.Unmarshal(sps); err != nil && s.VUI == nil {
		return nil, &SyntaxError{In: "SPS", Problem: "unreadable", Err: err}
	}
	p, err := readPPS(pps)
	if err != nil {
		return nil, err
	}
	if _, _, ok := pictureSize(&s); !ok {
		return nil, noSkip("SPS", "picture size out of range")
	}
	switch {
	case s.ID != p.spsID:
		return nil, noSkip("PPS", "it is of another SPS")
	case !s.FrameMbsOnlyFlag:
		return nil, noSkip("SPS", "pictures may be fields")
	case s.SeparateColourPlaneFlag:
		return nil, noSkip("SPS", "colour planes are separate")
	case s.PicOrderCntType != 0 && s.PicOrderCntType != 2:
		return nil, noSkip("SPS", "picture order count type is neither 0 nor 2")
	case s.Log2MaxFrameNumMinus4 > 12 || s.Log2MaxPicOrderCntLsbMinus4 > 12:
		return nil, noSkip("SPS", "frame number or picture order count out of range")
	}
	var w rbspWriter
	w.skipHeader(&s, p)
	w.skipData(int(s.PicWidthInMbsMinus1+1)*int(s.PicHeightInMapUnitsMinus1+1), p)
	const refIDC = 1 << 5
	return &Skipper{nal: w.nal(refIDC | byte(NonIDR))}, nil
}

func noSkip(in, problem string) error { return &SyntaxError{In: in, Problem: problem} }

// NAL returns the slice, which is the whole picture. The caller must not write to it.
//
// It may follow an IDR picture of the Skipper's SPS, or another picture made by it, any
// number of times. It has memory management control operation 5: it takes the place of
// the IDR picture as the only reference, and numbers start again (ISO 14496-10 sections
// 7.4.3 and 8.2.1). So the picture that followed the IDR picture may follow it instead,
// and is decoded as it would have been.
func (s *Skipper) NAL() []byte { return s.nal }

// skipHeader writes slice_header (section 7.3.3).
func (w *rbspWriter) skipHeader(s *mch264.SPS, p *pictureParameters) {
	const sliceP = 5                                // and so are all of the picture
	w.golomb(0)                                     // first_mb_in_slice
	w.golomb(sliceP)                                // slice_type
	w.golomb(p.id)                                  // pic_parameter_set_id
	const afterIDR = 1                              // the IDR picture's is 0
	w.put(afterIDR, int(s.Log2MaxFrameNumMinus4)+4) // frame_num
	if s.PicOrderCntType == 0 {
		// The picture is output after all that came before in any case, and counts as 0 then.
		// FFmpeg 5.1 weights by what is written.
		w.put(0, int(s.Log2MaxPicOrderCntLsbMinus4)+4) // pic_order_cnt_lsb
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
		if s.ChromaFormatIdc != 0 {
			w.golomb(0) // chroma_log2_weight_denom
		}
		w.put(0, 1) // luma_weight_l0_flag
		if s.ChromaFormatIdc != 0 {
			w.put(0, 1) // chroma_weight_l0_flag
		}
	}
	w.put(1, 1) // adaptive_ref_pic_marking_mode_flag
	w.golomb(5) // memory_management_control_operation
	w.golomb(0) // which ends with it
	if p.cabac {
		w.golomb(0) // cabac_init_idc
	}
	w.golomb(0) // slice_qp_delta
	if p.deblockingControl {
		w.golomb(1) // disable_deblocking_filter_idc
	}
}

// skipData writes slice_data (section 7.3.4) of n skipped macroblocks, and the trailing
// bits.
func (w *rbspWriter) skipData(n int, p *pictureParameters) {
	if !p.cabac {
		w.golomb(uint32(n)) // mb_skip_run
		w.put(1, 1)         // rbsp_stop_one_bit
		return
	}
	for w.free > 0 {
		w.put(1, 1) // cabac_alignment_one_bit
	}
	// mb_skip_flag next to macroblocks that are skipped or not there has ctxIdx 11; m and
	// n are of table 9-13 for cabac_init_idc 0.
	flag := newCABACContext(23, 33, p.qp)
	c := newCABAC(w)
	for i := range n {
		c.encode(&flag, true)
		c.terminate(i == n-1)
	}
}
