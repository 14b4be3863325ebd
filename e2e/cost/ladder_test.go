//go:build e2e && linux

package cost

import (
	"flag"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
)

var ladderTime = flag.Duration("ladder-time", 40*time.Second, "how much media BenchmarkLadder transcodes")

// rung is one rung of the compared ladders.
type rung struct {
	height       int
	video, audio string
}

var rungs = []rung{{720, "2500k", "128k"}, {540, "1500k", "128k"}, {360, "800k", "128k"}}

// BenchmarkLadder reports the CPU-seconds of golive with its ffmpeg for a minute of one stream with
// three rungs, and in relation to one ffmpeg that writes the same rungs as HLS itself: as operators
// do without a media server. Both run twice, in turn.
func BenchmarkLadder(b *testing.B) {
	dir := b.TempDir()
	tool := filepath.Join(dir, "golive")
	harness.Run(b, "go", "build", "-o", tool, "golive/cmd/golive")
	clip := harness.BusyClip(b, dir)
	for range b.N {
		var ours, bare float64
		for range 2 {
			ours += ladderOfGolive(b, tool, clip)
			bare += ladderOfFFmpeg(b, clip)
		}
		minutes := 2 * ladderTime.Minutes()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(ours/minutes, "cpu-s/stream-min")
		b.ReportMetric(bare/minutes, "bare-ffmpeg-cpu-s/stream-min")
		b.ReportMetric(ours/bare, "of-bare-ffmpeg")
	}
}

// ladderOfGolive returns the CPU time of golive and its children for one broadcast.
func ladderOfGolive(b *testing.B, tool, clip string) float64 {
	var ladder strings.Builder
	for _, r := range rungs {
		fmt.Fprintf(&ladder, "    - { name: %dp, height: %d, video_bitrate: %s, audio_bitrate: %s, preset: veryfast }\n", r.height, r.height, r.video, r.audio)
	}
	golive := harness.Start(b, harness.Options{Program: tool, Config: "transcode:\n  max_cpu: 1\n  ladder:\n" + ladder.String()})
	harness.Pause(b.Context(), 5*time.Second) // golive tests its ffmpeg
	before := harness.CPUSecondsWithChildren(b, golive.PID())
	publisher := harness.Launch(b, nil, tool, "publish", "--duration", ladderTime.String(), "--file", clip, golive.PublishURL("load"))
	harness.Pause(b.Context(), *ladderTime/2)
	if n := harness.Scrape(b, golive).Sum("golive_transcode_rungs"); int(n) != len(rungs) {
		b.Errorf("%g rungs are made", n)
	}
	publisher.Wait(*ladderTime)
	golive.WaitForState("load", "ended", time.Minute)
	harness.Pause(b.Context(), 2*time.Second) // the child is waited for
	used := harness.CPUSecondsWithChildren(b, golive.PID()) - before
	golive.Stop()
	return used
}

// ladderOfFFmpeg returns the CPU time of one ffmpeg that reads the clip in real time.
func ladderOfFFmpeg(b *testing.B, clip string) float64 {
	dir := b.TempDir()
	args := []string{
		"ffmpeg", "-v", "error", "-nostdin", "-re", "-stream_loop", "-1", "-i", clip,
		"-filter_complex", "split=3[a][b][c];[a]scale=-2:720[v0];[b]scale=-2:540[v1];[c]scale=-2:360[v2]",
	}
	for i, r := range rungs {
		args = append(args, "-map", fmt.Sprintf("[v%d]", i), "-map", "0:a", "-c:v", "libx264", "-preset", "veryfast", "-force_key_frames", "source",
			"-t", strconv.FormatFloat(ladderTime.Seconds(), 'f', 3, 64), "-sc_threshold", "0", "-b:v", r.video, "-maxrate", r.video, "-bufsize", r.video, "-c:a", "copy", "-f", "hls", "-hls_time", "2",
			"-hls_flags", "delete_segments", filepath.Join(dir, fmt.Sprintf("%d.m3u8", r.height)))
	}
	// -t is an option of each output. The shell reports the time of its child.
	out := harness.Run(b, append([]string{"bash", "-c", `TIMEFORMAT='%U %S'; { time "$0" "$@"; } 2>&1 | tail -1`}, args...)...)
	var user, system float64
	if _, err := fmt.Sscan(string(out), &user, &system); err != nil {
		b.Fatalf("%v: %q", err, out)
	}
	return user + system
}
