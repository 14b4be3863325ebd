package fmp4

import (
	"bytes"
	"fmt"
	"math"

	"github.com/Eyevinn/mp4ff/avc"
	"github.com/Eyevinn/mp4ff/mp4"
	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"

	"golive/codec/aac"
	"golive/codec/h264"
	"golive/media"
)

// The maximum numbers of parameter sets in an avcC box (ISO 14496-15 section 5.3.3.1.2).
const (
	maxSPS = 31
	maxPPS = 255
)

// avc1 returns the sample entry of H.264, and the shape of its pixels.
func avc1(t *media.Track) (*mp4.VisualSampleEntryBox, mp4.PaspBox, error) {
	record, err := newAVCRecord(t)
	if err != nil {
		return nil, mp4.PaspBox{}, err
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
	entry := mp4.CreateVisualSampleEntryBox("avc1", uint16(t.Width), uint16(t.Height), &mp4.AvcCBox{DecConfRec: record})
	entry.CompressorName = ""
	if v.ColourDescriptionPresentFlag {
		entry.AddChild(&mp4.ColrBox{
			ColorType:               mp4.ColorTypeOnScreenColors,
			ColorPrimaries:          uint16(v.ColourPrimaries),
			TransferCharacteristics: uint16(v.TransferCharacteristics),
			MatrixCoefficients:      uint16(v.MatrixCoefficients),
			FullRangeFlag:           v.VideoFullRangeFlag,
		})
	}
	shape := pixelShape(&v)
	if shape.HSpacing != shape.VSpacing {
		entry.AddChild(&shape)
	}
	return entry, shape, nil
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
	for _, sets := range [][][]byte{t.SPS, t.PPS} {
		for _, set := range sets {
			if len(set) > math.MaxUint16 {
				return none, fmt.Errorf("a parameter set has %d bytes, can carry %d", len(set), math.MaxUint16)
			}
		}
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

// pixelShape returns the sample aspect ratio (ISO 14496-10 table E-1), 1:1 when it is
// not said.
func pixelShape(v *mch264.SPS_VUI) mp4.PaspBox {
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
	case !v.AspectRatioInfoPresentFlag:
	case int(v.AspectRatioIdc) < len(ratios):
		r = ratios[v.AspectRatioIdc]
	case v.AspectRatioIdc == extended && v.SarWidth > 0 && v.SarHeight > 0:
		r = [2]uint32{uint32(v.SarWidth), uint32(v.SarHeight)}
	}
	return mp4.PaspBox{HSpacing: r[0], VSpacing: r[1]}
}

// mp4a returns the sample entry of AAC. Its sample rate has 16 bits; decoders take the
// one in the AudioSpecificConfig.
func mp4a(t *media.Track) (*mp4.AudioSampleEntryBox, error) {
	config := aac.Config{
		ObjectType: t.ObjectType, SampleRate: t.SampleRate, Channels: t.Channels,
		ProgramConfig: t.ProgramConfig, CodecString: t.CodecString,
	}
	specific, err := config.SpecificConfig()
	if err != nil {
		return nil, err
	}
	rate := uint16(0)
	if t.SampleRate <= math.MaxUint16 {
		rate = uint16(t.SampleRate)
	}
	const sampleSize = 16
	return mp4.CreateAudioSampleEntryBox("mp4a", uint16(t.Channels), sampleSize, rate, mp4.CreateEsdsBox(specific)), nil
}
