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

// videoTrack is the demuxer's state of one video track.
type videoTrack struct {
	id     byte
	codec  media.Codec
	reader pictureReader // of codec; nil before the first tag
	// disguised is set if HEVC comes with AVC's codec id, as old builds of OBS sent it.
	disguised bool
	// numbered is a copy, with the number, of the reader's track plain.
	plain, numbered *media.Track
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
func (v *videoTrack) use(codec media.Codec) pictureReader {
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

// number sets the number of the unit's track. The same track always gives the same pointer.
func (v *videoTrack) number(u *media.AccessUnit, n int) {
	if v.plain != u.Track || v.numbered.Number != n {
		numbered := *u.Track
		numbered.Number = n
		v.plain, v.numbered = u.Track, &numbered
	}
	u.Track = v.numbered
}

func (v *videoTrack) readLegacy(codec media.Codec, p picture, body []byte) (u media.AccessUnit, ok bool, err error) {
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

// readEnhanced reads a packet of the track. p has the decoding time and the mark of its tag.
func (v *videoTrack) readEnhanced(codec media.Codec, p picture, ex exPacket) (u media.AccessUnit, ok bool, err error) {
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

func (v *videoTrack) unit(codec media.Codec, p picture) (u media.AccessUnit, ok bool, err error) {
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
