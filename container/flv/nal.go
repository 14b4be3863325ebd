package flv

import (
	"bytes"
	"encoding/binary"
	"iter"

	"golive/codec/h264"
	"golive/media"
)

// contents says what an access unit holds.
type contents struct {
	picture  bool // a slice of any picture
	idr      bool // a slice of an IDR picture
	sps, pps bool // parameter sets
	sei      bool
	said     h264.Supplement

	// Of the slices of the first picture; a second field is another one.
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

// access tells whether decoding can start here, and how. An intra picture without a
// recovery point is believed to be one when the encoder treats it so: it repeats the
// parameter sets there, or marks it as a key frame. Others follow pictures that may
// refer back beyond it.
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

// walk lists what length-prefixed data has; at is where it stopped, which is
// len(data) when the lengths add up.
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

// scan finds out what data has and puts Annex B into length-prefixed form. The
// lengths decide: three bytes of a start code may begin a length, but lengths
// that add up to the last byte are no accident.
func (v *videoState) scan(data []byte, offset int) ([]byte, contents, error) {
	size := v.nalLength()
	found, at := walk(data, size)
	if at == len(data) {
		return data, found, nil
	}
	if !hasStartCode(data) {
		if v.lengthSize == 0 {
			return nil, found, ErrNoConfig
		}
		return nil, found, syntax("NAL unit", offset+at, "truncated: its length is beyond the %d bytes left", len(data)-at)
	}
	// 1 or 2 bytes may not hold the length of what a start code delimits.
	if size != 4 {
		v.held = nil
	}
	if v.lengthSize != 4 && v.track != nil {
		track := *v.track
		track.NALLengthSize = 4
		v.track = &track
	}
	v.lengthSize = 4
	data = lengthPrefixed(data)
	found, _ = walk(data, 4)
	return data, found, nil
}

// nalLength is the size of the NAL lengths in bytes. Without a record it is 4: the
// parameter sets may come in band.
func (v *videoState) nalLength() int {
	if v.lengthSize == 0 {
		return 4
	}
	return v.lengthSize
}

// hasStartCode says whether data begins like Annex B (ISO 14496-10 B.1.1).
func hasStartCode(data []byte) bool {
	return bytes.HasPrefix(data, []byte{0, 0, 1}) || bytes.HasPrefix(data, []byte{0, 0, 0, 1})
}

// annexB gives the NAL units between start codes, without the zero bytes that
// may trail each.
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

// lengthPrefixed copies Annex B into NAL units behind 4-byte lengths.
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

// looksLikeHEVC says whether a record under AVC's codec id is in truth an
// HEVCDecoderConfigurationRecord (ISO 14496-15 section 8.3.3.1), as old OBS
// builds sent it: the reserved bits that are all ones there, and a first array
// of an HEVC parameter set or SEI type.
func looksLikeHEVC(b []byte) bool {
	return len(b) > 23 && b[0] == 1 &&
		b[13]&0xf0 == 0xf0 && b[15]&0xfc == 0xfc && b[16]&0xfc == 0xfc &&
		b[17]&0xf8 == 0xf8 && b[18]&0xf8 == 0xf8 &&
		b[22] > 0 && b[23]&0x3f >= 32 && b[23]&0x3f <= 40
}
