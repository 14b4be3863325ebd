package hevc

import (
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h264"
	"github.com/bluenviron/mediacommon/v2/pkg/codecs/h265"
)

// The largest picture of level 6.2, and the longest side it allows, the square root of 8
// times that (ISO 23008-2 table A.8).
const (
	maxSamples = 35_651_584
	maxSide    = 16_888
)

// maxFrameRate is far above level 6.2's 300; what is beyond is a wrong timing.
const maxFrameRate = 1000

// readSPS fills in what the first SPS says; without one it does nothing.
func (c *Config) readSPS() error {
	if len(c.SPS) == 0 {
		return nil
	}
	nal := c.SPS[0]
	// sps_video_parameter_set_id, sps_max_sub_layers_minus1 and
	// sps_temporal_id_nesting_flag are the byte before the profile.
	const profileAt = headerSize + 1
	plain := h264.EmulationPreventionRemove(nal)
	if len(plain) < profileAt+profileSize {
		return spsError("need 15 bytes", nil)
	}
	var sps h265.SPS
	// A VUI that can't be read is no reason to refuse the stream: the picture's size
	// stands before it, and VUI is nil when the trouble is not in it.
	if err := sps.Unmarshal(nal); err != nil && sps.VUI == nil {
		return spsError("unreadable", err)
	} else if err != nil {
		sps.VUI = nil
	}
	if sps.ChromaFormatIdc > 3 || max(sps.BitDepthLumaMinus8, sps.BitDepthChromaMinus8) > 8 {
		return spsError("chroma format or bit depth out of range", nil)
	}
	width, height, ok := pictureSize(&sps)
	if !ok {
		return spsError("picture size out of range", nil)
	}
	c.Profile = parseProfile(plain[profileAt:])
	c.Width, c.Height = width, height
	c.ChromaFormatIDC = int(sps.ChromaFormatIdc)
	c.BitDepth = int(max(sps.BitDepthLumaMinus8, sps.BitDepthChromaMinus8)) + 8
	c.FrameRate = frameRate(&sps)
	return nil
}

// pictureSize is the cropped size in pixels (section 7.4.3.2.1). The library's own
// wraps around when an SPS lies.
func pictureSize(s *h265.SPS) (width, height int, ok bool) {
	w, h := uint64(s.PicWidthInLumaSamples), uint64(s.PicHeightInLumaSamples)
	if w == 0 || h == 0 || w > maxSide || h > maxSide || w*h > maxSamples {
		return 0, 0, false
	}
	cropX, cropY := uint64(1), uint64(1) // SubWidthC and SubHeightC (table 6-1)
	if !s.SeparateColourPlaneFlag {
		switch s.ChromaFormatIdc {
		case 1: // 4:2:0
			cropX, cropY = 2, 2
		case 2: // 4:2:2
			cropX = 2
		default:
		}
	}
	var x, y uint64
	if c := s.ConformanceWindow; c != nil {
		x = (uint64(c.LeftOffset) + uint64(c.RightOffset)) * cropX
		y = (uint64(c.TopOffset) + uint64(c.BottomOffset)) * cropY
	}
	if x >= w || y >= h {
		return 0, 0, false
	}
	return int(w - x), int(h - y), true
}

// frameRate is 0 when the VUI does not say, or says nonsense.
func frameRate(s *h265.SPS) float64 {
	if s.VUI == nil || s.VUI.TimingInfo == nil || s.VUI.TimingInfo.NumUnitsInTick == 0 {
		return 0
	}
	t := s.VUI.TimingInfo
	if fps := float64(t.TimeScale) / float64(t.NumUnitsInTick); fps <= maxFrameRate {
		return fps
	}
	return 0
}

func spsError(problem string, err error) error {
	return &SyntaxError{In: "SPS", Problem: problem, Err: err}
}
