//go:build interop

package interop

import (
	"strconv"
	"strings"
	"testing"

	"golive/e2e/harness"
)

func TestGStreamer_IsCarriedWhole(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	b := harness.OpenBrowser(t)
	// A slow machine encodes the pictures of live sources so late that flvmux moves them to the
	// time of the audio. Otherwise the sink sets the pace.
	live := strconv.FormatBool(harness.Strict())
	paced := strconv.FormatBool(!harness.Strict())
	for _, sink := range []string{"rtmp2sink", "rtmpsink"} {
		t.Run(sink, func(t *testing.T) {
			// Without I420 x264enc produces High 4:4:4, which no browser plays.
			pipeline := "videotestsrc is-live=" + live + " ! video/x-raw,format=I420,width=640,height=360,framerate=30/1" +
				" ! x264enc bitrate=700 key-int-max=60 bframes=2 speed-preset=veryfast ! queue ! mux." +
				" audiotestsrc is-live=" + live + " samplesperbuffer=1024 ! audio/x-raw,rate=48000,channels=2 ! avenc_aac ! queue ! mux." +
				" flvmux name=mux streamable=true latency=1000000000 ! " + sink + " sync=" + paced + " location=" + s.PublishURL(sink)
			publish := func() *harness.Process {
				return harness.Launch(t, nil, append([]string{"gst-launch-1.0", "-q", "-e"}, strings.Fields(pipeline)...)...)
			}
			// Its first pictures all have decoding time 0: the first segment's length
			// in decoding time (EXTINF) is not that of its presentation times (rule 22).
			mustCarry(t, s, b, sink, publish, (*harness.Process).Quit, wanted{received: true, width: 640, height: 360, excused: []int{22}})
		})
	}
}
