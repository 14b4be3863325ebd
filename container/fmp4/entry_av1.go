package fmp4

import (
	"fmt"

	mp4av1 "github.com/Eyevinn/mp4ff/av1"
	"github.com/Eyevinn/mp4ff/mp4"

	"golive/codec/av1"
	"golive/media"
)

// av01 returns the sample entry of AV1, and the shape of its pixels, which are square.
func av01(t *media.Track) (entry *mp4.VisualSampleEntryBox, shape mp4.PaspBox, err error) {
	c, err := av1.ParseAV1C(t.Config)
	if err != nil {
		return nil, shape, err
	}
	record, err := mp4av1.DecodeAV1CodecConfRec(t.Config)
	if err != nil {
		return nil, shape, fmt.Errorf("AV1CodecConfigurationRecord: %w", err)
	}
	const unspecified = 2
	var colour *mp4.ColrBox
	if c.Colour != [...]uint8{unspecified, unspecified, unspecified} {
		colour = colr(c.Colour[0], c.Colour[1], c.Colour[2], c.FullRange)
	}
	shape = mp4.PaspBox{HSpacing: 1, VSpacing: 1}
	return visualEntry("av01", t, &mp4.Av1CBox{CodecConfRec: record}, colour, shape), shape, nil
}
