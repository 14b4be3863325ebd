package flv

import (
	"bytes"
	"errors"

	"golive/codec/aac"
	"golive/media"
)

// The SoundFormats that are read (E.4.2.1), and the AACPacketTypes (E.4.2.2).
const (
	soundEnhanced = 9
	soundAAC      = 10

	aacConfig = 0
	aacRaw    = 1
)

// audioState is what the demuxer knows of the audio track.
type audioState struct {
	config []byte // the last AudioSpecificConfig, to compare with the next
	track  *media.Track
	extra  trackSet
}

func (a *audioState) read(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	if len(body) == 0 {
		return u, false, nil
	}
	switch format := body[0] >> 4; format {
	case soundAAC:
		return a.readLegacy(dts, body)
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
		return u, false, a.configure(body[2:], 2)
	case aacRaw:
		return a.unit(dts, body[2:])
	}
	return u, false, syntax("AAC packet", 1, "packet type %d is not known", body[1])
}

func (a *audioState) readEnhanced(dts media.Ticks, body []byte) (u media.AccessUnit, ok bool, err error) {
	p, ok, err := readEx("audio tag header", body, exAudioMultitrack, &a.extra)
	if err != nil || !ok {
		return u, false, err
	}
	if string(p.codec[:]) != "mp4a" {
		return u, false, refuseAudioFourCC(p.codec)
	}
	switch p.kind {
	case exSequenceStart:
		return u, false, a.configure(p.data, p.at)
	case exCodedFrames:
		u, ok, err = a.unit(dts, p.data)
		u.PTS += p.offset
		return u, ok, err
	case exSequenceEnd, exAudioChannels:
		// The channel order repeats what the AudioSpecificConfig says of AAC.
		return u, false, nil
	}
	// A later version of the specification may add packet types: skip them.
	return u, false, nil
}

func (a *audioState) configure(record []byte, offset int) error {
	if a.track != nil && bytes.Equal(record, a.config) {
		return nil
	}
	config := bytes.Clone(record)
	c, err := aac.ParseASC(config)
	if refused, ok := errors.AsType[*aac.UnsupportedError](err); ok {
		a.config, a.track = nil, nil
		return &UnsupportedError{Kind: kindAudio, Codec: "AAC", Reason: refused.Reason}
	}
	if err != nil {
		return &SyntaxError{Op: "AudioSpecificConfig", Offset: int64(offset), Err: err}
	}
	a.config = config
	a.track = &media.Track{
		Codec:          media.AAC,
		CodecString:    c.CodecString,
		ObjectType:     c.ObjectType,
		SampleRate:     c.SampleRate,
		Channels:       c.Channels,
		SamplesPerUnit: c.SamplesPerUnit,
	}
	return nil
}

func (a *audioState) unit(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	if len(data) == 0 {
		return u, false, nil
	}
	if a.track == nil {
		return u, false, ErrNoConfig
	}
	return media.AccessUnit{Track: a.track, DTS: dts, PTS: dts, Key: true, Data: data}, true, nil
}
