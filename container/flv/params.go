package flv

import (
	"bytes"
	"math/bits"

	"golive/codec/h264"
)

// The largest ids (ISO 14496-10 sections 7.4.2.1.1 and 7.4.2.2), and a size far above that
// of any real parameter set. Together they bound the memory that a peer can occupy.
const (
	maxSPSID    = 31
	maxPPSID    = 255
	maxParamSet = 4096
)

// paramSets are parameter sets for the next track.
type paramSets struct {
	sps, pps [][]byte
}

// add adds a copy of nal if it is a parameter set, replacing one with the same id (ISO
// 14496-10 section 7.4.1.2.1). It reports whether anything changed.
func (p *paramSets) add(nal []byte) (changed bool) {
	switch h264.Type(nal) {
	case h264.SPS:
		// profile_idc, constraint flags and level_idc precede the id.
		return put(&p.sps, nal, 4, maxSPSID)
	case h264.PPS:
		return put(&p.pps, nal, 1, maxPPSID)
	default:
		return false
	}
}

func put(sets *[][]byte, nal []byte, idAt int, maxID uint32) bool {
	id, ok := expGolomb(nal, idAt)
	if !ok || id > maxID || len(nal) > maxParamSet {
		return false
	}
	for i, old := range *sets {
		if oldID, ok := expGolomb(old, idAt); !ok || oldID != id {
			continue
		}
		if bytes.Equal(old, nal) {
			return false
		}
		(*sets)[i] = bytes.Clone(nal)
		return true
	}
	*sets = append(*sets, bytes.Clone(nal))
	return true
}

// expGolomb reads the ue(v) at the given byte (ISO 14496-10 section 9.1). The
// ids of parameter sets are at most 255, which is 17 bits.
func expGolomb(nal []byte, at int) (v uint32, ok bool) {
	if len(nal) <= at {
		return 0, false
	}
	var window [4]byte
	copy(window[:], nal[at:])
	w := uint32(window[0])<<24 | uint32(window[1])<<16 | uint32(window[2])<<8 | uint32(window[3])
	zeros := bits.LeadingZeros32(w)
	if zeros > 8 {
		return 0, false
	}
	return w>>(31-2*zeros) - 1, true
}

// useParamSets uses the parameter sets in a key frame. Most encoders repeat those of the
// configuration there; if a byte differs there is a new track.
func (v *avcState) useParamSets(data []byte, found contents) error {
	if !found.params() && len(v.pending.sps) == 0 && len(v.pending.pps) == 0 {
		return nil
	}
	var sets paramSets
	if v.track != nil {
		// The track is shared, and add replaces in place.
		sets.sps = append(sets.sps, v.track.SPS...)
		sets.pps = append(sets.pps, v.track.PPS...)
	}
	changed := false
	for _, nal := range v.pending.sps {
		changed = sets.add(nal) || changed
	}
	for _, nal := range v.pending.pps {
		changed = sets.add(nal) || changed
	}
	v.eachParam(data, func(nal []byte) { changed = sets.add(nal) || changed })
	if !changed {
		v.pending = paramSets{}
		return nil
	}
	if len(sets.sps) == 0 || len(sets.pps) == 0 {
		v.pending = sets // the rest may come with the next key frame
		return nil
	}
	v.pending = paramSets{}
	c, err := h264.FromParameterSets(sets.sps, sets.pps)
	if err != nil && v.track != nil {
		return nil // a decoder may be able to parse them
	}
	if err != nil {
		return &SyntaxError{Op: "in-band parameter sets", Err: err}
	}
	if v.lengthSize == 0 {
		v.lengthSize = 4
	}
	c.NALLengthSize = v.lengthSize
	v.track = newVideoTrack(c)
	return nil
}

// keepParamSets keeps the parameter sets of a unit without a picture for the next key frame.
func (v *avcState) keepParamSets(data []byte) {
	v.eachParam(data, func(nal []byte) { v.pending.add(nal) })
}

// eachParam calls f with each parameter set in data, which scan has passed.
func (v *avcState) eachParam(data []byte, f func(nal []byte)) {
	size := v.nalLength()
	for {
		nal, rest, ok := h264.Next(data, size)
		if !ok {
			return
		}
		if t := h264.Type(nal); t == h264.SPS || t == h264.PPS {
			f(nal)
		}
		data = rest
	}
}
