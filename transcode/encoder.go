package transcode

import (
	"fmt"
	"strconv"

	"golive/internal/setting"
)

// encoder is a video encoder of ffmpeg.
type encoder struct {
	name string // a value of Config.Encoder
	// codec is ffmpeg's name of it.
	codec string
	// global are options before the input, format is the filter before the encoder.
	global []string
	format string
	// tune returns the options that only this encoder has, for a rung of a frame rate and a number
	// of threads.
	tune func(r Rung, rate float64, threads int) []string
}

// options returns the options of an output.
//
// The rate control buffer is half a second of the bit rate, so that a segment of 2 s has at most
// 125 % of the bit rate.
func (e encoder) options(r Rung, rate float64, threads int) []string {
	o := []string{
		"-c:v", e.codec, "-profile:v", r.profile(), "-bf", "0",
		"-b:v", bits(r.VideoBitrate), "-maxrate", bits(r.VideoBitrate), "-bufsize", bits(r.VideoBitrate / 2),
	}
	return append(o, e.tune(r, rate, threads)...)
}

func bits(b setting.BitRate) string { return strconv.FormatInt(int64(b), 10) }

// longGOP is the number of pictures after which a hardware encoder makes a key picture by itself.
const longGOP = "6000"

// encoderList returns the encoders in the order in which auto tries them.
func encoderList() []encoder {
	return []encoder{
		{
			name: EncoderNVENC, codec: "h264_nvenc", format: "format=yuv420p",
			tune: func(Rung, float64, int) []string {
				return []string{
					"-preset", "p4", "-tune", "ull", "-rc", "cbr", "-forced-idr", "1", "-no-scenecut", "1",
					"-delay", "0", "-zerolatency", "1", "-g", longGOP,
				}
			},
		},
		{
			name: EncoderQSV, codec: "h264_qsv", format: "format=nv12",
			tune: func(Rung, float64, int) []string {
				return []string{"-preset", "veryfast", "-async_depth", "1", "-look_ahead", "0", "-forced_idr", "1", "-g", longGOP}
			},
		},
		{
			name: EncoderVAAPI, codec: "h264_vaapi", format: "format=nv12,hwupload",
			global: []string{"-init_hw_device", "vaapi=gpu", "-filter_hw_device", "gpu"},
			tune: func(Rung, float64, int) []string {
				return []string{"-async_depth", "1", "-rc_mode", "CBR", "-g", longGOP}
			},
		},
		x264(),
	}
}

// x264 returns the encoder that needs no hardware.
//
// Its parameters are those of tune=zerolatency, without slices. With force-cfr, its rate control
// assumes that all pictures have the same duration; otherwise it holds each one until the next.
// If pictures come less often than assumed, they get less than the bit rate.
func x264() encoder {
	return encoder{
		name: EncoderX264, codec: "libx264", format: "format=yuv420p",
		tune: func(r Rung, rate float64, threads int) []string {
			return []string{
				"-preset", r.preset(), "-forced-idr", "1",
				"-x264-params", fmt.Sprintf("rc-lookahead=0:sync-lookahead=0:mbtree=0:sliced-threads=0:threads=%d:"+
					"scenecut=0:keyint=infinite:force-cfr=1:fps=%.3f", threads, rate),
			}
		},
	}
}
