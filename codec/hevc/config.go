package hevc

import (
	"bytes"
	"encoding/binary"
	"fmt"
)

// Config is what a decoder is configured with. It shares no bytes with what it was read
// from.
type Config struct {
	// VPS, SPS and PPS are the parameter sets without start code or length, in order.
	VPS, SPS, PPS [][]byte
	// NALLengthSize is the size in bytes (1, 2 or 4) of the length before each NAL unit
	// of an access unit.
	NALLengthSize int
	// Profile is the general profile, tier and level.
	Profile Profile

	// The fields below are the first SPS's; without one they are 0.

	// Width and Height are the cropped picture size in pixels.
	Width, Height int
	// FrameRate is in frames per second, from the VUI's timing; 0 when not said.
	FrameRate float64
	// ChromaFormatIDC is 0 for monochrome, 1 for 4:2:0, 2 for 4:2:2 and 3 for 4:4:4.
	ChromaFormatIDC int
	// BitDepth is the number of bits of a sample, of luma or chroma, whichever is larger.
	BitDepth int
}

const (
	// recordSize is the size in bytes of a record without parameter sets.
	recordSize = 23
	// maxSets bounds the parameter sets of one kind: ids of PPS go up to 63.
	maxSets = 64
)

// ParseHVCC reads an HEVCDecoderConfigurationRecord (ISO 14496-15 section 8.3.3.1). All
// parameter sets are kept, each under its own NAL unit type, whatever its array says it
// is. A record may hold none: then they come in band.
func ParseHVCC(b []byte) (*Config, error) {
	if len(b) < recordSize {
		return nil, recordError(0, "need %d bytes, have %d", recordSize, len(b))
	}
	// Version 0 is what some encoders wrote before the standard was done.
	if b[0] > 1 {
		return nil, recordError(0, "version is %d, want 1", b[0])
	}
	c := &Config{NALLengthSize: int(b[21]&3) + 1, Profile: parseProfile(b[1:])}
	if c.NALLengthSize == 3 {
		return nil, recordError(21, "NAL length size is 3")
	}
	at := recordSize
	for range b[22] {
		if len(b)-at < 3 {
			return nil, recordError(at, "need 3 bytes for an array, have %d", len(b)-at)
		}
		n := int(binary.BigEndian.Uint16(b[at+1:]))
		var err error
		if at, err = c.takeArray(b, at+3, n); err != nil {
			return nil, err
		}
	}
	return c, c.readSPS()
}

// takeArray keeps n parameter sets, each behind its 16-bit length, from offset at of the
// record b, and returns the offset behind them.
func (c *Config) takeArray(b []byte, at, n int) (int, error) {
	for range n {
		if len(b)-at < 2 {
			return 0, recordError(at, "need 2 bytes for a NAL unit's length, have %d", len(b)-at)
		}
		size := int(binary.BigEndian.Uint16(b[at:]))
		at += 2
		if len(b)-at < size {
			return 0, recordError(at, "need %d bytes for a NAL unit, have %d", size, len(b)-at)
		}
		if !c.take(b[at : at+size]) {
			return 0, recordError(at, "more than %d parameter sets of a kind", maxSets)
		}
		at += size
	}
	return at, nil
}

// FromParameterSets makes the Config of parameter sets that were learned in band;
// NALLengthSize is 4. At least one SPS is needed.
func FromParameterSets(vps, sps, pps [][]byte) (*Config, error) {
	c := &Config{NALLengthSize: 4}
	for _, sets := range [][][]byte{vps, sps, pps} {
		for _, nal := range sets {
			if !c.take(nal) {
				return nil, &SyntaxError{In: "parameter sets", Problem: fmt.Sprintf("more than %d of a kind", maxSets)}
			}
		}
	}
	if len(c.SPS) == 0 {
		return nil, &SyntaxError{In: "parameter sets", Problem: "no SPS among them"}
	}
	return c, c.readSPS()
}

// take keeps nal if a decoder is configured with it, and returns false when there are too
// many.
func (c *Config) take(nal []byte) bool {
	var sets *[][]byte
	switch t, _ := Type(nal); t {
	case VPS:
		sets = &c.VPS
	case SPS:
		sets = &c.SPS
	case PPS:
		sets = &c.PPS
	default: // SEI messages, say
		return true
	}
	if len(*sets) == maxSets {
		return false
	}
	*sets = append(*sets, bytes.Clone(nal))
	return true
}

// CodecString returns the codec in the form of RFC 6381 and ISO 14496-15 annex E.3:
// "hvc1.1.6.L93.B0".
func (c *Config) CodecString() string { return "hvc1." + c.Profile.String() }

func recordError(at int, problem string, args ...any) error {
	return &SyntaxError{In: "HEVCDecoderConfigurationRecord", Offset: at, Problem: fmt.Sprintf(problem, args...)}
}
