package flv

import (
	"bytes"
	"math/bits"
	"slices"

	"golive/codec/h264"
	"golive/media"
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

// referredBy returns the sets that the picture in data, of whole NAL units, is decoded with: one SPS, and
// the PPS that refer to it. ok is false if that cannot be told.
func (p *paramSets) referredBy(data []byte, lengthSize int) (active paramSets, ok bool) {
	slice, ok := firstSlice(data, lengthSize)
	if !ok {
		return active, false
	}
	var spsID uint32
	found := false
	for _, nal := range p.pps {
		if id, sps, ok := h264.ReadPPSIDs(nal); ok && id == slice.PPS {
			spsID, found = sps, true
		}
	}
	if !found {
		return active, false
	}
	for _, nal := range p.sps {
		if id, ok := expGolomb(nal, 4); ok && id == spsID {
			active.sps = [][]byte{nal}
		}
	}
	for _, nal := range p.pps {
		if _, sps, ok := h264.ReadPPSIDs(nal); ok && sps == spsID {
			active.pps = append(active.pps, nal)
		}
	}
	return active, active.sps != nil
}

// usablePPS returns the PPS that refer to one of the SPS, or all if none does. A picture cannot be decoded with
// the others, and Chromium refuses every key frame of a track that has one: damaged slices look like that.
func usablePPS(sps, pps [][]byte) [][]byte {
	orphan := func(nal []byte) bool {
		_, want, ok := h264.ReadPPSIDs(nal)
		return !ok || !slices.ContainsFunc(sps, func(nal []byte) bool {
			id, ok := expGolomb(nal, 4)
			return ok && id == want
		})
	}
	if !slices.ContainsFunc(pps, orphan) {
		return pps
	}
	if usable := slices.DeleteFunc(slices.Clone(pps), orphan); len(usable) > 0 {
		return usable
	}
	return pps
}

// firstSlice returns the first slice of the picture in data.
func firstSlice(data []byte, lengthSize int) (s h264.Slice, ok bool) {
	for {
		nal, rest, ok := h264.Next(data, lengthSize)
		if !ok {
			return s, false
		}
		if t := h264.Type(nal); t == h264.IDR || t == h264.NonIDR {
			return h264.ReadSlice(nal)
		}
		data = rest
	}
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
	// A track may share them, and add replaces in place.
	sets := paramSets{sps: slices.Clone(v.sets.sps), pps: slices.Clone(v.sets.pps)}
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
	err := v.setTrack(sets)
	if err != nil && v.track != nil {
		return nil // a decoder may be able to parse them
	}
	if err != nil {
		return err
	}
	v.sets = sets
	return nil
}

// setTrack makes a track of parameter sets, unless it has one of them.
func (v *avcState) setTrack(sets paramSets) error {
	if v.track != nil && sets.are(v.track) {
		return nil
	}
	c, err := h264.FromParameterSets(sets.sps, sets.pps)
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

// are reports whether a track of the sets would be like t.
func (p *paramSets) are(t *media.Track) bool {
	return slices.EqualFunc(p.sps, t.SPS, bytes.Equal) && slices.EqualFunc(usablePPS(p.sps, p.pps), t.PPS, bytes.Equal)
}

// activate makes the track that of the SPS which the key frame in data refers to. Encoders that begin a new
// size with a new SPS id keep the SPS of the last size in their configuration, or it is kept here: that is
// not the one that tells the size.
func (v *avcState) activate(data []byte) {
	if len(v.sets.sps) < 2 || v.track == nil {
		return
	}
	active, ok := v.sets.referredBy(data, v.nalLength())
	if !ok {
		return
	}
	_ = v.setTrack(active) // one that cannot be read changes nothing: a decoder may be able to
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
