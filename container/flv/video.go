package flv

import (
	"bytes"
	"slices"

	"golive/codec/h264"
	"golive/media"
)

// Fields of a VIDEODATA body (E.4.3.1, E.4.3.2).
const (
	videoEnhanced = 0x80 // in the first byte: an enhanced header follows

	frameKey     = 1 // frame types
	frameCommand = 5 // carries no picture

	videoAVC = 7

	avcConfig = 0
	avcUnit   = 1
	avcEnd    = 2
)

// videoState is the demuxer's state of the video track.
type videoState struct {
	config []byte // the last configuration record, to compare with the next
	// lengthSize is the size of the NAL unit lengths, known from a record even if the
	// record holds no parameter sets; 0 before the first one.
	lengthSize int
	track      *media.Track // nil until both kinds of parameter sets are known
	pending    paramSets    // received between pictures, for the next key frame
	extra      trackSet
	// marked is set if the tag being read calls its picture a key frame.
	marked bool
	// keptSEI are SEI messages from a tag without a picture, length-prefixed: they belong to
	// the next picture.
	keptSEI []byte
}

func (v *videoState) read(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	if len(body) == 0 {
		return u, false, nil
	}
	frame := body[0] >> 4 & 7
	if frame == frameCommand {
		return u, false, nil
	}
	v.marked = frame == frameKey
	if body[0]&videoEnhanced != 0 {
		return v.readEnhanced(dts, body)
	}
	if id := body[0] & 0x0f; id != videoAVC {
		return u, false, refuseVideoID(id)
	}
	return v.readLegacy(dts, body)
}

func (v *videoState) readLegacy(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	const header = 5
	if len(body) < 2 {
		return u, false, tooShort("AVC packet", header, len(body))
	}
	// Some encoders end with the two bytes 17 02, without a composition time.
	if body[1] == avcEnd {
		return u, false, nil
	}
	if len(body) < header {
		return u, false, tooShort("AVC packet", header, len(body))
	}
	switch body[1] {
	case avcConfig:
		return u, false, v.configure(body[header:], header)
	case avcUnit:
		return v.unit(dts, composition(body[2:]), body[header:], header)
	}
	return u, false, syntax("AVC packet", 1, "packet type %d is not known", body[1])
}

func (v *videoState) readEnhanced(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	p, ok, err := readEx("video tag header", body, exVideoMultitrack, &v.extra)
	if err != nil || !ok {
		return u, false, err
	}
	if string(p.codec[:]) != "avc1" {
		return u, false, refuseVideoFourCC(p.codec)
	}
	switch p.kind {
	case exSequenceStart:
		return u, false, v.configure(p.data, p.at)
	case exCodedFrames:
		if len(p.data) < 3 {
			return u, false, syntax("coded frames", p.at, "need 3 bytes of composition time, have %d", len(p.data))
		}
		return v.unit(dts, composition(p.data)+p.offset, p.data[3:], p.at+3)
	case exVideoFramesX:
		return v.unit(dts, p.offset, p.data, p.at)
	case exSequenceEnd, exVideoMetadata, exVideoTSStart:
		return u, false, nil
	}
	// A later version of the specification may add packet types: skip them.
	return u, false, nil
}

// composition reads a signed 24-bit composition time in milliseconds.
func composition(b []byte) media.Ticks {
	ms := int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8
	return media.TicksFromMillis(int64(ms))
}

// configure applies a configuration record. One that equals the last is ignored: encoders
// repeat it with each key frame.
func (v *videoState) configure(record []byte, offset int) error {
	if v.lengthSize != 0 && bytes.Equal(record, v.config) {
		return nil
	}
	if looksLikeHEVC(record) {
		// What follows is HEVC with AVC's codec id: it must not be parsed as AVC.
		*v = videoState{extra: v.extra}
		return videoUnsupported("HEVC")
	}
	c, err := parseRecord(record)
	if err != nil {
		return &SyntaxError{Op: "AVC configuration", Offset: int64(offset), Err: err}
	}
	v.config = bytes.Clone(record)
	v.lengthSize = c.NALLengthSize
	v.pending = paramSets{}
	v.keptSEI = nil
	v.track = nil
	if len(c.SPS) > 0 && len(c.PPS) > 0 {
		v.track = newVideoTrack(c)
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
		PPS:           c.PPS,
		NALLengthSize: c.NALLengthSize,
		Width:         c.Width,
		Height:        c.Height,
		FrameRate:     c.FrameRate,
	}
}

// maxKeptSEI bounds the SEI messages that are kept for the next picture, in bytes.
const maxKeptSEI = 4096

// keepSEI keeps the SEI messages of a tag without a picture.
func (v *videoState) keepSEI(data []byte) {
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
func (v *videoState) prependSEI(data []byte) ([]byte, contents) {
	data = slices.Concat(v.keptSEI, data)
	v.keptSEI = nil
	found, _ := walk(data, v.nalLength())
	return data, found
}

// unit returns the access unit of one frame's NAL units, which are at offset in the body.
func (v *videoState) unit(dts, composition media.Ticks, data []byte, offset int) (u media.AccessUnit, ok bool, err error) {
	if len(data) == 0 {
		return u, false, nil
	}
	data, found, err := v.scan(data, offset)
	if err != nil {
		return u, false, err
	}
	if found.picture && len(v.keptSEI) > 0 {
		data, found = v.prependSEI(data)
	}
	access, key := found.access(v.marked)
	if key {
		if err := v.useParamSets(data, found); err != nil {
			return u, false, err
		}
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
		DTS:      dts,
		PTS:      dts + composition,
		Key:      key,
		Access:   access,
		Captions: media.Captions(found.said.Captions),
		Data:     data,
	}
	return u, true, nil
}
