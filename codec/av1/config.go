package av1

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	mcav1 "github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// ErrNoSequenceHeader is the error for a record that has none.
var ErrNoSequenceHeader = errors.New("no sequence header")

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
	// SequenceHeader is the sequence header OBU, with its own header and size.
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
// section 2.3.3). The error for one without a sequence header, which may come in the stream,
// wraps ErrNoSequenceHeader.
func ParseAV1C(b []byte) (*Config, error) {
	const in = "AV1CodecConfigurationRecord"
	if len(b) < recordSize {
		return nil, &SyntaxError{In: in, Problem: fmt.Sprintf("need %d bytes, have %d", recordSize, len(b))}
	}
	if b[0] != 0x81 { // marker and version 1
		return nil, &SyntaxError{In: in, Problem: fmt.Sprintf("it begins with %#x, want 0x81", b[0])}
	}
	for rest := b[recordSize:]; len(rest) > 0; {
		obu, next, err := Next(rest)
		if err != nil {
			return nil, &SyntaxError{In: in, Offset: len(b) - len(rest), Problem: "unreadable OBU", Err: err}
		}
		if obu.Type == SequenceHeader {
			return FromSequenceHeader(obu.Data)
		}
		rest = next
	}
	return nil, &SyntaxError{In: in, Offset: len(b), Problem: "cannot be used", Err: ErrNoSequenceHeader}
}

// Record returns the AV1CodecConfigurationRecord, with the sequence header.
func (c *Config) Record() []byte {
	b := []byte{0x81, uint8(c.Profile)<<5 | uint8(c.Level)&0x1f, 0, 0}
	b[2] = bit(c.HighTier)<<7 | bit(c.BitDepth > 8)<<6 | bit(c.BitDepth > 10)<<5 | bit(c.Monochrome)<<4 |
		c.Subsampling[0]<<3 | c.Subsampling[1]<<2 | c.Subsampling[2]&3
	return append(b, c.SequenceHeader...)
}

// FromSequenceHeader returns the Config of a sequence header OBU with a size.
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
