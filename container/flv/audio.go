package flv

import "golive/media"

// The SoundFormats that are supported (E.4.2.1), and the AACPacketTypes (E.4.2.2).
const (
	soundMP3      = 2
	soundEnhanced = 9
	soundAAC      = 10
	soundMP3at8k  = 14 // MP3 of 8 kHz

	aacConfig = 0
	aacRaw    = 1
)

// audioState is the demuxer's state of the audio track.
type audioState struct {
	codec  media.Codec
	reader soundReader // of codec; nil before the first tag

	// id is the id of the track that is used, if seen is not empty: the smallest in seen.
	id   byte
	seen trackSet
}

// soundReader reads the tags of one codec.
type soundReader interface {
	// configure applies a decoder configuration, which is at offset in the body.
	configure(record []byte, offset int) error
	// unit returns the first access unit of a tag that is not empty.
	unit(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error)
	// next returns the next one of the same tag.
	next() (u media.AccessUnit, ok bool, err error)
}

// use returns the reader of a codec. After another codec it begins without a configuration.
func (a *audioState) use(codec media.Codec) soundReader {
	if a.reader != nil && a.codec == codec {
		return a.reader
	}
	a.codec = codec
	switch codec {
	case media.Opus:
		a.reader = &opusState{}
	case media.MP3:
		a.reader = &mp3State{}
	default:
		a.reader = &aacState{}
	}
	return a.reader
}

// skipped returns the number of tracks that are not used.
func (a *audioState) skipped() int { return max(a.seen.count()-1, 0) }

// uses reports whether the track with that id is used.
func (a *audioState) uses(id byte) bool {
	if none := a.seen == (trackSet{}); none || id < a.id {
		if !none {
			a.reader = nil // it has the configuration of another track
		}
		a.id = id
	}
	a.seen.add(id)
	return id == a.id
}

func (a *audioState) read(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	if len(body) == 0 {
		return u, false, nil
	}
	format := body[0] >> 4
	if format != soundEnhanced {
		a.uses(0)
	}
	switch format {
	case soundAAC:
		return a.readLegacy(dts, body)
	case soundMP3, soundMP3at8k:
		return a.unit(media.MP3, dts, body[1:])
	case soundEnhanced:
		return a.readEnhanced(dts, body)
	default:
		return u, false, refuseAudioID(format)
	}
}

func (a *audioState) readLegacy(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	if len(body) < 2 {
		return u, false, tooShort("AAC packet", 2, len(body))
	}
	switch body[1] {
	case aacConfig:
		return u, false, a.use(media.AAC).configure(body[2:], 2)
	case aacRaw:
		return a.unit(media.AAC, dts, body[2:])
	}
	return u, false, syntax("AAC packet", 1, "packet type %d is not known", body[1])
}

func (a *audioState) readEnhanced(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	var packets exPackets
	if err := packets.begin("audio tag header", body, exAudioMultitrack); err != nil {
		return u, false, err
	}
	for {
		p, ok, err := packets.next()
		if err != nil || !ok {
			return u, false, err
		}
		if a.uses(p.track) {
			return a.packet(dts, p)
		}
	}
}

// packet returns the first unit in a packet of the track that is used.
func (a *audioState) packet(dts media.Ticks, p exPacket) (u media.AccessUnit, ok bool, err error) {
	codec, err := audioCodec(p.codec)
	if err != nil {
		return u, false, err
	}
	switch p.kind {
	case exSequenceStart:
		return u, false, a.use(codec).configure(p.data, p.at)
	case exCodedFrames:
		u, ok, err = a.unit(codec, dts, p.data)
		u.PTS += p.offset
		return u, ok, err
	case exSequenceEnd, exAudioChannels:
		// The channel order repeats the decoder configuration.
		return u, false, nil
	}
	// A later version of the specification may add packet types: skip them.
	return u, false, nil
}

func (a *audioState) unit(codec media.Codec, dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	if len(data) == 0 {
		return u, false, nil
	}
	return a.use(codec).unit(dts, data)
}

// next returns the next unit of the body that was last read.
func (a *audioState) next() (u media.AccessUnit, ok bool, err error) {
	if a.reader == nil {
		return u, false, nil
	}
	return a.reader.next()
}
