package api

import (
	"cmp"
	"time"

	"golive/ingest"
	"golive/transcode"
)

// RecommendedSettings are settings for the encoder that suit the server.
type RecommendedSettings struct {
	Video RecommendedVideo `json:"video" doc:"The settings of the video encoder."`
	Audio RecommendedAudio `json:"audio" doc:"The settings of the audio encoder."`
}

// RecommendedVideo are the settings of the video encoder.
type RecommendedVideo struct {
	Codec            string  `json:"codec" example:"h264" doc:"The codec that all players decode."`
	Profile          string  `json:"profile" example:"high"`
	Width            int     `json:"width" doc:"Pixels, of a picture in landscape."`
	Height           int     `json:"height" doc:"Pixels, of a picture in landscape."`
	FrameRate        float64 `json:"frame_rate" doc:"Pictures per second."`
	Bitrate          int64   `json:"bitrate" doc:"Bits per second, constant."`
	MaxBitrate       int64   `json:"max_bitrate" doc:"Bits per second of audio and video together, above which the publisher is disconnected; 0 is no limit."`
	KeyFrameInterval float64 `json:"key_frame_interval" doc:"Seconds between key frames."`
	BFrames          int     `json:"b_frames" doc:"At most so many consecutive pictures of type B."`
}

// RecommendedAudio are the settings of the audio encoder.
type RecommendedAudio struct {
	Codec      string `json:"codec" example:"aac"`
	Profile    string `json:"profile" example:"lc"`
	Bitrate    int64  `json:"bitrate" doc:"Bits per second."`
	SampleRate int    `json:"sample_rate" doc:"Samples per second."`
	Channels   int    `json:"channels"`
}

// Recommend returns the settings for a server with this ladder and these limits, whose segments
// last for segment: the picture of the highest rung, or 1080p without a ladder, within the limits.
func Recommend(ladder transcode.Ladder, limits ingest.LimitsConfig, segment time.Duration) RecommendedSettings {
	height, frameRate, top := 1080, 30.0, transcode.Rung{}
	for _, r := range ladder {
		if r.Height > top.Height {
			top = r
		}
	}
	if top.Height > 0 {
		height = top.Height
	}
	if top.FrameRate > 0 {
		frameRate = top.FrameRate
	}
	for _, h := range []int{2160, 1440, 1080, 720, 540, 480, 360, 240} {
		if fits(height, limits) {
			break
		}
		height = min(height, h)
	}
	if most := float64(limits.FrameRate); most > 0 {
		frameRate = min(frameRate, most)
	}
	audio := cmp.Or(int64(top.AudioBitrate), 128_000)
	// About a tenth of a bit for each sample, as in Apple's authoring specification, and no less than
	// the rung that is made of it.
	video := int64(float64(height*widthOf(height)) * frameRate * 0.1 / 100_000)
	video = max(video*100_000, int64(top.VideoBitrate), 500_000)
	if most := int64(limits.Bitrate); most > 0 {
		video = min(video, most*9/10-audio)
	}
	interval := min(2*time.Second, max(segment, time.Second))
	return RecommendedSettings{
		Video: RecommendedVideo{
			Codec: "h264", Profile: cmp.Or(top.Profile, "high"), Width: widthOf(height), Height: height, FrameRate: frameRate,
			Bitrate: max(video, 100_000), MaxBitrate: int64(limits.Bitrate), KeyFrameInterval: interval.Seconds(), BFrames: 2,
		},
		Audio: RecommendedAudio{Codec: "aac", Profile: "lc", Bitrate: audio, SampleRate: 48_000, Channels: 2},
	}
}

// widthOf returns the even width of a picture of 16:9.
func widthOf(height int) int { return (height*16/9 + 1) / 2 * 2 }

func fits(height int, limits ingest.LimitsConfig) bool {
	return (limits.Height == 0 || height <= limits.Height) && (limits.Width == 0 || widthOf(height) <= limits.Width)
}
