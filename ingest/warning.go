package ingest

// WarningCode identifies a condition that the broadcaster should know of. Codes are part of
// the API: they do not change.
type WarningCode string

// The codes.
const (
	WarnAudioConversion    WarningCode = "audio_conversion"
	WarnAudioSilent        WarningCode = "audio_silent"
	WarnAudioUnsupported   WarningCode = "audio_codec_unsupported"
	WarnAudioConfigMissing WarningCode = "audio_config_missing"
	WarnAudioLayout        WarningCode = "audio_layout"
	WarnAudioMuted         WarningCode = "audio_muted"
	WarnBitrateHigh        WarningCode = "bitrate_high"
	WarnBitrateUnstable    WarningCode = "bitrate_unstable"
	WarnExtraTracks        WarningCode = "extra_tracks"
	WarnFrameRateHigh      WarningCode = "frame_rate_high"
	WarnFrameRateOdd       WarningCode = "frame_rate_odd"
	WarnFrameRateUnsteady  WarningCode = "frame_rate_unsteady"
	WarnKeysNotAligned     WarningCode = "key_frames_not_aligned"
	WarnKeyFramesFarApart  WarningCode = "key_frames_far_apart"
	WarnHEAACv2            WarningCode = "he_aac_v2"
	WarnFasterThanRealTime WarningCode = "faster_than_real_time"
	WarnSlowUpload         WarningCode = "slow_upload"
	WarnTimestampsRepaired WarningCode = "timestamps_repaired"
	WarnVideoSilent        WarningCode = "video_silent"

	// About access points.
	WarnOpenGOP      WarningCode = "open_gop"
	WarnIntraRefresh WarningCode = "intra_refresh"
	WarnNoKeyFrames  WarningCode = "no_key_frames"

	// About formats that not every device plays.
	WarnPixelFormat WarningCode = "pixel_format"
	WarnBitDepth    WarningCode = "bit_depth"
	WarnInterlaced  WarningCode = "interlaced"
	WarnLevel       WarningCode = "level"
	WarnPictureSize WarningCode = "picture_size"
	WarnProfile     WarningCode = "profile"
	WarnVideoCodec  WarningCode = "video_codec"
	WarnAudioCodec  WarningCode = "audio_codec"
	WarnNotInMPEGTS WarningCode = "not_in_mpeg_ts"
)

// Warning tells the broadcaster what to change in the encoder.
type Warning struct {
	Code WarningCode
	// Text describes the problem and the setting to change.
	Text string
}

// Warner is implemented by a Sink that shows warnings to the broadcaster. Both methods are
// called on the goroutine that uses the Sink.
type Warner interface {
	// Warn shows w. A later warning with the same code replaces the text and keeps the time
	// at which the condition began.
	Warn(w Warning)
	// ClearWarning removes the warning with that code: the condition is over.
	ClearWarning(code WarningCode)
}

// warningOf returns the warning code for a limit.
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
