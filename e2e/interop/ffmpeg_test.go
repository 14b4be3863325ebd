//go:build e2e

package interop

import (
	"testing"

	"golive/e2e/harness"
)

func TestFFmpeg_EveryKindOfStreamIsCarriedWhole(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	b := harness.OpenBrowser(t)
	plain := sources.FLV(t, "-bf", "2", "-t", "16")
	small := sources.FLV(t, "-bf", "2", "-t", "16", "-s", "480x270")
	slots := make(chan struct{}, 3) // more would not decode in real time on two cores
	for _, c := range []struct {
		name, file string
		output     []string // options of the publishing ffmpeg
		want       wanted
	}{
		{name: "bframes", file: plain},
		{name: "zerolatency", file: sources.FLV(t, "-t", "16", "-tune", "zerolatency", "-threads", "2")}, // several slices a frame
		// 4 h 43 min: every timestamp is an extended one.
		{name: "ts-offset-17000", file: plain, output: []string{"-output_ts_offset", "17000"}},
		// 0xFFFFFF ms is passed in the fifth second.
		{name: "ts-offset-16772", file: plain, output: []string{"-output_ts_offset", "16772"}},
		{name: "audio-only", file: sources.FLV(t, "-t", "16", "-vn")},
		{name: "video-only", file: sources.FLV(t, "-t", "16", "-an")},
		{name: "resolution-change", file: joined(t, "joined", plain, small, 6), want: wanted{discontinuities: 1, width: 480, height: 270}},
		{name: "late-audio", file: lateAudio(t, "late", sources.Plain(t), 4, 14), want: wanted{discontinuities: 1, rebuilt: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			slots <- struct{}{}
			defer func() { <-slots }()
			want := c.want
			want.video, want.audio = units(t, c.file)
			if want.rebuilt {
				want.audio = -1 // in the output from the next key frame on
			}
			if want.width == 0 && want.video > 0 {
				want.width, want.height = 640, 360
			}
			publish := func() *harness.Process {
				args := append([]string{"ffmpeg", "-v", "warning", "-nostdin", "-re", "-i", c.file, "-c", "copy"}, c.output...)
				return harness.Launch(t, nil, append(args, "-f", "flv", s.PublishURL(c.name))...)
			}
			mustCarry(t, s, b, c.name, publish, nil, want)
		})
	}
}
