package opus

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

const (
	// CodecString is the codec in the form of RFC 6381: the name of its sample entry.
	CodecString = "Opus"
	// SampleRate is the rate in Hz at which all Opus is decoded and counted.
	SampleRate = 48000
)

// headerSize is the size in bytes of an identification header of mapping family 0.
const headerSize = 19

// The channel mapping families (RFC 7845 section 5.1.1).
const (
	familyRTP    = 0 // mono or stereo
	familyVorbis = 1 // up to 8 channels in the order of Vorbis
)

// Config is what a decoder is configured with.
type Config struct {
	// Channels is the number of output channels, 1 to 8.
	Channels int
	// PreSkip is how many samples at the beginning are not to be played.
	PreSkip int
	// InputRate is the sample rate in Hz before coding, 0 when not said. It changes
	// nothing in decoding.
	InputRate uint32
	// Gain is to be applied to the output, in 1/256 dB.
	Gain int
	// Mapping is the channel mapping table (section 5.1.1): the number of streams, of
	// coupled ones, and the decoded channel of each output channel. It is nil for mono
	// and stereo.
	Mapping []byte
}

// ParseHeader reads an identification header:
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-------+-------+-------+-------+-------+-------+-------+-------+
//	|                          "OpusHead"                           |
//	+---------------+---------------+---------------+---------------+
//	|  version = 1  | channel count |           pre-skip            |
//	+---------------+---------------+---------------+---------------+
//	|                       input sample rate                       |
//	+---------------+---------------+---------------+---------------+
//	|          output gain          |mapping family |  mapping ...
//	+---------------+---------------+---------------+- - -
//
// Its numbers are little endian. The error is a *SyntaxError, or an *UnsupportedError for
// a channel mapping that players don't know.
func ParseHeader(b []byte) (*Config, error) {
	const magic = "OpusHead"
	switch {
	case len(b) < headerSize:
		return nil, headerError(0, "need %d bytes, have %d", headerSize, len(b))
	case string(b[:len(magic)]) != magic:
		return nil, headerError(0, "no %q", magic)
	case b[8]&0xf0 != 0: // the versions of the upper half are not compatible
		return nil, headerError(8, "version is %d, want 1", b[8])
	}
	c := &Config{
		Channels:  int(b[9]),
		PreSkip:   int(binary.LittleEndian.Uint16(b[10:])),
		InputRate: binary.LittleEndian.Uint32(b[12:]),
		Gain:      int(int16(binary.LittleEndian.Uint16(b[16:]))),
	}
	family, most := b[18], 2
	if family == familyVorbis {
		most = 8
	}
	switch {
	case family > familyVorbis:
		return nil, &UnsupportedError{
			Name:   fmt.Sprintf("Opus with channel mapping family %d", family),
			Reason: "set the encoder to mono or stereo",
		}
	case c.Channels < 1 || c.Channels > most:
		return nil, headerError(9, "%d channels, want 1 to %d in mapping family %d", c.Channels, most, family)
	case family == familyRTP:
		return c, nil
	}
	table := b[headerSize:]
	if len(table) < 2+c.Channels {
		return nil, headerError(headerSize, "need %d bytes for the channel mapping, have %d", 2+c.Channels, len(table))
	}
	c.Mapping = bytes.Clone(table[:2+c.Channels])
	return c, c.checkMapping()
}

func (c *Config) checkMapping() error {
	streams, coupled := int(c.Mapping[0]), int(c.Mapping[1])
	if streams == 0 || coupled > streams || streams+coupled > 255 {
		return headerError(headerSize, "%d streams, %d of them coupled", streams, coupled)
	}
	const silence = 255
	for i, from := range c.Mapping[2:] {
		if int(from) >= streams+coupled && from != silence {
			return headerError(headerSize+2+i, "channel %d of %d", from, streams+coupled)
		}
	}
	return nil
}

// SpecificBox returns the body of the OpusSpecificBox, "dOps", of ISO files
// ("Encapsulation of Opus in ISO Base Media File Format" section 4.3.2): the fields of the
// identification header, big endian.
func (c *Config) SpecificBox() []byte {
	b := []byte{0, uint8(c.Channels)}
	b = binary.BigEndian.AppendUint16(b, uint16(c.PreSkip))
	b = binary.BigEndian.AppendUint32(b, c.InputRate)
	b = binary.BigEndian.AppendUint16(b, uint16(c.Gain))
	if c.Mapping == nil {
		return append(b, familyRTP)
	}
	return append(append(b, familyVorbis), c.Mapping...)
}

func headerError(at int, problem string, args ...any) error {
	return &SyntaxError{In: "identification header", Offset: at, Problem: fmt.Sprintf(problem, args...)}
}
