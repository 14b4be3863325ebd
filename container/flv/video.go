package flv

import "golive/media"

// Fields of a VIDEODATA body (E.4.3.1, E.4.3.2).
const (
	videoEnhanced = 0x80 // in the first byte: an enhanced header follows

	frameKey     = 1 // frame types
	frameCommand = 5 // carries no picture

	videoAVC  = 7
	videoHEVC = 12 // not in any specification, but in wide use

	avcConfig = 0
	avcUnit   = 1
	avcEnd    = 2
)

// videoState is the demuxer's state of the video track.
type videoState struct {
	codec  media.Codec
	reader pictureReader // of codec; nil before the first tag
	// disguised is set if HEVC comes with AVC's codec id, as old builds of OBS sent it.
	disguised bool
	extra     trackSet
}

// pictureReader reads the tags of one codec.
type pictureReader interface {
	// configure applies a decoder configuration, which is at offset in the body.
	configure(record []byte, offset int) error
	// unit returns the access unit of a tag that is not empty.
	unit(p picture) (u media.AccessUnit, ok bool, err error)
}

// picture is the content of a tag.
type picture struct {
	dts, composition media.Ticks
	data             []byte
	offset           int  // of data in the body
	marked           bool // the tag calls it a key frame
}

// use returns the reader of a codec. After another codec it begins without a configuration.
func (v *videoState) use(codec media.Codec) pictureReader {
	if v.reader != nil && v.codec == codec {
		return v.reader
	}
	v.codec = codec
	switch codec {
	case media.HEVC:
		v.reader = &hevcState{}
	case media.AV1:
		v.reader = &av1State{}
	default:
		v.reader = &avcState{}
	}
	return v.reader
}

func (v *videoState) read(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	if len(body) == 0 {
		return u, false, nil
	}
	frame := body[0] >> 4 & 7
	if frame == frameCommand {
		return u, false, nil
	}
	p := picture{dts: dts, marked: frame == frameKey}
	if body[0]&videoEnhanced != 0 {
		return v.readEnhanced(p, body)
	}
	switch id := body[0] & 0x0f; id {
	case videoAVC:
		return v.readLegacy(media.H264, p, body)
	case videoHEVC:
		return v.readLegacy(media.HEVC, p, body)
	default:
		return u, false, refuseVideoID(id)
	}
}

func (v *videoState) readLegacy(codec media.Codec, p picture, body []byte) (u media.AccessUnit, ok bool, err error) {
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
	p.composition, p.data, p.offset = composition(body[2:]), body[header:], header
	if codec == media.H264 && body[1] == avcConfig {
		v.disguised = looksLikeHEVC(p.data)
	}
	if v.disguised {
		codec = media.HEVC
	}
	switch body[1] {
	case avcConfig:
		return u, false, v.use(codec).configure(p.data, header)
	case avcUnit:
		return v.unit(codec, p)
	}
	return u, false, syntax("AVC packet", 1, "packet type %d is not known", body[1])
}

func (v *videoState) readEnhanced(p picture, body []byte) (u media.AccessUnit, ok bool, err error) {
	ex, ok, err := readEx("video tag header", body, exVideoMultitrack, &v.extra)
	if err != nil || !ok {
		return u, false, err
	}
	codec, err := videoCodec(ex.codec)
	if err != nil {
		return u, false, err
	}
	p.composition, p.data, p.offset = ex.offset, ex.data, ex.at
	switch ex.kind {
	case exSequenceStart:
		return u, false, v.use(codec).configure(ex.data, ex.at)
	case exCodedFrames:
		if codec == media.AV1 { // pictures are shown in the order of their tags
			return v.unit(codec, p)
		}
		const size = 3
		if len(ex.data) < size {
			return u, false, syntax("coded frames", ex.at, "need 3 bytes of composition time, have %d", len(ex.data))
		}
		p.composition += composition(ex.data)
		p.data, p.offset = ex.data[size:], ex.at+size
		return v.unit(codec, p)
	case exVideoFramesX:
		return v.unit(codec, p)
	case exSequenceEnd, exVideoMetadata, exVideoTSStart:
		return u, false, nil
	}
	// A later version of the specification may add packet types: skip them.
	return u, false, nil
}

func (v *videoState) unit(codec media.Codec, p picture) (u media.AccessUnit, ok bool, err error) {
	if len(p.data) == 0 {
		return u, false, nil
	}
	return v.use(codec).unit(p)
}

// composition reads a signed 24-bit composition time in milliseconds.
func composition(b []byte) media.Ticks {
	ms := int32(uint32(b[0])<<24|uint32(b[1])<<16|uint32(b[2])<<8) >> 8
	return media.TicksFromMillis(int64(ms))
}
