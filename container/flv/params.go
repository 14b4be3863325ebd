package flv

import (
	"bytes"
	"math/bits"

	"golive/codec/h264"
)

// The largest ids (ISO 14496-10 sections 7.4.2.1.1 and 7.4.2.2), and a size that
// no real parameter set comes near: together they bound what a peer can make us
// keep.
const (
	maxSPSID    = 31
	maxPPSID    = 255
	maxParamSet = 4096
)

// paramSets are parameter sets on their way into a track.
type paramSets struct {
	sps, pps [][]byte
}

// add takes nal if it is a parameter set. One with the id of an earlier one
// takes its place (ISO 14496-10 section 7.4.1.2.1). It tells whether anything
// changed. nal is copied.
func (p *paramSets) add(nal []byte) (changed bool) {
	switch h264.Type(nal) {
	case h264.SPS:
		// profile_idc, constraint flags and level_idc stand before the id.
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

// learn takes the parameter sets of a key frame. Most encoders repeat there
// what the configuration said; when a byte differs the track is a new one.
func (v *videoState) learn(data []byte, found contents) error {
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
		return nil // a decoder may make more of them than we do
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

// postpone keeps the parameter sets of a unit without a picture for the next
// key frame.
func (v *videoState) postpone(data []byte) {
	v.eachParam(data, func(nal []byte) { v.pending.add(nal) })
}

// eachParam calls f with each parameter set in data, which scan has passed.
func (v *videoState) eachParam(data []byte, f func(nal []byte)) {
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
