package h264

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Config is a decoder configuration. It does not alias the bytes that it was parsed from.
type Config struct {
	// SPS and PPS are the parameter sets without start code or length, in order.
	SPS, PPS [][]byte
	// NALLengthSize is the size in bytes (1, 2 or 4) of the length before each
	// NAL unit of an access unit.
	NALLengthSize int
	// CodecString is the codec in the form of RFC 6381: avc1.PPCCLL.
	CodecString string
	// ProfileIDC, ConstraintFlags and LevelIDC are the three bytes of CodecString.
	ProfileIDC, ConstraintFlags, LevelIDC uint8

	// The fields below are from the first SPS; 0 if there is none.

	// Width and Height are the cropped picture size in pixels.
	Width, Height int
	// FrameRate is in frames per second, from the VUI's timing; 0 if not given.
	FrameRate float64
	// ChromaFormatIDC is 0 for monochrome, 1 for 4:2:0, 2 for 4:2:2 and 3 for
	// 4:4:4. Browsers and phones decode 4:2:0 only.
	ChromaFormatIDC int
	// BitDepth is the number of bits of a sample, of luma or chroma, whichever is
	// larger. Browsers and phones decode 8 only.
	BitDepth int
	// Interlaced is set if pictures may be coded as fields (frame_mbs_only_flag is
	// 0).
	Interlaced bool
}

// ParseAVCC reads an AVCDecoderConfigurationRecord (ISO 14496-15 section
// 5.3.3.1). All parameter sets are kept by their NAL unit type, whichever list they are
// in. A record without an SPS is not an error: the encoder may send it in band, and until
// then Width is 0.
func ParseAVCC(b []byte) (*Config, error) {
	const header = 6
	if len(b) < header {
		return nil, recordError(len(b), "need %d bytes, have %d", header, len(b))
	}
	if b[0] != 1 {
		return nil, recordError(0, "version is %d, not 1", b[0])
	}
	c := &Config{NALLengthSize: int(b[4]&3) + 1}
	if c.NALLengthSize == 3 {
		return nil, recordError(4, "NAL length size is 3")
	}
	c.setProfile(b[1:4])

	// The five bits before the number of PPS are a whole byte; those before the
	// number of SPS are not, and some encoders leave the reserved ones at 0.
	at, err := c.takeSets(b, header, int(b[5]&0x1f))
	if err != nil {
		return nil, err
	}
	if at < len(b) {
		if _, err := c.takeSets(b, at+1, int(b[at])); err != nil {
			return nil, err
		}
	}
	return c, c.readSPS()
}

// FromParameterSets returns the Config of parameter sets that were received in band, with
// a NALLengthSize of 4. At least one SPS is required.
func FromParameterSets(sps, pps [][]byte) (*Config, error) {
	c := &Config{NALLengthSize: 4}
	for _, nal := range sps {
		c.take(nal)
	}
	for _, nal := range pps {
		c.take(nal)
	}
	if len(c.SPS) == 0 {
		return nil, &SyntaxError{In: "parameter sets", Problem: "no SPS among them"}
	}
	return c, c.readSPS()
}

// takeSets adds n parameter sets, each prefixed with its 16-bit length, from offset at of
// the record b, and returns the offset after them.
func (c *Config) takeSets(b []byte, at, n int) (int, error) {
	for range n {
		if len(b)-at < 2 {
			return 0, recordError(at, "need 2 bytes for a parameter set's length, have %d", len(b)-at)
		}
		size := int(binary.BigEndian.Uint16(b[at:]))
		at += 2
		if len(b)-at < size {
			return 0, recordError(at, "need %d bytes for a parameter set, have %d", size, len(b)-at)
		}
		c.take(b[at : at+size])
		at += size
	}
	return at, nil
}

func (c *Config) take(nal []byte) {
	switch Type(nal) {
	case SPS:
		c.SPS = append(c.SPS, bytes.Clone(nal))
	case PPS:
		c.PPS = append(c.PPS, bytes.Clone(nal))
	default: // nothing a decoder is configured with
	}
}

// setProfile sets the fields that derive from profile_idc, the constraint flags and
// level_idc.
func (c *Config) setProfile(p []byte) {
	c.ProfileIDC, c.ConstraintFlags, c.LevelIDC = p[0], p[1], p[2]
	c.CodecString = fmt.Sprintf("avc1.%02x%02x%02x", p[0], p[1], p[2])
}

func recordError(at int, problem string, args ...any) error {
	return &SyntaxError{In: "AVCDecoderConfigurationRecord", Offset: at, Problem: fmt.Sprintf(problem, args...)}
}
