//go:build e2e && field

package e2e

import (
	"path/filepath"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// FFmpeg 8 publishes by WHIP with its own ICE, DTLS and RTP.
func TestFieldWHIP_FFmpegIsInSyncAndInStereo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "flashes.mkv")
	harness.Run(t, "ffmpeg", "-v", "error",
		"-f", "lavfi", "-i", "color=c=black:s=640x360:r=30,drawbox=color=white:t=fill:enable='lt(mod(t,1),0.15)'",
		"-f", "lavfi", "-i", "aevalsrc='0.5*sin(2*PI*1000*t)*lt(mod(t,1),0.15)|0':s=48000",
		"-t", "15", "-c:v", "libx264", "-profile:v", "baseline", "-preset", "ultrafast", "-tune", "zerolatency", "-g", "60", "-bf", "0",
		"-c:a", "libopus", "-b:a", "128k", file)
	s := harness.Start(t, harness.Options{Config: "ingest: { whip: { listen: \"127.0.0.1:0\" } }\n"})
	viewer := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{})
	harness.Launch(t, nil, "node", "encoders/whip.mjs", file, "http://"+s.HTTP+"/v1/whip", "show")
	s.WaitForState("show", "ended", 40*time.Second)
	checkFlashes(t, viewer, 2, 20)
	viewer.Check()
}
