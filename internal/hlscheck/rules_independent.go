package hlscheck

import "math/bits"

// checkIndependent checks rule 23 for a piece that is declared independent. A segment begins
// with an IDR picture. A part has a picture that is decoded on its own, which may be the intra
// picture of an open GOP. In MP4 the sample is marked as a sync sample, too.
func (a *analyser) checkIndependent(p *piece, c *Contents) {
	video := c.Video()
	if video == nil || !video.inspected() || video.Codec == HEVC && a.format == formatTS {
		return
	}
	if p.part {
		for i := range video.Units {
			u := &video.Units[i]
			if v := video.inspect(u); v.decodable && (v.idr || v.intra) && (u.Key || a.format == formatTS) {
				return
			}
		}
		a.add(23, "INDEPENDENT=YES, and no picture of the part is decoded on its own, with its parameter sets, and marked so")
		return
	}
	if len(video.Units) == 0 {
		a.add(23, "EXT-X-INDEPENDENT-SEGMENTS, and the segment has no video access unit")
		return
	}
	first := &video.Units[0]
	switch v := video.inspect(first); {
	case !v.idr || !v.decodable:
		a.add(23, "EXT-X-INDEPENDENT-SEGMENTS, and the first video access unit has parameter sets: %t, an IDR picture: %t; want both", v.decodable, v.idr)
	case !first.Key && a.format == formatMP4:
		a.add(23, "EXT-X-INDEPENDENT-SEGMENTS, and the first sample of the pictures is not marked as a sync sample")
	}
}

// checkKeys checks rule 23 on the sync samples of MP4: decoding can begin at them, and at no
// IDR picture that is not one.
func (a *analyser) checkKeys(c *Contents) {
	video := c.Video()
	if a.format != formatMP4 || video == nil || !video.inspected() {
		return
	}
	for i := range video.Units {
		u := &video.Units[i]
		switch v := video.inspect(u); {
		case u.Key && !v.idr && !v.intra && !v.recovery:
			a.add(23, "a sample of stream %d is marked as a sync sample, and decoding cannot begin at its picture", video.ID)
		case !u.Key && v.idr:
			a.add(23, "a sample of stream %d has a picture at which decoding can begin, and is not marked as a sync sample", video.ID)
		}
	}
}

// accessUnit describes a video access unit.
type accessUnit struct {
	// decodable is set if its parameter sets are known: from it, or from the container.
	decodable bool
	// idr is set for a picture at which decoding can begin: an IDR picture of H.264, an IRAP
	// picture of HEVC, a key frame of AV1.
	idr bool
	// intra is set if all slices are I or SI, recovery if there is a recovery point.
	intra, recovery bool
}

// inspected reports whether inspect knows the codec.
func (s *Stream) inspected() bool { return s.Codec == H264 || s.Codec == HEVC || s.Codec == AV1 }

// inspect reads a picture's headers.
func (s *Stream) inspect(u *Unit) accessUnit {
	var p accessUnit
	switch s.Codec {
	case H264:
		p = inspectH264(u.Data)
	case HEVC:
		p = inspectHEVC(u.Data)
	case AV1:
		p = inspectAV1(u.Data)
	default: // see inspected
	}
	p.decodable = p.decodable || s.configured
	return p
}

func inspectH264(annexB []byte) (p accessUnit) {
	const (
		nalSlice     = 1
		nalPartition = 2
	)
	sps, pps := false, false
	slices, predicted := 0, 0
	for _, nal := range NALs(annexB) {
		switch nal[0] & 0x1f {
		case nalSPS:
			sps = true
		case nalPPS:
			pps = true
		case nalIDR:
			p.idr = true
		case nalSEI:
			p.recovery = p.recovery || hasRecoveryPoint(nal[1:])
		case nalSlice, nalPartition:
			slices++
			if !isIntra(nal) {
				predicted++
			}
		}
	}
	p.decodable = sps && pps
	p.intra = slices > 0 && predicted == 0
	return p
}

// inspectHEVC reads NAL unit types by ISO 23008-2 table 7-1.
func inspectHEVC(annexB []byte) (p accessUnit) {
	const blaWLP, craNUT, vps, sps, pps, prefixSEI = 16, 21, 32, 33, 34, 39
	sets := map[byte]bool{}
	for _, nal := range NALs(annexB) {
		switch kind := nal[0] >> 1 & 0x3f; {
		case blaWLP <= kind && kind <= craNUT:
			p.idr = true
		case kind == prefixSEI && len(nal) > 2:
			p.recovery = p.recovery || hasRecoveryPoint(nal[2:])
		default:
			sets[kind] = true
		}
	}
	p.decodable = sets[vps] && sets[sps] && sets[pps]
	return p
}

// hasRecoveryPoint looks for a recovery point among SEI messages (ISO 14496-10 section
// 7.3.2.3.1).
func hasRecoveryPoint(messages []byte) bool {
	const recoveryPoint = 6
	for len(messages) > 1 {
		var kind, size int
		kind, messages = cutSEINumber(messages)
		size, messages = cutSEINumber(messages)
		if kind == recoveryPoint {
			return true
		}
		messages = messages[min(size, len(messages)):]
	}
	return false
}

func cutSEINumber(b []byte) (n int, rest []byte) {
	for i, c := range b {
		n += int(c)
		if c != 0xff {
			return n, b[i+1:]
		}
	}
	return n, nil
}

// inspectAV1 reads OBU headers (AV1 specification section 5.3) and frame types (5.9.2).
func inspectAV1(obus []byte) (p accessUnit) {
	const sequenceHeader, frameHeader, frame = 1, 3, 6
	for len(obus) > 0 {
		header := obus[0]
		at := 1
		if header&0x04 != 0 { // obu_extension_flag
			at++
		}
		size := len(obus) - at
		if header&0x02 != 0 { // obu_has_size_field
			n, length := leb128(obus[min(at, len(obus)):])
			at += length
			size = n
		}
		if at >= len(obus) || size < 0 || size > len(obus)-at {
			return p
		}
		switch body := obus[at : at+size]; header >> 3 & 0x0f {
		case sequenceHeader:
			p.decodable = true
		case frameHeader, frame:
			// show_existing_frame, and frame_type: KEY_FRAME is 0.
			p.idr = p.idr || len(body) > 0 && body[0]&0xe0 == 0
		}
		obus = obus[at+size:]
	}
	return p
}

// leb128 reads a number (AV1 specification section 4.10.5); length is 0 if there is none.
func leb128(b []byte) (n, length int) {
	for i := range min(len(b), 8) {
		n |= int(b[i]&0x7f) << (7 * i)
		if b[i]&0x80 == 0 {
			return n, i + 1
		}
	}
	return -1, 0
}

// isIntra reports whether a slice is I or SI: it reads slice_type, the second ue(v) of the
// slice header (ISO 14496-10 sections 7.3.3 and 9.1).
func isIntra(nal []byte) bool {
	var window uint64
	zeros, size := 0, 0
	for _, c := range nal[1:] {
		if zeros >= 2 && c == 3 { // emulation prevention
			zeros = 0
			continue
		}
		zeros++
		if c != 0 {
			zeros = 0
		}
		if window = window<<8 | uint64(c); size == 56 {
			size += 8
			break
		}
		size += 8
	}
	window <<= 64 - size
	first := 2*bits.LeadingZeros64(window) + 1 // bits of first_mb_in_slice
	if first > 35 {
		return false
	}
	window <<= first
	length := 2*bits.LeadingZeros64(window) + 1
	if length > 7 || first+length > size {
		return false
	}
	kind := window>>(64-length) - 1
	return kind%5 == 2 || kind%5 == 4
}
