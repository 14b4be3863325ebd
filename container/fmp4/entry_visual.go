package fmp4

import (
	"errors"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/mp4"

	"golive/media"
)

// sampleEntry returns the sample entry of a track of pictures, and the shape of its pixels.
func sampleEntry(t *media.Track) (*mp4.VisualSampleEntryBox, mp4.PaspBox, error) {
	switch t.Codec {
	case media.H264:
		return avc1(t)
	case media.HEVC:
		return hvc1(t)
	case media.AV1:
		return av01(t)
	default:
		return nil, mp4.PaspBox{}, errors.New("codec is not carried")
	}
}

// visualEntry returns a sample entry with its configuration; colour may be nil.
func visualEntry(name string, t *media.Track, config mp4.Box, colour *mp4.ColrBox, shape mp4.PaspBox) *mp4.VisualSampleEntryBox {
	entry := mp4.CreateVisualSampleEntryBox(name, uint16(t.Width), uint16(t.Height), config)
	entry.CompressorName = ""
	if colour != nil {
		entry.AddChild(colour)
	}
	if shape.HSpacing != shape.VSpacing {
		entry.AddChild(&shape)
	}
	return entry
}

// colr returns the colour by the code points of ISO 23091-2.
func colr(primaries, transfer, matrix uint8, fullRange bool) *mp4.ColrBox {
	return &mp4.ColrBox{
		ColorType:               mp4.ColorTypeOnScreenColors,
		ColorPrimaries:          uint16(primaries),
		TransferCharacteristics: uint16(transfer),
		MatrixCoefficients:      uint16(matrix),
		FullRangeFlag:           fullRange,
	}
}

// checkSizes checks that the parameter sets of a track fit their 16-bit sizes.
func checkSizes(t *media.Track) error {
	for _, sets := range [][][]byte{t.VPS, t.SPS, t.PPS} {
		for _, set := range sets {
			if len(set) > math.MaxUint16 {
				return fmt.Errorf("a parameter set has %d bytes, can carry %d", len(set), math.MaxUint16)
			}
		}
	}
	return nil
}

// pixelShape returns the sample aspect ratio (ISO 14496-10 table E-1, and the same in
// ISO 23008-2), 1:1 when it is not said.
func pixelShape(present bool, idc uint8, width, height uint32) mp4.PaspBox {
	const extended = 255
	ratios := [...][2]uint32{
		{1, 1},
		{1, 1},
		{12, 11},
		{10, 11},
		{16, 11},
		{40, 33},
		{24, 11},
		{20, 11},
		{32, 11},
		{80, 33},
		{18, 11},
		{15, 11},
		{64, 33},
		{160, 99},
		{4, 3},
		{3, 2},
		{2, 1},
	}
	r := ratios[0]
	switch {
	case !present:
	case int(idc) < len(ratios):
		r = ratios[idc]
	case idc == extended && width > 0 && height > 0:
		r = [2]uint32{width, height}
	}
	return mp4.PaspBox{HSpacing: r[0], VSpacing: r[1]}
}
