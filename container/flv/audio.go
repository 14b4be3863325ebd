package flv

import (
	"bytes"
	"errors"

	"golive/codec/aac"
	"golive/media"
)

// The SoundFormats that are supported (E.4.2.1), and the AACPacketTypes (E.4.2.2).
const (
	soundEnhanced = 9
	soundAAC      = 10

	aacConfig = 0
	aacRaw    = 1
)

// audioState is the demuxer's state of the audio track.
type audioState struct {
	config []byte // the last AudioSpecificConfig, to compare with the next
	// track is made from config; raw frames belong to it.
	track *media.Track
	adts  adtsState
	extra trackSet
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
		// For AAC the channel order repeats the AudioSpecificConfig.
		return u, false, nil
	}
	// A later version of the specification may add packet types: skip them.
	return u, false, nil
}

func (a *audioState) configure(record []byte, offset int) error {
	if a.config != nil && bytes.Equal(record, a.config) {
		return nil
	}
	if h, ok := aac.ParseADTSConfig(record); ok {
		return a.configureADTS(h)
	}
	config := bytes.Clone(record)
	c, err := aac.ParseASC(config)
	if _, ok := errors.AsType[*aac.UnsupportedError](err); ok {
		a.config, a.track = nil, nil
		return audioError(err)
	}
	if err != nil {
		return &SyntaxError{Op: "AudioSpecificConfig", Offset: int64(offset), Err: err}
	}
	a.config, a.track = config, newAudioTrack(c)
	a.adts.reset() // compare the headers with the new one
	return nil
}

// configureADTS uses an ADTS header that was sent in place of the configuration. Frames
// with their own headers do not need it.
func (a *audioState) configureADTS(h aac.ADTSHeader) error {
	if h.Configuration == 0 {
		return nil // the frames describe the channels
	}
	c, _, err := aac.ParseADTS(h, nil)
	if err != nil {
		a.config, a.track = nil, nil
		return audioError(err)
	}
	if t := newAudioTrack(c); !sameAudio(t, a.track) {
		a.config, a.track = nil, t
		a.adts.reset()
	}
	return nil
}

func (a *audioState) unit(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	a.adts.reader = aac.ADTSReader{}
	if len(data) == 0 {
		return u, false, nil
	}
	if aac.HasSyncWord(data) {
		known := a.track != nil && a.adts.track == nil
		switch {
		case aac.IsADTS(data), !known && aac.StartsADTS(data):
			return a.beginADTS(dts, data)
		case !known:
			return u, false, syntax("ADTS frame", 0, "%d bytes are not a whole frame", len(data))
		}
	}
	if a.track == nil {
		return u, false, ErrNoConfig
	}
	return media.AccessUnit{Track: a.track, DTS: dts, PTS: dts, Key: true, Data: data}, true, nil
}

func newAudioTrack(c *aac.Config) *media.Track {
	return &media.Track{
		Codec:          media.AAC,
		CodecString:    c.CodecString,
		ObjectType:     c.ObjectType,
		SampleRate:     c.SampleRate,
		Channels:       c.Channels,
		ProgramConfig:  c.ProgramConfig,
		SamplesPerUnit: c.SamplesPerUnit,
	}
}

// audioError converts an error of package aac to one of this package.
func audioError(err error) error {
	if e, ok := errors.AsType[*aac.UnsupportedError](err); ok {
		return &UnsupportedError{Kind: kindAudio, Codec: e.Name, Reason: e.Reason}
	}
	return &SyntaxError{Op: "AAC frame", Err: err}
}
