package h264

import (
	"bytes"

	mch264 "github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
)

// The largest picture of level 6.2 has 139264 macroblocks, and no side is longer than the
// square root of 8 times that (ISO 14496-10 table A-1 and A.3.1).
const (
	maxSideMBs  = 1055
	maxFrameMBs = 139264
)

// maxFrameRate is far above level 6.2's 300; a higher rate is an error in the timing.
const maxFrameRate = 1000

// readSPS sets the fields that derive from the first SPS, if there is one.
func (c *Config) readSPS() error {
	if len(c.SPS) == 0 {
		return nil
	}
	nal := c.SPS[0]
	readable := nal
	if len(nal) > 1 && nal[1] == profileHigh444Old {
		// It was removed from the standard and the library does not support it, but it has
		// the syntax of its successor.
		readable = bytes.Clone(nal)
		readable[1] = ProfileHigh444
	}
	var sps mch264.SPS
	// A VUI that cannot be parsed is no reason to refuse the stream: the picture size
	// precedes it. VUI is nil if another part is wrong.
	if err := sps.Unmarshal(readable); err != nil && sps.VUI == nil {
		return &SyntaxError{In: "SPS", Offset: 0, Problem: "unreadable", Err: err}
	} else if err != nil {
		sps.VUI = nil
	}
	if sps.ChromaFormatIdc > 3 || max(sps.BitDepthLumaMinus8, sps.BitDepthChromaMinus8) > 6 {
		return &SyntaxError{In: "SPS", Offset: 4, Problem: "chroma format or bit depth out of range"}
	}
	width, height, ok := pictureSize(&sps)
	if !ok {
		return &SyntaxError{In: "SPS", Offset: 4, Problem: "picture size out of range"}
	}
	c.setProfile(nal[1:4])
	c.Width, c.Height = width, height
	c.FrameRate = frameRate(&sps)
	c.ChromaFormatIDC = int(sps.ChromaFormatIdc)
	c.BitDepth = int(max(sps.BitDepthLumaMinus8, sps.BitDepthChromaMinus8)) + 8
	c.Interlaced = !sps.FrameMbsOnlyFlag
	return nil
}

// pictureSize returns the cropped size in pixels (ISO 14496-10 section 7.4.2.1.1,
// equations 7-19 to 7-22). The library's Width and Height overflow for an
// invalid SPS, and do not crop the width of monochrome pictures.
func pictureSize(s *mch264.SPS) (width, height int, ok bool) {
	if s.PicWidthInMbsMinus1 >= maxSideMBs || s.PicHeightInMapUnitsMinus1 >= maxSideMBs {
		return 0, 0, false
	}
	fields := 2 // a map unit is two macroblocks high when pictures may be fields
	if s.FrameMbsOnlyFlag {
		fields = 1
	}
	mbsWide := int(s.PicWidthInMbsMinus1) + 1
	mbsHigh := (int(s.PicHeightInMapUnitsMinus1) + 1) * fields
	if mbsHigh > maxSideMBs || mbsWide*mbsHigh > maxFrameMBs {
		return 0, 0, false
	}
	cropX, cropY := 1, fields
	if !s.SeparateColourPlaneFlag {
		switch s.ChromaFormatIdc {
		case 1: // 4:2:0
			cropX, cropY = 2, 2*fields
		case 2: // 4:2:2
			cropX = 2
		default:
		}
	}
	var right, bottom uint64
	if c := s.FrameCropping; c != nil {
		right = (uint64(c.LeftOffset) + uint64(c.RightOffset)) * uint64(cropX)
		bottom = (uint64(c.TopOffset) + uint64(c.BottomOffset)) * uint64(cropY)
	}
	if right >= uint64(mbsWide*16) || bottom >= uint64(mbsHigh*16) {
		return 0, 0, false
	}
	return mbsWide*16 - int(right), mbsHigh*16 - int(bottom), true
}

// frameRate returns the frame rate of the VUI in frames per second, or 0 if it has none
// or an impossible one: encoders leave a tick of 0 or a time scale of 2^32-1.
func frameRate(s *mch264.SPS) float64 {
	if s.VUI == nil || s.VUI.TimingInfo == nil || s.VUI.TimingInfo.NumUnitsInTick == 0 {
		return 0
	}
	if fps := s.FPS(); fps <= maxFrameRate {
		return fps
	}
	return 0
}
