package hlscheck

import (
	"bytes"
	"fmt"
	"math/bits"
	"strings"

	"github.com/Eyevinn/mp4ff/aac"
	"github.com/Eyevinn/mp4ff/hevc"
	"github.com/Eyevinn/mp4ff/mp4"
)

// describe reads a sample entry (ISO 14496-12 section 8.5.2) for a handler type.
func (t *track) describe(entry box, handler string, found *structureFaults) error {
	s := &t.stream
	s.parameters = fmt.Sprintf("%s with MD5 %s", entry.kind, MD5(entry.raw))
	switch handler {
	case "vide":
		s.Codec = OtherVideo
	case "soun":
		s.Codec = OtherAudio
	default:
		s.CodecString = entry.kind
		return nil
	}
	if strings.HasPrefix(entry.kind, "enc") {
		return nil // encrypted: neither NAL units nor the codec are to be seen
	}
	s.CodecString = entry.kind
	if s.Codec == OtherAudio {
		return t.describeAudio(entry)
	}
	return t.describeVideo(entry, found)
}

func (t *track) describeVideo(entry box, found *structureFaults) error {
	s := &t.stream
	e, err := decodeBox[*mp4.VisualSampleEntryBox](entry)
	if err != nil {
		return err
	}
	const lengthSize = 4 // mp4ff refuses others
	switch {
	case e.AvcC != nil:
		s.Codec, t.lengthSize = H264, lengthSize
		c := &e.AvcC.DecConfRec
		s.CodecString = fmt.Sprintf("%s.%02X%02X%02X", entry.kind, c.AVCProfileIndication, c.ProfileCompatibility, c.AVCLevelIndication)
		s.configured = len(c.SPSnalus) > 0 && len(c.PPSnalus) > 0
		for _, sps := range c.SPSnalus {
			if len(sps) > 3 && !bytes.Equal(sps[1:4], []byte{c.AVCProfileIndication, c.ProfileCompatibility, c.AVCLevelIndication}) {
				found.add(54, "avcC says %s, and its SPS has profile and level %02X%02X%02X", s.CodecString, sps[1], sps[2], sps[3])
			}
		}
	case e.HvcC != nil:
		s.Codec, t.lengthSize = HEVC, lengthSize
		c := &e.HvcC.DecConfRec
		s.CodecString = hevcCodec(entry.kind, c)
		s.configured = len(c.GetNalusForType(hevc.NALU_VPS)) > 0 && len(c.GetNalusForType(hevc.NALU_SPS)) > 0 && len(c.GetNalusForType(hevc.NALU_PPS)) > 0
	case e.Av1C != nil:
		s.Codec = AV1
		s.CodecString = e.Av1C.CodecString(entry.kind)
		s.configured = len(e.Av1C.ConfigOBUs) > 0
	case entry.kind == "avc1" || entry.kind == "avc3" || entry.kind == "hvc1" || entry.kind == "hev1" || entry.kind == "av01":
		return fmt.Errorf("sample entry %s has no decoder configuration", entry.kind)
	}
	return nil
}

// hevcCodec returns the codec string of HEVC (ISO 14496-15 annex E.3) by hvcC.
func hevcCodec(entry string, c *hevc.DecConfRec) string {
	space := ""
	if c.GeneralProfileSpace > 0 {
		space = string(rune('A' + c.GeneralProfileSpace - 1))
	}
	tier := "L"
	if c.GeneralTierFlag {
		tier = "H"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "%s.%s%d.%X.%s%d", entry, space, c.GeneralProfileIDC,
		bits.Reverse32(c.GeneralProfileCompatibilityFlags), tier, c.GeneralLevelIDC)
	for at := 40; at >= 0; at -= 8 { // trailing zero bytes are left out
		rest := c.GeneralConstraintIndicatorFlags & (1<<(at+8) - 1)
		if rest == 0 {
			break
		}
		fmt.Fprintf(&text, ".%X", rest>>at)
	}
	return text.String()
}

func (t *track) describeAudio(entry box) error {
	s := &t.stream
	e, err := decodeBox[*mp4.AudioSampleEntryBox](entry)
	if err != nil {
		return err
	}
	switch entry.kind {
	case "Opus":
		s.Codec = Opus
		if e.Dops == nil {
			return fmt.Errorf("sample entry Opus has no dOps")
		}
	case "mp4a":
		if e.Esds == nil || e.Esds.DecConfigDescriptor == nil {
			return fmt.Errorf("sample entry mp4a has no esds with a decoder configuration")
		}
		c := e.Esds.DecConfigDescriptor
		s.CodecString = fmt.Sprintf("mp4a.%02X", c.ObjectType)
		if c.ObjectType != mp4.ObjectTypeAAC {
			return nil
		}
		s.Codec = AAC
		if c.DecSpecificInfo == nil {
			return fmt.Errorf("esds has no AudioSpecificConfig")
		}
		config, err := aac.DecodeAudioSpecificConfigHeader(bytes.NewReader(c.DecSpecificInfo.DecConfig))
		if err != nil {
			return fmt.Errorf("AudioSpecificConfig: %w", err)
		}
		s.CodecString = fmt.Sprintf("mp4a.40.%d", config.ObjectType)
	}
	return nil
}
