package ingest

import (
	"fmt"

	"golive/codec/av1"
	"golive/codec/hevc"
	"golive/media"
)

// playabilityOfHEVC returns the warnings about a track of HEVC.
func playabilityOfHEVC(t *media.Track) []Warning {
	all := []Warning{{WarnVideoCodec, fmt.Sprintf("the video is HEVC (%s): Apple's devices and most televisions play it, Chrome, Edge and Android only with a decoder in the hardware, and many computers not at all: set the encoder to H.264 to reach everybody", t.CodecString)}}
	c, err := hevc.FromParameterSets(t.VPS, t.SPS, t.PPS)
	if err != nil {
		return all // the demuxer has reported it
	}
	return append(all, formatWarnings(t, c.ChromaFormatIDC, c.BitDepth)...)
}

// playabilityOfAV1 returns the warnings about a track of AV1.
func playabilityOfAV1(t *media.Track) []Warning {
	all := []Warning{{WarnVideoCodec, fmt.Sprintf("the video is AV1 (%s): Chrome, Edge and Firefox play it, iPhones before the 15 Pro, Macs before the M3 and older televisions do not: set the encoder to H.264 to reach everybody", t.CodecString)}}
	c, err := av1.ParseAV1C(t.Config)
	if err != nil {
		return all
	}
	chroma := 1 // as in HEVC
	switch {
	case c.Monochrome:
		chroma = 0
	case c.Subsampling[0] == 0:
		chroma = 3
	case c.Subsampling[1] == 0:
		chroma = 2
	}
	return append(all, formatWarnings(t, chroma, c.BitDepth)...)
}

// formatWarnings returns the warnings about what even devices with a decoder of HEVC or AV1 may not
// play. Those play 10 bits a sample.
func formatWarnings(t *media.Track, chromaFormatIDC, bitDepth int) (all []Warning) {
	const commonBits = 10
	if name := chromaName(chromaFormatIDC); name != "" {
		all = append(all, Warning{WarnPixelFormat, fmt.Sprintf("the picture is %s, %s: browsers, phones and most televisions play only 4:2:0: set the encoder's pixel format to NV12 or P010", name, t.CodecString)})
	}
	if bitDepth > commonBits {
		all = append(all, Warning{WarnBitDepth, fmt.Sprintf("the picture has %d bits a sample, %s: players decode at most 10: set the encoder to NV12 or P010", bitDepth, t.CodecString)})
	}
	if mbs := (t.Width + 15) / 16 * ((t.Height + 15) / 16); mbs > commonPictureMB || t.Width > commonSide || t.Height > commonSide {
		all = append(all, Warning{WarnPictureSize, pictureSizeText(t.Width, t.Height)})
	}
	return all
}

func pictureSizeText(width, height int) string {
	return fmt.Sprintf("the picture is %d×%d pixels: phones, televisions and many graphics cards play up to 4096×2304: set a smaller output size", width, height)
}
