//go:build e2e

package store

import (
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/storage/s3/s3test"
)

// page is a player without any part of golive.
const page = `<!doctype html><title>bucket</title><video muted autoplay playsinline width="640"></video><script src="/hls.min.js"></script>
<script>const hls = new Hls(); hls.loadSource(new URLSearchParams(location.search).get('url')); hls.attachMedia(document.querySelector('video'));</script>`

// The bucket is plain HLS: a static server is sufficient to serve it, live and afterwards.
func TestBucket_IsPlayedThroughNginxAlone(t *testing.T) {
	store := s3test.Start(t)
	yaml, name := harness.S3Storage(t, store, store.Address)
	s := harness.Start(t, harness.Options{Config: "storage: { " + yaml + " }"})
	b := bucket{t, filepath.Join(store.Dir, name)}
	player, err := filepath.Abs("../../web/assets/vendor/hls.min.js")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.dir, "player.html"), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(player, filepath.Join(b.dir, "hls.min.js")); err != nil {
		t.Fatal(err)
	}
	site := harness.StartNginx(t, b.dir, 1).URL

	file := sources.FLV(t, "-bf", "2", "-t", "40")
	encoder := harness.Publish(t, file, s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	poller := b.poll([]string{"show"})
	harness.Pause(t.Context(), 9*time.Second) // a player begins three segments before the end
	browser := harness.OpenBrowser(t)
	live := browser.Open(t, site+"/player.html?url=/live/show/index.m3u8")
	live.WaitForPicture(20 * time.Second)
	live.MustPlay(10 * time.Second)
	live.Screenshot("bucket-live")
	encoder.Wait(time.Minute)
	poller.check()

	replay := b.waitForReplay("show", 10*time.Second)
	url := site + "/live/show/replay.m3u8"
	if wrong := harness.DecodeErrors(t, url); len(wrong) > 0 {
		t.Errorf("ffprobe complains of the replay: %q", wrong)
	}
	video, audio := harness.Packets(t, file)
	replayVideo, replayAudio := harness.Packets(t, url)
	if len(replayVideo) != len(video) || len(replayAudio) != len(audio) {
		t.Errorf("the source has %d video and %d audio packets, the replay %d and %d", len(video), len(audio), len(replayVideo), len(replayAudio))
	}
	want, got := duration(t, file), duration(t, url)
	if math.Abs(want-got) > 0.05 {
		t.Errorf("the source lasts %.3f s, the replay %.3f s", want, got)
	}
	t.Logf("replay: %d segments, %.3f s of %.3f s, %d of %d video packets, %d of %d audio packets",
		len(replay.Segments), got, want, len(replayVideo), len(video), len(replayAudio), len(audio))

	again := browser.Open(t, site+"/player.html?url=/live/show/replay.m3u8")
	again.WaitForPicture(20 * time.Second)
	again.MustPlay(10 * time.Second)
}

// duration returns the total duration according to ffprobe, in seconds.
func duration(t *testing.T, file string) float64 {
	t.Helper()
	out := harness.Run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file)
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}
