package h264

import "encoding/binary"

// The functions below return SPSs of level 3.

// baseline returns an SPS of the Baseline profile. Width and height are in macroblocks.
func baseline(width, height uint64) []byte {
	var w bitWriter
	w.baseline(width, height)
	w.put(0, 2) // no cropping, no VUI
	return w.nal()
}

// baselineCropped returns an SPS like baseline's whose right side is cropped, in units of two pixels.
func baselineCropped(width, height, right uint64) []byte {
	var w bitWriter
	w.baseline(width, height)
	w.put(1, 1)
	for _, v := range []uint64{0, right, 0, 0} {
		w.golomb(v)
	}
	w.put(0, 1)
	return w.nal()
}

// baselineVUI returns an SPS like baseline's with a VUI.
func baselineVUI(width, height uint64, vui func(*bitWriter)) []byte {
	var w bitWriter
	w.baseline(width, height)
	w.put(0b01, 2)
	vui(&w)
	return w.nal()
}

// timing returns a function that writes a VUI with timing only.
func timing(tick, scale uint64) func(*bitWriter) {
	return func(w *bitWriter) {
		w.put(0b0000_1, 5) // aspect, overscan, signal type, chroma location; timing
		w.put(tick, 32)
		w.put(scale, 32)
		w.put(0, 1+1+1+1+1) // fixed rate, two HRDs, pic_struct, restriction
	}
}

// high returns an SPS of the High profile.
func high(chromaFormat, lumaDepthMinus8 uint64) []byte {
	var w bitWriter
	w.golomb(0) // seq_parameter_set_id
	w.golomb(chromaFormat)
	w.golomb(lumaDepthMinus8)
	w.golomb(0) // bit_depth_chroma_minus8
	w.put(0, 2) // lossless, scaling matrix
	w.picture(20, 10)
	w.put(0, 2) // no cropping, no VUI
	nal := w.nal()
	nal[1] = 100
	return nal
}

// high444 returns an SPS of the High 4:4:4 profile.
func high444(lumaDepthMinus8 uint64) []byte {
	var w bitWriter
	w.golomb(0) // seq_parameter_set_id
	w.golomb(3)
	w.put(0, 1) // separate_colour_plane
	w.golomb(lumaDepthMinus8)
	w.golomb(0) // bit_depth_chroma_minus8
	w.put(0, 2) // lossless, scaling matrix
	w.picture(20, 10)
	w.put(0, 2) // no cropping, no VUI
	nal := w.nal()
	nal[1] = ProfileHigh444
	return nal
}

// bitWriter writes the part of an SPS after its profile and level.
type bitWriter struct {
	b []byte
	n int // bits in b
}

func (w *bitWriter) put(v uint64, bits int) {
	for i := bits - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.b = append(w.b, 0)
		}
		w.b[w.n/8] |= byte(v>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// golomb writes ue(v) of ISO 14496-10 section 9.1.
func (w *bitWriter) golomb(v uint64) {
	bits := 0
	for (v+1)>>bits > 1 {
		bits++
	}
	w.put(0, bits)
	w.put(v+1, bits+1)
}

func (w *bitWriter) baseline(width, height uint64) {
	w.golomb(0) // seq_parameter_set_id
	w.picture(width, height)
}

func (w *bitWriter) picture(width, height uint64) {
	w.golomb(0) // log2_max_frame_num_minus4
	w.golomb(2) // pic_order_cnt_type
	w.golomb(1) // max_num_ref_frames
	w.put(0, 1) // gaps_in_frame_num
	w.golomb(width - 1)
	w.golomb(height - 1)
	w.put(0b11, 2) // frame_mbs_only, direct_8x8_inference
}

// nal returns the NAL unit, with emulation prevention.
func (w *bitWriter) nal() []byte {
	w.put(1, 1) // rbsp_stop_one_bit
	nal := []byte{0x67, 66, 0, 30}
	zeros := 0
	for _, c := range w.b {
		if zeros == 2 && c <= 3 {
			nal = append(nal, 3)
			zeros = 0
		}
		nal = append(nal, c)
		if c == 0 {
			zeros++
		} else {
			zeros = 0
		}
	}
	return nal
}

// avcc returns a record with one SPS and no PPS.
func avcc(sps []byte) []byte {
	return append(appendSets([]byte{1, 66, 0, 30, 0xff, 0xe1}, sps), 0)
}

func appendSets(b []byte, sets ...[]byte) []byte {
	for _, s := range sets {
		b = append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
	}
	return b
}
