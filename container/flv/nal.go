package flv

import (
	"bytes"
	"encoding/binary"
	"iter"

	"golive/codec/h264"
	"golive/media"
)

// contents describes the NAL units of an access unit.
type contents struct {
	picture  bool // a slice of any picture
	idr      bool // a slice of an IDR picture
	sps, pps bool // parameter sets
	sei      bool
	said     h264.Supplement

	// About the slices of the first picture; a second field is another picture.
	slices    int
	predicted bool // one of them refers to other pictures, or is unreadable
	field2    bool // the second field has begun
}

func (c *contents) add(nal []byte) {
	switch t := h264.Type(nal); t {
	case h264.IDR:
		c.idr, c.picture = true, true
	case h264.SPS:
		c.sps = true
	case h264.PPS:
		c.pps = true
	case h264.SEI:
		c.sei = true
		c.said.Read(nal)
	default:
		// 1 to 4 are the other slices and slice data partitions.
		if t >= h264.NonIDR && t < h264.IDR {
			c.picture = true
			c.addSlice(t, nal)
		}
	}
}

func (c *contents) addSlice(t h264.NALType, nal []byte) {
	const partitionA = 2 // the others have no slice header
	if c.field2 || c.predicted || t > partitionA {
		return
	}
	slice, ok := h264.ReadSlice(nal)
	if c.field2 = ok && slice.First && c.slices > 0; c.field2 {
		return
	}
	c.slices++
	c.predicted = !ok || !slice.Intra
}

func (c *contents) params() bool { return c.sps || c.pps }

// access reports whether decoding can start here, and the kind of access point. An intra
// picture without a recovery point is accepted as one if the encoder treats it as one:
// it repeats the parameter sets there, or marks it as a key frame. Pictures after any
// other intra picture may refer to pictures before it.
func (c *contents) access(marked bool) (a media.Access, key bool) {
	intra := c.slices > 0 && !c.predicted
	switch {
	case c.idr:
		return media.AccessClosed, true
	case intra && c.said.RecoveryPoint && c.said.RecoveryFrames == 0:
		return media.AccessOpen, true
	case c.said.RecoveryPoint && c.picture:
		return media.AccessGradual, true
	case intra && (marked || c.sps && c.pps):
		return media.AccessOpen, true
	}
	return 0, false
}

// walk returns the contents of length-prefixed data and the offset at which it stopped,
// which is len(data) if the lengths add up.
func walk(data []byte, lengthSize int) (c contents, at int) {
	rest := data
	for {
		nal, next, ok := h264.Next(rest, lengthSize)
		if !ok {
			return c, len(data) - len(next)
		}
		c.add(nal)
		rest = next
	}
}

// scan is scanNALs of H.264. SEI messages that are kept have the lengths of before.
func (v *avcState) scan(data []byte, offset int) ([]byte, contents, error) {
	size := v.nalLength()
	data, found, err := scanNALs(&v.nalState, data, offset, walk)
	if v.nalLength() != size {
		v.keptSEI = nil
	}
	return data, found, err
}

// hasStartCode reports whether data begins with a start code (ISO 14496-10 B.1.1).
func hasStartCode(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0, 0, 1}) || bytes.HasPrefix(data, []byte{0, 0, 0, 1})
}

// annexB returns the NAL units between start codes, without trailing zero bytes.
func annexB(data []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		code := []byte{0, 0, 1}
		i := bytes.Index(data, code)
		for i >= 0 {
			data = data[i+len(code):]
			nal := data
			if i = bytes.Index(data, code); i >= 0 {
				nal = data[:i]
			}
			nal = bytes.TrimRight(nal, "\x00")
			if len(nal) > 0 && !yield(nal) {
				return
			}
		}
	}
}

// lengthPrefixed converts Annex B to NAL units prefixed with 4-byte lengths.
func lengthPrefixed(data []byte) []byte {
	size := 0
	for nal := range annexB(data) {
		size += 4 + len(nal)
	}
	out := make([]byte, 0, size)
	for nal := range annexB(data) {
		out = binary.BigEndian.AppendUint32(out, uint32(len(nal)))
		out = append(out, nal...)
	}
	return out
}

// looksLikeHEVC reports whether a record with AVC's codec id is an
// HEVCDecoderConfigurationRecord (ISO 14496-15 section 8.3.3.1), as old OBS builds sent
// it: the reserved bits are ones, and the first array has the type of an HEVC parameter
// set or SEI.
func looksLikeHEVC(b []byte) bool {
	return len(b) > 23 && b[0] == 1 &&
		b[13]&0xf0 == 0xf0 && b[15]&0xfc == 0xfc && b[16]&0xfc == 0xfc &&
		b[17]&0xf8 == 0xf8 && b[18]&0xf8 == 0xf8 &&
		b[22] > 0 && b[23]&0x3f >= 32 && b[23]&0x3f <= 40
}
