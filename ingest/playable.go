package ingest

import (
	"fmt"

	"golive/codec/h264"
	"golive/media"
)

// Limits of nearly every device: H.264 level 5.2 with its largest picture (ISO 14496-10
// table A-1), and no side longer than that of 4K cinema.
const (
	commonLevel     = 52
	commonSide      = 4096
	commonPictureMB = 36864
)

// playability returns the warnings about a video track that not every device plays.
func playability(t *media.Track) []Warning {
	switch t.Codec {
	case media.HEVC:
		return playabilityOfHEVC(t)
	case media.AV1:
		return playabilityOfAV1(t)
	default:
		return playabilityOfH264(t)
	}
}

func playabilityOfH264(t *media.Track) []Warning {
	c, err := h264.FromParameterSets(t.SPS, t.PPS)
	if err != nil {
		return nil // the demuxer has reported it
	}
	var all []Warning
	warn := func(code WarningCode, format string, args ...any) {
		all = append(all, Warning{Code: code, Text: fmt.Sprintf(format, args...)})
	}
	profile := fmt.Sprintf("%s (%s)", h264.ProfileName(c.ProfileIDC), c.CodecString)
	if name := chromaName(c.ChromaFormatIDC); name != "" {
		warn(WarnPixelFormat, "the picture is %s, profile %s: browsers, phones and most televisions play only 4:2:0: set the encoder's pixel format to NV12 or yuv420p", name, profile)
	}
	if c.BitDepth > 8 {
		warn(WarnBitDepth, "the picture has %d bits a sample, profile %s: browsers, phones and most televisions play only 8: set the encoder to 8 bits (NV12 or yuv420p) and the profile High", c.BitDepth, profile)
	}
	if len(all) == 0 && !isCommonProfile(c.ProfileIDC) {
		warn(WarnProfile, "the profile is %s: phones, televisions and some browsers do not play it: set the encoder's profile to High or Main", profile)
	}
	if c.Interlaced {
		warn(WarnInterlaced, "the picture is coded as interlaced: browsers show combing, and some phones do not play it: set the encoder to progressive, or deinterlace the source")
	}
	if c.LevelIDC > commonLevel {
		warn(WarnLevel, "the level is %d.%d: phones, televisions and many graphics cards play up to 5.2: set the encoder's level to 5.2 or lower, or leave it to the encoder", c.LevelIDC/10, c.LevelIDC%10)
	}
	if mbs := (c.Width + 15) / 16 * ((c.Height + 15) / 16); mbs > commonPictureMB || c.Width > commonSide || c.Height > commonSide {
		all = append(all, Warning{WarnPictureSize, pictureSizeText(c.Width, c.Height)})
	}
	return all
}

// chromaName returns the name of a chroma format; "" for 4:2:0.
func chromaName(chromaFormatIDC int) string {
	switch chromaFormatIDC {
	case 0:
		return "monochrome (4:0:0)"
	case 2:
		return "4:2:2"
	case 3:
		return "4:4:4"
	}
	return ""
}

func isCommonProfile(profileIDC uint8) bool {
	switch profileIDC {
	case h264.ProfileBaseline, h264.ProfileMain, h264.ProfileHigh:
		return true
	}
	return false
}
