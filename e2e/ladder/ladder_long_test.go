//go:build e2e && field

package ladder

import (
	"flag"
	"testing"
	"time"

	"golive/e2e/harness"
)

var ladderWatch = flag.Duration("ladder", 0, "how long TestLadder_RungsOfUsualSources follows each source; 0 means 30 s, in a strict run 5 minutes")

// largeLadder has rungs that a machine of two cores encodes from 720p with the default preset.
const largeLadder = `transcode:
  max_cpu: 1
  max_lag: 1m
  niceness: 0
  ladder:
    - { name: 480p, height: 480, video_bitrate: 1000k, audio_bitrate: 128k }
    - { name: 240p, height: 240, video_bitrate: 400k, audio_bitrate: 64k }
    - { name: audio, audio_only: true, audio_bitrate: 64k }
`

// The rungs of the sources that most encoders send play like their source over a long time. For 1080p
// it is the small ladder, because decoding is most of the work.
func TestLadder_RungsOfUsualSources(t *testing.T) {
	watched := *ladderWatch
	if watched == 0 {
		watched = 30 * time.Second
		if harness.Strict() {
			watched = 5 * time.Minute
		}
	}
	for _, c := range []struct {
		name, ladder, size, bitrate, reordered string
	}{
		{"720p30", largeLadder, "1280x720", "1500k", "0"},
		{"720p30 with B-frames", largeLadder, "1280x720", "1500k", "2"},
		{"1080p30", smallLadder, "1920x1080", "2500k", "0"},
		{"1080p30 with B-frames", smallLadder, "1920x1080", "2500k", "2"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := harness.Start(t, harness.Options{Config: c.ladder})
			file := beeping(t, "-vf", "scale="+c.size+":flags=bicubic", "-b:v", c.bitrate, "-bf", c.reordered)
			harness.PublishLooped(t, file, s.PublishURL("show"))
			checkLadder(t, s, watched, int64(watched/(4*time.Second)))
		})
	}
}
