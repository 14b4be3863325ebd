//go:build e2e && field

package ladder

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

// FFmpeg 8 sends several tracks as OBS does: track 0 as plain packets, the others in multitrack
// packets of one track.
func TestMultitrack_FFmpeg8Publishes(t *testing.T) {
	file := filepath.Join(t.TempDir(), "tracks.mkv")
	harness.Run(t, append(append([]string{
		"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000", "-t", "16",
		"-filter_complex", "[0:v]split=2[a][b];[b]scale=320:180[c]", "-map", "[a]", "-map", "[c]", "-map", "1:a", "-c:a", "aac", "-c:v",
	}, strings.Fields(harness.H264)...), file)...)

	s := harness.Start(t, harness.Options{})
	sender := harness.Launch(t, nil, "node", "../encoders/publish.mjs", file, s.PublishURL("show"))
	s.WaitForState("show", "live", 15*time.Second)
	s.Check("show", 10*time.Second)
	if b, err := s.Broadcast(t.Context(), "show"); err != nil || len(b.Warnings) > 0 {
		t.Errorf("%v, warnings %v", err, b.Warnings)
	}
	sender.Wait(30 * time.Second)
	s.Stop()
	if s.Logs.Count("additional video track began", "track=1", "width=320", "height=180") != 1 {
		t.Error("track 1 did not begin")
	}
	if s.Logs.Count("session ended", "video_units=960", "repairs=0", "skipped=0") != 1 {
		t.Error("not all pictures of both tracks were received as they were sent")
	}
}
