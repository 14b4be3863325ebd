package flv

import (
	"bytes"
	"slices"

	"golive/codec/h264"
	"golive/media"
)

// avcState reads H.264.
type avcState struct {
	nalState

	sets    paramSets // all that are in force
	pending paramSets // received between pictures, for the next key frame
	// keptSEI are SEI messages from a tag without a picture, length-prefixed: they belong to
	// the next picture.
	keptSEI []byte
}

// configure implements pictureReader. A record that equals the last is ignored: encoders repeat
// it with each key frame.
func (v *avcState) configure(record []byte, offset int) error {
	if v.lengthSize != 0 && bytes.Equal(record, v.config) {
		return nil
	}
	c, err := parseRecord(record)
	if err != nil {
		return &SyntaxError{Op: "AVC configuration", Offset: int64(offset), Err: err}
	}
	v.config = bytes.Clone(record)
	v.lengthSize = c.NALLengthSize
	v.sets, v.pending = paramSets{}, paramSets{}
	v.keptSEI = nil
	v.track = nil
	if len(c.SPS) > 0 && len(c.PPS) > 0 {
		v.track = newVideoTrack(c)
		v.sets = paramSets{sps: c.SPS, pps: c.PPS}
	} else {
		v.pending = paramSets{sps: c.SPS, pps: c.PPS}
	}
	return nil
}

// parseRecord parses an AVCDecoderConfigurationRecord, or the Annex B parameter sets that
// some encoders send in its place.
func parseRecord(record []byte) (*h264.Config, error) {
	if !hasStartCode(record) {
		return h264.ParseAVCC(record)
	}
	var sets paramSets
	for nal := range annexB(record) {
		sets.add(nal)
	}
	return h264.FromParameterSets(sets.sps, sets.pps)
}

func newVideoTrack(c *h264.Config) *media.Track {
	return &media.Track{
		Codec:         media.H264,
		CodecString:   c.CodecString,
		SPS:           c.SPS,
		PPS:           usablePPS(c.SPS, c.PPS),
		NALLengthSize: c.NALLengthSize,
		Width:         c.Width,
		Height:        c.Height,
		FrameRate:     c.FrameRate,
	}
}

// maxKeptSEI bounds the SEI messages that are kept for the next picture, in bytes.
const maxKeptSEI = 4096

// keepSEI keeps the SEI messages of a tag without a picture.
func (v *avcState) keepSEI(data []byte) {
	size := v.nalLength()
	for {
		nal, rest, ok := h264.Next(data, size)
		if !ok {
			return
		}
		if unit := data[:len(data)-len(rest)]; h264.Type(nal) == h264.SEI && len(v.keptSEI)+len(unit) <= maxKeptSEI {
			v.keptSEI = append(v.keptSEI, unit...)
		}
		data = rest
	}
}

// prependSEI puts the held SEI messages before the picture in data.
func (v *avcState) prependSEI(data []byte) ([]byte, contents) {
	data = slices.Concat(v.keptSEI, data)
	v.keptSEI = nil
	found, _ := walk(data, v.nalLength())
	return data, found
}

// unit implements pictureReader.
func (v *avcState) unit(p picture) (u media.AccessUnit, ok bool, err error) {
	data, found, err := v.scan(p.data, p.offset)
	if err != nil {
		return u, false, err
	}
	if found.picture && len(v.keptSEI) > 0 {
		data, found = v.prependSEI(data)
	}
	access, key := found.access(p.marked)
	if key {
		if err := v.useParamSets(data, found); err != nil {
			return u, false, err
		}
		v.activate(data)
	} else if found.params() && !found.picture {
		v.keepParamSets(data)
	}
	if !found.picture {
		if found.sei {
			v.keepSEI(data)
		}
		return u, false, nil
	}
	if v.track == nil {
		return u, false, ErrNoConfig
	}
	u = media.AccessUnit{
		Track:    v.track,
		DTS:      p.dts,
		PTS:      p.dts + p.composition,
		Key:      key,
		Access:   access,
		Captions: media.Captions(found.said.Captions),
		Data:     data,
	}
	return u, true, nil
}
