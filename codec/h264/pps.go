package h264

import (
	"github.com/bluenviron/mediacommon/v2/pkg/bits"
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// pictureParameters holds the fields of a PPS that a slice header depends on (ISO 14496-10 section
// 7.3.2.2).
type pictureParameters struct {
	id, spsID         uint32
	cabac             bool
	bottomFieldOrder  bool      // bottom_field_pic_order_in_frame_present_flag
	references        [2]uint32 // default sizes of the reference lists
	weighted          bool      // weighted_pred_flag
	weightedB         bool      // weighted_bipred_idc is 1
	qp                int       // of a slice whose slice_qp_delta is 0
	deblockingControl bool
	redundantPictures bool
}

// readPPS parses a PPS. It fails if there are several slice groups.
func readPPS(nal []byte) (*pictureParameters, error) {
	if Type(nal) != PPS {
		return nil, &SyntaxError{In: "PPS", Problem: "the NAL unit has another type"}
	}
	r := bitReader{buf: mch264.EmulationPreventionRemove(nal[1:])}
	var p pictureParameters
	p.id, p.spsID = r.golomb(), r.golomb()
	p.cabac, p.bottomFieldOrder = r.flag(), r.flag()
	groups := r.golomb() // num_slice_groups_minus1
	for list := range p.references {
		p.references[list] = r.golomb() + 1 // num_ref_idx_lX_default_active_minus1
	}
	p.weighted = r.flag()
	p.weightedB = r.bits(2) == 1
	qp := r.signedGolomb() // pic_init_qp_minus26
	r.signedGolomb()       // pic_init_qs_minus26
	r.signedGolomb()       // chroma_qp_index_offset
	p.deblockingControl = r.flag()
	r.flag() // constrained_intra_pred_flag
	p.redundantPictures = r.flag()
	switch {
	case groups > 0 && r.err == nil:
		return nil, &SyntaxError{In: "PPS", Problem: "several slice groups"}
	case r.err != nil:
		return nil, &SyntaxError{In: "PPS", Offset: len(nal), Problem: "cut off", Err: r.err}
	case p.id > 255 || p.spsID > 31 || qp < -62 || qp > 25:
		return nil, &SyntaxError{In: "PPS", Problem: "number or quantiser out of range"}
	}
	p.qp = 26 + int(qp)
	return &p, nil
}

// ReadPPSIDs returns the id of a PPS, and that of the SPS that it refers to; ok is false if it is
// truncated.
func ReadPPSIDs(nal []byte) (id, sps uint32, ok bool) {
	if len(nal) == 0 {
		return 0, 0, false
	}
	const longest = 4 // bytes: two ue(v), of at most 17 and 11 bits
	var ids [longest]byte
	r := rbsp{left: nal[1:]}
	kept, _ := r.read(ids[:], longest)
	w := newBitWindow(ids[:kept])
	id, ok1 := w.golomb()
	sps, ok2 := w.golomb()
	return id, sps, ok1 && ok2
}

// bitReader reads the bits of a payload. After the first error every read returns 0.
type bitReader struct {
	buf []byte
	at  int // in bits
	err error
}

func (r *bitReader) golomb() (v uint32) {
	if r.err == nil {
		v, r.err = bits.ReadGolombUnsigned(r.buf, &r.at)
	}
	return v
}

func (r *bitReader) signedGolomb() (v int32) {
	if r.err == nil {
		v, r.err = bits.ReadGolombSigned(r.buf, &r.at)
	}
	return v
}

func (r *bitReader) bits(n int) (v uint32) {
	if r.err == nil {
		var long uint64
		long, r.err = bits.ReadBits(r.buf, &r.at, n)
		v = uint32(long)
	}
	return v
}

func (r *bitReader) flag() (v bool) {
	if r.err == nil {
		v, r.err = bits.ReadFlag(r.buf, &r.at)
	}
	return v
}
