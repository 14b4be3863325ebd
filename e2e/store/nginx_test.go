//go:build e2e

package store

import (
	"fmt"
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

// nginx serves the folder as a static site and returns its URL.
func nginx(t *testing.T, root string) string {
	t.Helper()
	address, dir := harness.FreeAddress(t), t.TempDir()
	conf := fmt.Sprintf(`daemon off; user root; worker_processes 1; pid %[1]s/pid; error_log stderr;
events { worker_connections 256; }
http {
  access_log off;
  client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
  types { text/html html; text/javascript js; application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  server { listen %[2]s; root %[3]s; }
}
`, dir, address, root)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	harness.Launch(t, nil, "nginx", "-c", file, "-e", "stderr")
	return "http://" + address
}

// page is a player that knows nothing of golive.
const page = `<!doctype html><title>bucket</title><video muted autoplay playsinline width="640"></video><script src="/hls.min.js"></script>
<script>const hls = new Hls(); hls.loadSource(new URLSearchParams(location.search).get('url')); hls.attachMedia(document.querySelector('video'));</script>`

// The bucket is plain HLS that a static server serves alone, live and afterwards.
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
	site := nginx(t, b.dir)

	file := sources.FLV(t, "-bf", "2", "-t", "40")
	encoder := harness.Publish(t, file, s.PublishURL("show"))
	s.WaitForState("show", "live", 20*time.Second)
	poller := b.poll([]string{"show"})
	harness.Pause(t.Context(), 9*time.Second) // three segments behind
	browser := harness.OpenBrowser(t)
	live := browser.Open(t, site+"/player.html?url=/live/show/index.m3u8")
	live.WaitForPicture(20 * time.Second)
	live.MustPlay(10 * time.Second)
	live.Screenshot("bucket-live")
	encoder.Wait(time.Minute)
	poller.check()

	replay := b.waitForReplay("show", 10*time.Second)
	url := site + "/live/show/replay.m3u8"
	if wrong := harness.Complaints(t, url); len(wrong) > 0 {
		t.Errorf("ffprobe complains of the replay: %q", wrong)
	}
	video, audio := harness.Packets(t, file)
	replayVideo, replayAudio := harness.Packets(t, url)
	if len(replayVideo) != len(video) || len(replayAudio) != len(audio) {
		t.Errorf("the source has %d pictures and %d of sound, the replay %d and %d", len(video), len(audio), len(replayVideo), len(replayAudio))
	}
	want, got := duration(t, file), duration(t, url)
	if math.Abs(want-got) > 0.05 {
		t.Errorf("the source lasts %.3f s, the replay %.3f s", want, got)
	}
	t.Logf("replay: %d segments, %.3f s of %.3f s, %d pictures of %d, %d of sound of %d",
		len(replay.Segments), got, want, len(replayVideo), len(video), len(replayAudio), len(audio))

	again := browser.Open(t, site+"/player.html?url=/live/show/replay.m3u8")
	again.WaitForPicture(20 * time.Second)
	again.MustPlay(10 * time.Second)
}

// duration is what ffprobe says of the whole, in seconds.
func duration(t *testing.T, file string) float64 {
	t.Helper()
	out := harness.Run(t, "ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", file)
	seconds, err := strconv.ParseFloat(strings.TrimSpace(string(out)), 64)
	if err != nil {
		t.Fatal(err)
	}
	return seconds
}
