package fmp4

import (
	"errors"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"

	"golive/codec/aac"
	"golive/media"
)

// sampleSize is the field samplesize of an audio sample entry, which has no meaning here.
const sampleSize = 16

// audioEntry returns the sample entry of a track of sound.
func audioEntry(t *media.Track) (*mp4.AudioSampleEntryBox, error) {
	switch t.Codec {
	case media.AAC:
		return mp4a(t)
	case media.Opus:
		return opus(t)
	case media.MP3:
		return mp3(t)
	default:
		return nil, errors.New("codec is not carried")
	}
}

// mp4a returns the sample entry of AAC. Its sample rate has 16 bits; decoders take the
// one in the AudioSpecificConfig.
func mp4a(t *media.Track) (*mp4.AudioSampleEntryBox, error) {
	config := aac.Config{
		ObjectType: t.ObjectType, SampleRate: t.SampleRate, Channels: t.Channels,
		ProgramConfig: t.ProgramConfig, CodecString: t.CodecString,
	}
	if layoutOf(t) != nil {
		config.ProgramConfig = nil
	}
	specific, err := config.SpecificConfig()
	if err != nil {
		return nil, err
	}
	rate := uint16(0)
	if t.SampleRate <= math.MaxUint16 {
		rate = uint16(t.SampleRate)
	}
	return mp4.CreateAudioSampleEntryBox("mp4a", uint16(t.Channels), sampleSize, rate, mp4.CreateEsdsBox(specific)), nil
}

// layoutOf returns the program config element to put before each frame of a track; nil for most. Chromium
// refuses an AudioSpecificConfig with a channel configuration of 0 and the element in it, so the sample
// entry has the configuration with as many channels if there is one, as an ADTS header has.
func layoutOf(t *media.Track) []byte {
	if aac.ChannelConfiguration(t.Channels) == 0 {
		return nil
	}
	return t.ProgramConfig
}

// mp3 returns the sample entry of MP3. By the MP4 registration authority the object type of
// MPEG-1 differs from that of MPEG-2, which has the lower sample rates.
func mp3(t *media.Track) (*mp4.AudioSampleEntryBox, error) {
	if t.SampleRate <= 0 || t.SampleRate > math.MaxUint16 {
		return nil, fmt.Errorf("sample rate is %d", t.SampleRate)
	}
	const lowestMPEG1 = 32000
	esds := mp4.CreateEsdsBox(nil)
	config := esds.DecConfigDescriptor
	config.ObjectType, config.DecSpecificInfo = mp4.ObjectTypeMP3, nil
	if t.SampleRate < lowestMPEG1 {
		config.ObjectType = mp4.ObjectTypeMPEG2Audio
	}
	return mp4.CreateAudioSampleEntryBox("mp4a", uint16(t.Channels), sampleSize, uint16(t.SampleRate), esds), nil
}

// opus returns the sample entry of Opus ("Encapsulation of Opus in ISO Base Media File Format"
// section 4.3).
func opus(t *media.Track) (*mp4.AudioSampleEntryBox, error) {
	if len(t.Config) == 0 {
		return nil, errors.New("no OpusSpecificBox")
	}
	box, err := mp4.DecodeDopsSR(mp4.BoxHeader{Name: "dOps"}, 0, bits.NewFixedSliceReader(t.Config))
	if err != nil {
		return nil, fmt.Errorf("OpusSpecificBox: %w", err)
	}
	return mp4.CreateAudioSampleEntryBox("Opus", uint16(t.Channels), sampleSize, uint16(t.SampleRate), box), nil
}
