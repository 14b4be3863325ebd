package aac

import (
	"errors"
	"fmt"
)

// The audio object types of ISO 14496-3 table 1.17 that are supported.
const (
	ObjectTypeLC  = 2  // AAC-LC
	ObjectTypeSBR = 5  // HE-AAC
	ObjectTypePS  = 29 // HE-AAC v2
)

// Codec strings in the form of RFC 6381.
const (
	CodecLC   = "mp4a.40.2"
	CodecHE   = "mp4a.40.5"
	CodecHEv2 = "mp4a.40.29"
)

// samplesPerUnit is the number of samples in a frame, the only one that ADTS allows.
const samplesPerUnit = 1024

// Config is a decoder configuration. For HE-AAC all fields but CodecString describe the
// AAC-LC core, as ADTS headers do; the decoder finds the extension in the frames (ISO
// 14496-3 section 1.6.5.3).
type Config struct {
	// ObjectType is the audio object type of the core: 2 is AAC-LC.
	ObjectType int
	// SampleRate is the core's, in Hz: a standard rate, or at most 0.5 % from one.
	SampleRate int
	// Channels is the core's number of channels.
	Channels int
	// ProgramConfig is the program config element to put before each frame, for a layout
	// without a channel configuration; nil if Channels determines the layout.
	ProgramConfig []byte
	// SamplesPerUnit is the number of samples at SampleRate in a frame, 1024.
	SamplesPerUnit int
	// CodecString is CodecLC, CodecHE or CodecHEv2. HE-AAC that is signalled only inside
	// the frames is reported as AAC-LC, which every decoder can decode it as.
	CodecString string
}

// ParseASC parses an AudioSpecificConfig (ISO 14496-3 section 1.6.2.1). The error
// is a *SyntaxError, or an *UnsupportedError for what ADTS cannot carry or common
// players do not decode.
func ParseASC(b []byte) (*Config, error) {
	c, err := parseASC(&bitReader{b: b})
	if err == nil {
		return c, nil
	}
	if _, ok := errors.AsType[*UnsupportedError](err); ok {
		return nil, err
	}
	return nil, &SyntaxError{Size: len(b), Err: err}
}

func parseASC(r *bitReader) (*Config, error) {
	coded := readObjectType(r)
	if r.err != nil {
		return nil, r.err
	}
	core, extension := coded, 0
	if coded != ObjectTypeSBR && coded != ObjectTypePS {
		if err := checkObjectType(coded); err != nil {
			return nil, err
		}
	}
	rate, err := readSampleRate(r)
	if err != nil {
		return nil, err
	}
	configuration := r.u(4)
	if coded == ObjectTypeSBR || coded == ObjectTypePS {
		// Hierarchical signalling: the core's object type follows.
		extension = coded
		if _, err := readSampleRate(r); err != nil {
			return nil, err
		}
		core = readObjectType(r)
	}
	// GASpecificConfig, ISO 14496-3 section 4.4.1.
	short := r.flag()
	if r.flag() { // dependsOnCoreCoder
		r.u(14)
	}
	extended := r.flag()
	var layout *programConfig
	if configuration == 0 && r.err == nil {
		if layout, err = readProgramConfig(r); err != nil {
			return nil, err
		}
	}
	switch {
	case r.err != nil:
		return nil, r.err
	case core != ObjectTypeLC:
		if err := checkObjectType(core); err != nil {
			return nil, err
		}
	case extended:
		return nil, errors.New("extensionFlag is set, AAC-LC has no extensions")
	}
	if short {
		return nil, &UnsupportedError{Name: "AAC", Reason: "frames of 960 samples can't be carried in ADTS; set the encoder to 1024 samples a frame"}
	}
	if extension == 0 {
		extension = trailingExtension(r)
	}
	c, err := newConfig(core, rate, configuration, layout)
	if err != nil {
		return nil, err
	}
	switch extension {
	case ObjectTypeSBR:
		c.CodecString = CodecHE
	case ObjectTypePS:
		c.CodecString = CodecHEv2
	}
	return c, nil
}

