package flv

import (
	"bytes"
	"slices"

	"golive/codec/h264"
	"golive/codec/hevc"
	"golive/media"
)

// hevcState reads HEVC.
type hevcState struct {
	nalState

	pending hevcSets // received between pictures, for the next key frame
	refused error    // why the newest parameters have no track
}

// maxBitDepth is the largest number of bits a sample that any player decodes.
const maxBitDepth = 10

// hevcSets are parameter sets: VPS, SPS and PPS.
type hevcSets [3][][]byte

// maxHEVCSets bounds the parameter sets of a kind.
const maxHEVCSets = 64

// add adds nal if it is a parameter set.
func (s *hevcSets) add(nal []byte) {
	t, ok := hevc.Type(nal)
	if !ok || t < hevc.VPS || t > hevc.PPS || len(nal) > maxParamSet {
		return
	}
	kind := &s[t-hevc.VPS]
	same := func(old []byte) bool { return bytes.Equal(old, nal) }
	if len(*kind) < maxHEVCSets && !slices.ContainsFunc(*kind, same) {
		*kind = append(*kind, nal)
	}
}

func (s *hevcSets) empty() bool { return len(s[0])+len(s[1])+len(s[2]) == 0 }

func (s *hevcSets) complete() bool { return len(s[0]) > 0 && len(s[1]) > 0 && len(s[2]) > 0 }

// configure implements pictureReader.
func (v *hevcState) configure(record []byte, offset int) error {
	if v.lengthSize != 0 && bytes.Equal(record, v.config) {
		return v.refused
	}
	c, err := parseHEVCRecord(record)
	if err != nil {
		return &SyntaxError{Op: "HEVC configuration", Offset: int64(offset), Err: err}
	}
	*v = hevcState{nalState: nalState{config: bytes.Clone(record), lengthSize: c.NALLengthSize}}
	sets := hevcSets{c.VPS, c.SPS, c.PPS}
	if !sets.complete() {
		v.pending = sets
		return nil
	}
	return v.setTrack(c)
}

// parseHEVCRecord parses an HEVCDecoderConfigurationRecord, or the Annex B parameter sets that
// some encoders send in its place.
func parseHEVCRecord(record []byte) (*hevc.Config, error) {
	if !hasStartCode(record) {
		return hevc.ParseHVCC(record)
	}
	var sets hevcSets
	for nal := range annexB(record) {
		sets.add(nal)
	}
	return hevc.FromParameterSets(sets[0], sets[1], sets[2])
}

func (v *hevcState) setTrack(c *hevc.Config) error {
	v.track, v.refused = nil, nil
	if c.BitDepth > maxBitDepth {
		v.refused = tooManyBits(media.HEVC, c.BitDepth)
		return v.refused
	}
	v.track = &media.Track{
		Codec:         media.HEVC,
		CodecString:   c.CodecString(),
		VPS:           c.VPS,
		SPS:           c.SPS,
		PPS:           c.PPS,
		NALLengthSize: v.nalLength(),
		Width:         c.Width,
		Height:        c.Height,
		FrameRate:     c.FrameRate,
	}
	return nil
}

// hevcContents describes the NAL units of an access unit.
type hevcContents struct {
	picture bool
	first   hevc.NALType // of the slices
	sets    bool
	said    h264.Supplement
}

// walkHEVC is walk for HEVC.
func walkHEVC(data []byte, lengthSize int) (c hevcContents, at int) {
	rest := data
	for {
		nal, next, ok := h264.Next(rest, lengthSize)
		if !ok {
			return c, len(data) - len(next)
		}
		rest = next
		t, ok := hevc.Type(nal)
		switch {
		case !ok:
		case t.Picture() && !c.picture:
			c.picture, c.first = true, t
		case t == hevc.VPS || t == hevc.SPS || t == hevc.PPS:
			c.sets = true
		case t == hevc.PrefixSEI:
			const header = 2
			c.said.ReadMessages(nal[header:])
		}
	}
}

// unit implements pictureReader.
func (v *hevcState) unit(p picture) (u media.AccessUnit, ok bool, err error) {
	data, found, err := scanNALs(&v.nalState, p.data, p.offset, walkHEVC)
	if err != nil {
		return u, false, err
	}
	key := found.picture && found.first.IRAP()
	if found.sets && (key || !found.picture) || key && !v.pending.empty() {
		if err := v.useSets(data, key); err != nil {
			return u, false, err
		}
	}
	switch {
	case !found.picture:
		return u, false, nil
	case v.refused != nil:
		return u, false, v.refused
	case v.track == nil && key && v.lengthSize != 0:
		return u, false, &UnsupportedError{Kind: kindVideo, Codec: "HEVC without parameter sets", Reason: "set the encoder to send VPS, SPS and PPS, in the sequence header or with each key frame, or set it to H.264"}
	case v.track == nil:
		return u, false, ErrNoConfig
	}
	u = media.AccessUnit{
		Track:    v.track,
		DTS:      p.dts,
		PTS:      p.dts + p.composition,
		Key:      key,
		Captions: media.Captions(found.said.Captions),
		Data:     data,
	}
	if key && found.first.Open() {
		u.Access = media.AccessOpen
	}
	return u, true, nil
}

// useSets uses the parameter sets in data: at once in a key frame, else with the next one. Those
// of a kind take the place of all of that kind. If a byte differs there is a new track.
func (v *hevcState) useSets(data []byte, key bool) error {
	sets, known := v.pending, v.sets()
	v.pending = hevcSets{}
	for rest, ok := data, true; ok; {
		var nal []byte
		if nal, rest, ok = h264.Next(rest, v.nalLength()); ok {
			sets.add(nal)
		}
	}
	changed := false
	for i := range sets {
		if len(sets[i]) == 0 {
			sets[i] = known[i]
		}
		changed = changed || !slices.EqualFunc(sets[i], known[i], bytes.Equal)
	}
	switch {
	case !changed:
		return nil
	case !key || !sets.complete():
		for i := range sets {
			v.pending[i] = nil
			for _, nal := range sets[i] {
				v.pending[i] = append(v.pending[i], bytes.Clone(nal))
			}
		}
		return nil
	}
	c, err := hevc.FromParameterSets(sets[0], sets[1], sets[2])
	if err != nil && v.track != nil {
		return nil // a decoder may be able to parse them
	}
	if err != nil {
		return &SyntaxError{Op: "in-band parameter sets", Err: err}
	}
	return v.setTrack(c)
}

// sets returns the parameter sets of the track.
func (v *hevcState) sets() hevcSets {
	if v.track == nil {
		return hevcSets{}
	}
	return hevcSets{v.track.VPS, v.track.SPS, v.track.PPS}
}
