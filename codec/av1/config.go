package av1

import (
	"bytes"
	"fmt"
	"strings"

	mcav1 "github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// SyntaxError says that bytes are not what the AV1 specifications ask for.
type SyntaxError struct {
	// In is the structure that was read: "AV1CodecConfigurationRecord", "sequence header".
	In string
	// Offset is where in it the problem was met, in bytes.
	Offset int
	// Problem says what was wrong there.
	Problem string
	// Err is the cause, if another package found it.
	Err error
}

// Error names the structure, the offset and the problem.
func (e *SyntaxError) Error() string {
	if e.Err != nil {
		return fmt.Sprintf("av1: %s: %s at offset %d: %v", e.In, e.Problem, e.Offset, e.Err)
	}
	return fmt.Sprintf("av1: %s: %s at offset %d", e.In, e.Problem, e.Offset)
}

// Unwrap is the cause.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Config is what a decoder is configured with. It shares no bytes with what it was read
// from.
type Config struct {
	// SequenceHeader is the sequence header OBU, with its own header.
	SequenceHeader []byte
	// Profile, Level and HighTier are those of the first operating point: 0 is Main, and
	// level 8 is 4.0.
	Profile, Level int
	HighTier       bool
	// Width and Height are the largest picture's size in pixels.
	Width, Height int
	// BitDepth is the number of bits of a sample.
	BitDepth int
	// Monochrome says that there is no chroma.
	Monochrome bool
	// Subsampling is the chroma's: horizontally, vertically, and the sample position where
	// both are set.
	Subsampling [3]uint8
	// Colour are primaries, transfer characteristics and matrix coefficients as in ISO
	// 23091-2. 2 is unspecified.
	Colour [3]uint8
	// FullRange says that samples use the full range.
	FullRange bool
}

// recordSize is the size in bytes of a record without OBUs.
const recordSize = 4

// ParseAV1C reads an AV1CodecConfigurationRecord (AV1 Codec ISO Media File Format Binding
// section 2.3.3). It must hold a sequence header.
func ParseAV1C(b []byte) (*Config, error) {
	const in = "AV1CodecConfigurationRecord"
	if len(b) < recordSize {
		return nil, &SyntaxError{In: in, Problem: fmt.Sprintf("need %d bytes, have %d", recordSize, len(b))}
	}
	if b[0] != 0x81 { // marker and version 1
		return nil, &SyntaxError{In: in, Problem: fmt.Sprintf("it begins with %#x, want 0x81", b[0])}
	}
	for at := recordSize; at < len(b); {
		obu, err := nextOBU(b[at:])
		if err != nil {
			return nil, &SyntaxError{In: in, Offset: at, Problem: "unreadable OBU", Err: err}
		}
		if mcav1.OBUType(obu[0]>>3&0xf) == mcav1.OBUTypeSequenceHeader {
			return FromSequenceHeader(obu)
		}
		at += len(obu)
	}
	return nil, &SyntaxError{In: in, Offset: len(b), Problem: "no sequence header"}
}

// nextOBU returns the first OBU of b, whose size field must be there (section 5.3.2).
func nextOBU(b []byte) ([]byte, error) {
	const hasExtension, hasSize = 0x04, 0x02
	if b[0]&hasSize == 0 {
		return nil, fmt.Errorf("no size")
	}
	header := 1
	if b[0]&hasExtension != 0 {
		header++
	}
	if len(b) <= header {
		return nil, fmt.Errorf("need %d bytes, have %d", header+1, len(b))
	}
	var size mcav1.LEB128
	n, err := size.Unmarshal(b[header:])
	if err != nil {
		return nil, err
	}
	if left := len(b) - header - n; uint64(size) > uint64(left) {
		return nil, fmt.Errorf("need %d bytes, have %d", size, left)
	}
	return b[:header+n+int(size)], nil
}

// FromSequenceHeader returns the Config of a sequence header OBU.
func FromSequenceHeader(obu []byte) (*Config, error) {
	const in = "sequence header"
	if len(obu) == 0 || mcav1.OBUType(obu[0]>>3&0xf) != mcav1.OBUTypeSequenceHeader {
		return nil, &SyntaxError{In: in, Problem: "it is another OBU"}
	}
	var h mcav1.SequenceHeader
	if err := h.Unmarshal(obu); err != nil {
		return nil, &SyntaxError{In: in, Problem: "unreadable", Err: err}
	}
	const (
		maxSide    = 1 << 16 // both have at most 16 bits
		maxProfile = 2       // the others are reserved
	)
	if h.SeqProfile > maxProfile {
		return nil, &SyntaxError{In: in, Problem: fmt.Sprintf("profile %d is reserved", h.SeqProfile)}
	}
	if len(h.SeqLevelIdx) == 0 || len(h.SeqTier) == 0 || h.MaxFrameWidthMinus1 >= maxSide || h.MaxFrameHeightMinus1 >= maxSide {
		return nil, &SyntaxError{In: in, Problem: "no operating point, or picture size out of range"}
	}
	c := &h.ColorConfig
	return &Config{
		SequenceHeader: bytes.Clone(obu),
		Profile:        int(h.SeqProfile), Level: int(h.SeqLevelIdx[0]), HighTier: h.SeqTier[0],
		Width: h.Width(), Height: h.Height(),
		BitDepth: c.BitDepth, Monochrome: c.MonoChrome,
		Subsampling: [3]uint8{bit(c.SubsamplingX), bit(c.SubsamplingY), uint8(c.ChromaSamplePosition)},
		Colour:      [3]uint8{uint8(c.ColorPrimaries), uint8(c.TransferCharacteristics), uint8(c.MatrixCoefficients)},
		FullRange:   c.ColorRange,
	}, nil
}

func bit(b bool) uint8 {
	if b {
		return 1
	}
	return 0
}

// CodecString returns the codec in the form of RFC 6381 and the ISO binding's section 5:
// "av01.0.04M.08". The colour is given where it is not the default, BT.709 in 4:2:0: all
// of it or nothing. Of a stream that does not say its colour nothing is given.
func (c *Config) CodecString() string {
	var s strings.Builder
	tier := 'M'
	if c.HighTier {
		tier = 'H'
	}
	fmt.Fprintf(&s, "av01.%d.%02d%c.%02d", c.Profile, c.Level, tier, c.BitDepth)
	usual := c.Colour == [3]uint8{1, 1, 1} || c.Colour == [3]uint8{2, 2, 2}
	if usual && !c.Monochrome && !c.FullRange && c.Subsampling == [3]uint8{1, 1, 0} {
		return s.String()
	}
	fmt.Fprintf(&s, ".%d.%d%d%d.%02d.%02d.%02d.%d", bit(c.Monochrome), c.Subsampling[0], c.Subsampling[1], c.Subsampling[2],
		c.Colour[0], c.Colour[1], c.Colour[2], bit(c.FullRange))
	return s.String()
}
