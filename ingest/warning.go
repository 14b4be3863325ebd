package ingest

// WarningCode names a kind of condition that the broadcaster should know of. Codes are
// part of the API: they do not change.
type WarningCode string

// The codes.
const (
	WarnAudioSilent        WarningCode = "audio_silent"
	WarnAudioUnsupported   WarningCode = "audio_codec_unsupported"
	WarnAudioConfigMissing WarningCode = "audio_config_missing"
	WarnAudioLayout        WarningCode = "audio_layout"
	WarnBitrateHigh        WarningCode = "bitrate_high"
	WarnExtraTracks        WarningCode = "extra_tracks"
	WarnFrameRateHigh      WarningCode = "frame_rate_high"
	WarnKeyFramesFarApart  WarningCode = "key_frames_far_apart"
	WarnHEAACv2            WarningCode = "he_aac_v2"
	WarnFasterThanRealTime WarningCode = "faster_than_real_time"
	WarnTimestampsRepaired WarningCode = "timestamps_repaired"
	WarnVideoSilent        WarningCode = "video_silent"

	// How pictures can be joined.
	WarnOpenGOP      WarningCode = "open_gop"
	WarnIntraRefresh WarningCode = "intra_refresh"
	WarnNoKeyFrames  WarningCode = "no_key_frames"

	// What not every device plays.
	WarnPixelFormat WarningCode = "pixel_format"
	WarnBitDepth    WarningCode = "bit_depth"
	WarnInterlaced  WarningCode = "interlaced"
	WarnLevel       WarningCode = "level"
	WarnPictureSize WarningCode = "picture_size"
	WarnProfile     WarningCode = "profile"
)

// Warning tells the broadcaster what to change in the encoder.
type Warning struct {
	Code WarningCode
	// Text names what was measured and what to set.
	Text string
}

// Warner is a Sink that shows warnings to the broadcaster. A protocol asks each
// Sink whether it is one. Both methods are called on the goroutine that uses the
// Sink.
type Warner interface {
	// Warn shows w. A later warning of the same code replaces the text and keeps the
	// time at which the condition began.
	Warn(w Warning)
	// ClearWarning removes the warning of that code: the condition is over.
	ClearWarning(code WarningCode)
}

// warningOf returns the code of the warning for a limit that is nearly reached.
func warningOf(l Limit) WarningCode {
	switch l {
	case LimitBitrate:
		return WarnBitrateHigh
	case LimitFrameRate:
		return WarnFrameRateHigh
	case LimitGOPWarn, LimitGOPMax:
		return WarnKeyFramesFarApart
	default:
		return WarningCode(l)
	}
}