// newConfig returns a configuration of AAC-LC. layout is nil unless the channel
// configuration is 0.
func newConfig(objectType, rate, configuration int, layout *programConfig) (*Config, error) {
	index := sampleRateIndex(rate)
	if index < 0 {
		return nil, &UnsupportedError{Name: "AAC", Reason: fmt.Sprintf("a sample rate of %d Hz can't be carried in ADTS; set the encoder to 44100 or 48000", rate)}
	}
	c := &Config{ObjectType: objectType, SampleRate: rate, SamplesPerUnit: samplesPerUnit, CodecString: CodecLC}
	if layout != nil {
		if n := layout.configuration(); n != 0 {
			configuration = n
		}
	}
	switch {
	case 1 <= configuration && configuration <= 6:
		c.Channels = configuration
	case configuration == 7, configuration == 12:
		// 12 has the elements of 7, with a pair at the side that 7 has in front. Decoders
		// treat both as 12.
		c.Channels = 8
	case configuration == 11:
		layout = surround61()
	case configuration == 13, configuration == 14:
		return nil, &UnsupportedError{Name: "AAC", Reason: "a layout with channels above can't be carried in ADTS; set the encoder to stereo or 5.1"}
	case layout == nil:
		return nil, fmt.Errorf("channel configuration %d is reserved", configuration)
	}
	if c.Channels == 0 {
		layout.profile, layout.rateIndex = objectType-1, index
		c.Channels, c.ProgramConfig = layout.channels(), layout.element()
	}
	return c, nil
}

// surround61 returns the layout of channel configuration 11, for which an ADTS header has
// no bits.
func surround61() *programConfig {
	return &programConfig{
		front:       []element{{tag: 0}, {pair: true, tag: 0}},
		back:        []element{{pair: true, tag: 1}, {tag: 1}},
		lfe:         []int{0},
		monoMixdown: -1, stereoMixdown: -1, matrixMixdown: -1,
	}
}

// readObjectType reads an audio object type (GetAudioObjectType).
func readObjectType(r *bitReader) int {
	const escape = 31
	t := r.u(5)
	if t == escape {
		return 32 + r.u(6)
	}
	return t
}

// readSampleRate reads a sampling frequency index, or the escaped frequency, and returns
// the rate in Hz.
func readSampleRate(r *bitReader) (int, error) {
	const escape = 15
	index := r.u(4)
	switch {
	case r.err != nil:
		return 0, r.err
	case index == escape:
		return r.u(24), r.err
	case index >= numRates:
		return 0, fmt.Errorf("sampling frequency index %d is reserved", index)
	}
	return sampleRates()[index], nil
}

// checkObjectType returns an *UnsupportedError for every type but AAC-LC.
func checkObjectType(t int) error {
	var name string
	switch t {
	case ObjectTypeLC:
		return nil
	case 1:
		name = "AAC Main"
	case 3:
		name = "AAC SSR"
	case 4:
		name = "AAC LTP"
	case 17:
		name = "AAC-LC with error resilience"
	case 23:
		name = "AAC-LD"
	case 39:
		name = "AAC-ELD"
	case 42:
		name = "xHE-AAC (USAC)"
	default:
		name = fmt.Sprintf("MPEG-4 audio object type %d", t)
	}
	return &UnsupportedError{Name: name, Reason: "set the encoder's AAC profile to AAC-LC"}
}

// trailingExtension returns the object type of the backward compatible signalling of
// HE-AAC, a sync word after the configuration of the AAC-LC core (ISO 14496-3 table 1.15,
// from syncExtensionType); 0 if there is none.
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2
//	+---------------------+---------+-+-------+---------------------+-+
//	|        0x2b7        | type: 5 |S| rate  |        0x548        |P|
//	+---------------------+---------+-+-------+---------------------+-+
func trailingExtension(r *bitReader) int {
	const syncSBR, syncPS = 0x2b7, 0x548
	if r.left() < 17 || r.u(11) != syncSBR || readObjectType(r) != ObjectTypeSBR || !r.flag() {
		return 0
	}
	if _, err := readSampleRate(r); err != nil || r.left() < 12 || r.u(11) != syncPS || !r.flag() {
		return ObjectTypeSBR
	}
	return ObjectTypePS
}
