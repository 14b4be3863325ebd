package h264

import "encoding/binary"

// NALType is the nal_unit_type of ISO 14496-10 table 7-1.
type NALType uint8

// The NAL unit types that are distinguished.
const (
	NonIDR    NALType = 1
	IDR       NALType = 5
	SEI       NALType = 6
	SPS       NALType = 7
	PPS       NALType = 8
	AUD       NALType = 9
	EndOfSeq  NALType = 10
	EndOfStrm NALType = 11
	Filler    NALType = 12
)

// Type returns the type of a NAL unit without start code or length, or 0, which the
// standard leaves unspecified, if it is empty.
func Type(nal []byte) NALType {
	if len(nal) == 0 {
		return 0
	}
	return NALType(nal[0] & 0x1f)
}

// Next returns the first NAL unit of data, in which each is prefixed with its length in
// lengthSize bytes (1, 2 or 4), and the rest. Empty NAL units are skipped. At the end ok
// is false and rest is empty; if data is truncated ok is false and rest holds what could
// not be read. nal and rest alias data.
func Next(data []byte, lengthSize int) (nal, rest []byte, ok bool) {
	for len(data) > 0 {
		if lengthSize < 1 || len(data) < lengthSize {
			return nil, data, false
		}
		var n uint64 // wider than any int, so that a length of 2^31 is not negative
		switch lengthSize {
		case 4:
			n = uint64(binary.BigEndian.Uint32(data))
		case 2:
			n = uint64(binary.BigEndian.Uint16(data))
		case 1:
			n = uint64(data[0])
		default:
			return nil, data, false
		}
		body := data[lengthSize:]
		if n > uint64(len(body)) {
			return nil, data, false
		}
		if n > 0 {
			return body[:n:n], body[n:], true
		}
		data = body
	}
	return nil, nil, false
}
