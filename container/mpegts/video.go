package mpegts

import (
	"golive/codec/h264"
	"golive/codec/hevc"
	"golive/media"
)

// startCodeSize is the size of 00 00 00 01. Annex B allows one byte less before
// most NAL units, but the long form is valid everywhere and understood by all players.
const startCodeSize = 4

// picture describes how to write a video unit in Annex B.
type picture struct {
	// size is in bytes, in Annex B; 0 if the unit has nothing to decode.
	size int
	// aud is the unit's own access unit delimiter; nil if it has none.
	aud []byte
	// addSets is set if the track's parameter sets are written before the unit.
	addSets bool
}

// defaultAUD returns an access unit delimiter that allows every slice type (ISO 14496-10
// table 7-5: primary_pic_type 7; ISO 23008-2 table 7-2: pic_type 2).
func defaultAUD(codec media.Codec) string {
	if codec == media.HEVC {
		return "\x46\x01\x50"
	}
	return "\x09\xf0"
}

// nalKind is what a NAL unit is to the writer.
type nalKind uint8

const (
	otherNAL nalKind = iota
	delimiter
	vps
	sps
	pps
)

func kindOf(codec media.Codec, nal []byte) nalKind {
	if codec == media.HEVC {
		switch t, _ := hevc.Type(nal); t {
		case hevc.AUD:
			return delimiter
		case hevc.VPS:
			return vps
		case hevc.SPS:
			return sps
		case hevc.PPS:
			return pps
		default:
			return otherNAL
		}
	}
	switch h264.Type(nal) {
	case h264.AUD:
		return delimiter
	case h264.SPS:
		return sps
	case h264.PPS:
		return pps
	default:
		return otherNAL
	}
}

// scanPicture returns how u is written. It stops at a truncated NAL unit.
func scanPicture(u *media.AccessUnit) picture {
	var p picture
	var has [pps + 1]bool
	has[vps] = len(u.Track.VPS) == 0
	rest := u.Data
	for {
		nal, more, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			break
		}
		rest = more
		kind := kindOf(u.Track.Codec, nal)
		if kind == delimiter {
			if p.aud == nil {
				p.aud = nal
			}
			continue
		}
		has[kind] = true
		p.size += startCodeSize + len(nal)
	}
	if p.size == 0 {
		return picture{}
	}
	if p.aud != nil {
		p.size += startCodeSize + len(p.aud)
	} else {
		p.size += startCodeSize + len(defaultAUD(u.Track.Codec))
	}
	if u.Key && !(has[vps] && has[sps] && has[pps]) {
		p.addSets = true
		p.size += annexBSize(u.Track.VPS) + annexBSize(u.Track.SPS) + annexBSize(u.Track.PPS)
	}
	return p
}

// annexBSize returns the size of nals with their start codes, in bytes.
func annexBSize(nals [][]byte) int {
	n := 0
	for _, nal := range nals {
		n += startCodeSize + len(nal)
	}
	return n
}

// writeVideo writes the PES packet of the picture u. The delimiter comes first
// (ISO 14496-10 section 7.4.1.2.3, ISO 23008-2 section 7.4.2.4.4), and only once: a player treats a second
// one as the beginning of another picture.
func writeVideo(w *packetWriter, p *pes, u *media.AccessUnit) {
	var buf [pesHeaderDTS]byte
	w.write(appendPESHeader(buf[:0], videoStreamID, p))
	if p.video.aud != nil {
		writeNAL(w, p.video.aud)
	} else {
		writeNAL(w, append(buf[:0], defaultAUD(u.Track.Codec)...))
	}
	if p.video.addSets {
		for _, sets := range [...][][]byte{u.Track.VPS, u.Track.SPS, u.Track.PPS} {
			for _, nal := range sets {
				writeNAL(w, nal)
			}
		}
	}
	rest := u.Data
	for {
		nal, more, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			return
		}
		rest = more
		if kindOf(u.Track.Codec, nal) != delimiter {
			writeNAL(w, nal)
		}
	}
}

// writeNAL writes a start code and nal.
func writeNAL(w *packetWriter, nal []byte) {
	startCode := [startCodeSize]byte{3: 1}
	w.write(startCode[:])
	w.write(nal)
}
