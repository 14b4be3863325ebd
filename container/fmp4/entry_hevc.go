package fmp4

import (
	"encoding/binary"
	"errors"
	"fmt"

	mp4hevc "github.com/Eyevinn/mp4ff/hevc"
	"github.com/Eyevinn/mp4ff/mp4"
	mch265 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"

	"golive/codec/hevc"
	"golive/media"
)

// hvc1 returns the sample entry of HEVC, and the shape of its pixels. All parameter sets are in
// hvcC (ISO 14496-15 section 8.4.1).
func hvc1(t *media.Track) (entry *mp4.VisualSampleEntryBox, shape mp4.PaspBox, err error) {
	if len(t.VPS) == 0 || len(t.SPS) == 0 || len(t.PPS) == 0 {
		return nil, shape, errors.New("parameter sets are missing")
	}
	if err := checkSizes(t); err != nil {
		return nil, shape, err
	}
	c, err := hevc.FromParameterSets(t.VPS, t.SPS, t.PPS)
	if err != nil {
		return nil, shape, err
	}
	var sps mch265.SPS
	if err := sps.Unmarshal(t.SPS[0]); err != nil && sps.VUI == nil {
		return nil, shape, fmt.Errorf("SPS: %w", err)
	} else if err != nil {
		sps.VUI = nil // it is unreadable, and decoders look into the SPS themselves
	}
	record := newHEVCRecord(c, &sps)
	shape = mp4.PaspBox{HSpacing: 1, VSpacing: 1}
	var colour *mp4.ColrBox
	if v := sps.VUI; v != nil {
		shape = pixelShape(v.AspectRatioInfoPresentFlag, v.AspectRatioIdc, uint32(v.SarWidth), uint32(v.SarHeight))
		if v.ColourDescriptionPresentFlag {
			colour = colr(v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients, v.VideoFullRangeFlag)
		}
	}
	return visualEntry("hvc1", t, &mp4.HvcCBox{DecConfRec: record}, colour, shape), shape, nil
}

// newHEVCRecord returns an HEVCDecoderConfigurationRecord. What it may leave open is 0.
func newHEVCRecord(c *hevc.Config, sps *mch265.SPS) mp4hevc.DecConfRec {
	var constraints [8]byte
	copy(constraints[2:], c.Profile.Constraints[:])
	nested := uint8(0)
	if sps.TemporalIDNestingFlag {
		nested = 1
	}
	const complete = true
	return mp4hevc.DecConfRec{
		ConfigurationVersion:             1,
		GeneralProfileSpace:              c.Profile.Space,
		GeneralTierFlag:                  c.Profile.High,
		GeneralProfileIDC:                c.Profile.IDC,
		GeneralProfileCompatibilityFlags: c.Profile.Compatibility,
		GeneralConstraintIndicatorFlags:  binary.BigEndian.Uint64(constraints[:]),
		GeneralLevelIDC:                  c.Profile.LevelIDC,
		ChromaFormatIDC:                  uint8(sps.ChromaFormatIdc),
		BitDepthLumaMinus8:               uint8(sps.BitDepthLumaMinus8),
		BitDepthChromaMinus8:             uint8(sps.BitDepthChromaMinus8),
		NumTemporalLayers:                sps.MaxSubLayersMinus1 + 1,
		TemporalIDNested:                 nested,
		LengthSizeMinusOne:               lengthSize - 1,
		NaluArrays: []mp4hevc.NaluArray{
			mp4hevc.NewNaluArray(complete, mp4hevc.NALU_VPS, c.VPS),
			mp4hevc.NewNaluArray(complete, mp4hevc.NALU_SPS, c.SPS),
			mp4hevc.NewNaluArray(complete, mp4hevc.NALU_PPS, c.PPS),
		},
	}
}
