package aac

import (
	"errors"
	"fmt"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
)

// The audio object types of ISO 14496-3 table 1.17 that golive has to name.
const (
	ObjectTypeLC  = 2  // AAC-LC
	ObjectTypeSBR = 5  // HE-AAC
	ObjectTypePS  = 29 // HE-AAC v2
)

// Config is what a decoder is configured with. For HE-AAC all but the
// CodecString describe the AAC-LC core, which is what ADTS headers tell; the
// decoder finds the extension in the frames (ISO 14496-3 section 1.6.5.3).
type Config struct {
	// ObjectType is the audio object type of the core: 2 is AAC-LC.
	ObjectType int
	// SampleRate is the core's, in Hz.
	SampleRate int
	// Channels is the core's number of channels, 1 to 6 or 8.
	Channels int
	// SamplesPerUnit is the number of samples at SampleRate in a frame, 1024.
	SamplesPerUnit int
	// CodecString is the codec in the form of RFC 6381: "mp4a.40.2" for AAC-LC,
	// "mp4a.40.5" for HE-AAC, "mp4a.40.29" for HE-AAC v2.
	CodecString string
}

// ParseASC reads an AudioSpecificConfig (ISO 14496-3 section 1.6.2.1). The error
// is a *SyntaxError, or an *UnsupportedError for what ADTS can't carry.
func ParseASC(b []byte) (*Config, error) {
	if len(b) < 2 {
		return nil, &SyntaxError{Size: len(b), Err: errors.New("need at least 2 bytes")}
	}
	if t := int(b[0] >> 3); t != ObjectTypeLC && t != ObjectTypeSBR && t != ObjectTypePS {
		return nil, &UnsupportedError{Reason: fmt.Sprintf("audio object type %d is not AAC-LC or HE-AAC", objectType(b))}
	}
	var asc mpeg4audio.AudioSpecificConfig
	if err := asc.Unmarshal(b); err != nil {
		return nil, &SyntaxError{Size: len(b), Err: err}
	}
	switch {
	case asc.ChannelConfig == 0:
		return nil, &UnsupportedError{Reason: "the channel layout is a program config element; use a standard layout such as stereo or 5.1"}
	case asc.FrameLengthFlag:
		return nil, &UnsupportedError{Reason: "frames of 960 samples can't be carried in ADTS; use 1024"}
	case sampleRateIndex(asc.SampleRate) < 0:
		return nil, &UnsupportedError{Reason: fmt.Sprintf("a sample rate of %d Hz can't be carried in ADTS; use 44100 or 48000", asc.SampleRate)}
	}
	extension := int(asc.ExtensionType)
	if extension == 0 {
		extension = trailingExtension(b)
	}
	c := &Config{
		ObjectType:     int(asc.Type),
		SampleRate:     asc.SampleRate,
		Channels:       channels(asc.ChannelConfig),
		SamplesPerUnit: 1024,
	}
	c.CodecString = fmt.Sprintf("mp4a.40.%d", max(c.ObjectType, extension))
	return c, nil
}

// channels is the number of channels of a configuration from 1 to 7, the only one
// that differs from it (ISO 14496-3 table 1.19).
func channels(configuration uint8) int {
	if configuration == 7 {
		return 8
	}
	return int(configuration)
}

// objectType undoes the escape of types above 30 (GetAudioObjectType).
func objectType(b []byte) int {
	if t := int(b[0] >> 3); t != 31 {
		return t
	}
	return 32 + int(b[0]&7)<<3 + int(b[1]>>5)
}

// trailingExtension is the object type told by the backward compatible
// signalling of HE-AAC: a sync word behind the configuration of the AAC-LC core
// (ISO 14496-3 table 1.15, from syncExtensionType), which every encoder but one
// with an escaped sample rate puts at the third byte. 0 when there is none.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2
//	+---------------------+---------+-+-------+---------------------+-+
//	|        0x2b7        | type: 5 |S| rate  |        0x548        |P|
//	+---------------------+---------+-+-------+---------------------+-+
func trailingExtension(b []byte) int {
	const escapedRate = 15
	if rate := b[0]&7<<1 | b[1]>>7; rate == escapedRate {
		return 0
	}
	t := b[2:]
	if len(t) < 3 || t[0] != 0x56 || t[1] != 0xe0|ObjectTypeSBR || t[2]&0x80 == 0 {
		return 0
	}
	if len(t) >= 5 && t[2]&7 == 5 && t[3] == 0x48 && t[4]&0x80 != 0 {
		return ObjectTypePS
	}
	return ObjectTypeSBR
}
