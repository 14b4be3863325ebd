package h264

import (
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// sequence holds the fields of an SPS that a slice header depends on (ISO 14496-10 section
// 7.3.2.1.1).
type sequence struct {
	id           uint32
	frameNumBits int
	pocBits      int  // of pic_order_cnt_lsb; 0 if it is not sent
	chroma       bool // the format is not monochrome
	macroblocks  int  // of a picture
}

// readSequence parses an SPS. It fails if pictures may be fields, if colour planes are
// separate, and for picture order count type 1.
func readSequence(sps []byte) (*sequence, error) {
	var s mch264.SPS
	// A VUI that cannot be parsed is not needed.
	if err := s.Unmarshal(sps); err != nil && s.VUI == nil {
		return nil, &SyntaxError{In: "SPS", Problem: "unreadable", Err: err}
	}
	problem := ""
	_, _, ok := pictureSize(&s)
	switch {
	case !ok:
		problem = "picture size out of range"
	case !s.FrameMbsOnlyFlag:
		problem = "pictures may be fields"
	case s.SeparateColourPlaneFlag:
		problem = "colour planes are separate"
	case s.PicOrderCntType != 0 && s.PicOrderCntType != 2:
		problem = "picture order count type is neither 0 nor 2"
	case s.Log2MaxFrameNumMinus4 > 12 || s.Log2MaxPicOrderCntLsbMinus4 > 12:
		problem = "frame number or picture order count out of range"
	}
	if problem != "" {
		return nil, &SyntaxError{In: "SPS", Problem: problem}
	}
	q := &sequence{
		id:           s.ID,
		frameNumBits: int(s.Log2MaxFrameNumMinus4) + 4,
		chroma:       s.ChromaFormatIdc != 0,
		macroblocks:  int(s.PicWidthInMbsMinus1+1) * int(s.PicHeightInMapUnitsMinus1+1),
	}
	if s.PicOrderCntType == 0 {
		q.pocBits = int(s.Log2MaxPicOrderCntLsbMinus4) + 4
	}
	return q, nil
}
