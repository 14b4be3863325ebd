package flv

import (
	"bytes"
	"errors"
	"fmt"

	"golive/codec/opus"
	"golive/media"
)

// opusState reads Opus.
type opusState struct {
	head    []byte       // the last identification header, to compare with the next
	config  *opus.Config // nil before the first one
	track   *media.Track // of config; nil before the first packet
	refused error        // why config has no track
	// other is how many samples the last packet had, if it was not as long as the track's.
	other int
}

// maxOpusChannels is 5.1: more channels are for few players.
const maxOpusChannels = 6

// configure implements soundReader.
func (a *opusState) configure(head []byte, offset int) error {
	if a.head != nil && bytes.Equal(head, a.head) {
		return a.refused
	}
	*a = opusState{}
	c, err := opus.ParseHeader(head)
	if e, ok := errors.AsType[*opus.UnsupportedError](err); ok {
		a.refused = &UnsupportedError{Kind: kindAudio, Codec: e.Name, Reason: e.Reason}
	} else if err != nil {
		return &SyntaxError{Op: "Opus header", Offset: int64(offset), Err: err}
	} else if c.Channels > maxOpusChannels {
		a.refused = &UnsupportedError{Kind: kindAudio, Codec: fmt.Sprintf("Opus with %d channels", c.Channels), Reason: "set the encoder to stereo, or to 5.1"}
	}
	a.head, a.config = bytes.Clone(head), c
	return a.refused
}

// unit implements soundReader. A track's packets have the same duration: another one is another
// track when a second packet has it. A single one may be the last of a file.
func (a *opusState) unit(dts media.Ticks, data []byte) (u media.AccessUnit, ok bool, err error) {
	switch {
	case a.refused != nil:
		return u, false, a.refused
	case a.config == nil:
		return u, false, ErrNoConfig
	}
	samples, err := opus.Samples(data)
	if err != nil {
		return u, false, &SyntaxError{Op: "Opus packet", Err: err}
	}
	if a.track == nil || samples != a.track.SamplesPerUnit && samples == a.other {
		a.track = &media.Track{
			Codec:          media.Opus,
			CodecString:    opus.CodecString,
			Config:         a.config.SpecificBox(),
			SampleRate:     opus.SampleRate,
			Channels:       a.config.Channels,
			SamplesPerUnit: samples,
		}
	}
	a.other = 0
	if samples != a.track.SamplesPerUnit {
		a.other = samples
	}
	return media.AccessUnit{Track: a.track, DTS: dts, PTS: dts, Key: true, Data: data}, true, nil
}

// next implements soundReader: a tag has one packet.
func (*opusState) next() (u media.AccessUnit, ok bool, err error) { return u, false, nil }
