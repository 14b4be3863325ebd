package fmp4

import (
	"bytes"
	"fmt"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/mp4"
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"golive/codec/h264"
	"golive/media"
)

// The maximum numbers of parameter sets in an avcC box (ISO 14496-15 section 5.3.3.1.2).
const (
	maxSPS = 31
	maxPPS = 255
)

// avc1 returns the sample entry of H.264, and the shape of its pixels.
func avc1(t *media.Track) (entry *mp4.VisualSampleEntryBox, shape mp4.PaspBox, err error) {
	record, err := newAVCRecord(t)
	if err != nil {
		return nil, shape, err
	}
	var v mch264.SPS_VUI
	if sps, ok := readSPS(t.SPS[0]); ok {
		record.NoTrailingInfo = false
		record.ChromaFormat = uint8(sps.ChromaFormatIdc)
		record.BitDepthLumaMinus1 = uint8(sps.BitDepthLumaMinus8)
		record.BitDepthChromaMinus1 = uint8(sps.BitDepthChromaMinus8)
		if sps.VUI != nil {
			v = *sps.VUI
		}
	}
	shape = pixelShape(v.AspectRatioInfoPresentFlag, v.AspectRatioIdc, uint32(v.SarWidth), uint32(v.SarHeight))
	var colour *mp4.ColrBox
	if v.ColourDescriptionPresentFlag {
		colour = colr(v.ColourPrimaries, v.TransferCharacteristics, v.MatrixCoefficients, v.VideoFullRangeFlag)
	}
	return visualEntry("avc1", t, &mp4.AvcCBox{DecConfRec: record}, colour, shape), shape, nil
}

// newAVCRecord returns an AVCDecoderConfigurationRecord without its extension of the
// High profiles.
func newAVCRecord(t *media.Track) (none avc.DecConfRec, err error) {
	switch n, m := len(t.SPS), len(t.PPS); {
	case n == 0 || n > maxSPS:
		return none, fmt.Errorf("%d SPS, can carry 1 to %d", n, maxSPS)
	case m == 0 || m > maxPPS:
		return none, fmt.Errorf("%d PPS, can carry 1 to %d", m, maxPPS)
	case len(t.SPS[0]) < 4:
		return none, fmt.Errorf("need 4 bytes of SPS, have %d", len(t.SPS[0]))
	}
	if err := checkSizes(t); err != nil {
		return none, err
	}
	return avc.DecConfRec{
		AVCProfileIndication: t.SPS[0][1],
		ProfileCompatibility: t.SPS[0][2],
		AVCLevelIndication:   t.SPS[0][3],
		SPSnalus:             t.SPS,
		PPSnalus:             t.PPS,
		NoTrailingInfo:       true,
	}, nil
}

// readSPS reads what package h264 does not tell of an SPS. What can't be read is left
// out of the sample entry: decoders look into the SPS themselves.
func readSPS(nal []byte) (sps mch264.SPS, ok bool) {
	const highOld, high444 = 144, h264.ProfileHigh444
	if nal[1] == highOld { // the syntax is that of its successor
		nal = bytes.Clone(nal)
		nal[1] = high444
	}
	err := sps.Unmarshal(nal)
	ok = err == nil && sps.ChromaFormatIdc <= 3 && max(sps.BitDepthLumaMinus8, sps.BitDepthChromaMinus8) <= 6
	return sps, ok
}
