package mpegts

import (
	"golive/codec/h264"
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
// table 7-5: primary_pic_type 7).
func defaultAUD() [defaultAUDSize]byte { return [...]byte{byte(h264.AUD), 0xf0} }

const defaultAUDSize = 2

// scanPicture returns how u is written. It stops at a truncated NAL unit.
func scanPicture(u *media.AccessUnit) picture {
	var p picture
	var hasSPS, hasPPS bool
	rest := u.Data
	for {
		nal, more, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			break
		}
		rest = more
		switch h264.Type(nal) {
		case h264.AUD:
			if p.aud == nil {
				p.aud = nal
			}
			continue
		case h264.SPS:
			hasSPS = true
		case h264.PPS:
			hasPPS = true
		default:
		}
		p.size += startCodeSize + len(nal)
	}
	if p.size == 0 {
		return picture{}
	}
	if p.aud != nil {
		p.size += startCodeSize + len(p.aud)
	} else {
		p.size += startCodeSize + defaultAUDSize
	}
	if u.Key && !(hasSPS && hasPPS) {
		p.addSets = true
		p.size += annexBSize(u.Track.SPS) + annexBSize(u.Track.PPS)
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
// (ISO 14496-10 section 7.4.1.2.3), and only once: a player treats a second
// one as the beginning of another picture.
func writeVideo(w *packetWriter, p *pes, u *media.AccessUnit) {
	var buf [pesHeaderDTS]byte
	w.write(appendPESHeader(buf[:0], videoStreamID, p))
	if p.video.aud != nil {
		writeNAL(w, p.video.aud)
	} else {
		aud := defaultAUD()
		writeNAL(w, aud[:])
	}
	if p.video.addSets {
		for _, nal := range u.Track.SPS {
			writeNAL(w, nal)
		}
		for _, nal := range u.Track.PPS {
			writeNAL(w, nal)
		}
	}
	rest := u.Data
	for {
		nal, more, ok := h264.Next(rest, u.Track.NALLengthSize)
		if !ok {
			return
		}
		rest = more
		if h264.Type(nal) != h264.AUD {
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
