package h264

// The values of profile_idc (ISO 14496-10 annexes A, F and G).
const (
	ProfileCAVLC444      = 44
	ProfileBaseline      = 66
	ProfileMain          = 77
	ProfileScalable      = 83
	ProfileScalableHigh  = 86
	ProfileExtended      = 88
	ProfileHigh          = 100
	ProfileHigh10        = 110
	ProfileMultiviewHigh = 118
	ProfileHigh422       = 122
	ProfileStereoHigh    = 128
	ProfileHigh444       = 244
	profileHigh444Old    = 144
)

// ProfileName returns the name of a profile_idc, or "" if it has none.
func ProfileName(idc uint8) string {
	switch idc {
	case ProfileCAVLC444:
		return "CAVLC 4:4:4 Intra"
	case ProfileBaseline:
		return "Baseline"
	case ProfileMain:
		return "Main"
	case ProfileScalable:
		return "Scalable Baseline"
	case ProfileScalableHigh:
		return "Scalable High"
	case ProfileExtended:
		return "Extended"
	case ProfileHigh:
		return "High"
	case ProfileHigh10:
		return "High 10"
	case ProfileMultiviewHigh:
		return "Multiview High"
	case ProfileHigh422:
		return "High 4:2:2"
	case ProfileStereoHigh:
		return "Stereo High"
	case ProfileHigh444, profileHigh444Old:
		return "High 4:4:4"
	}
	return ""
}
