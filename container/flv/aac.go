package flv

import (
	"bytes"
	"errors"

	"golive/codec/aac"
	"golive/media"
)

// aacState reads AAC.
type aacState struct {
	config []byte // the last AudioSpecificConfig, to compare with the next
	// track is made from config; raw frames belong to it.
	track *media.Track
	adts  adtsState
}

// configure implements soundReader.
func (a *aacState) configure(record []byte, offset int) error {
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
func (a *aacState) configureADTS(h aac.ADTSHeader) error {
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

// unit implements soundReader.
func (a *aacState) unit(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	a.adts.reader = aac.ADTSReader{}
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
