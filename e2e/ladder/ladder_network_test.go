//go:build e2e && field

package ladder

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"testing"
	"time"

	"golive/e2e/harness"
)

// slowNetwork is a throughput in bytes per second: too low for sources.Plain, which has 0.8 Mbit/s, and
// enough for the lowest rung with video of smallLadder.
const slowNetwork = 400_000 / 8

// roundTrip is the delay of a usual mobile network.
const roundTrip = 40 * time.Millisecond

// throttledStall is how long playback may stall, in a strict run, when the network gets slow: what is
// being loaded of the source at that time takes longer than what is buffered lasts.
const throttledStall = 3500 * time.Millisecond

// The watch page goes down to a rung when the network gets slow, and up again when it is fast again.
func TestLadder_ThePageFollowsTheNetwork(t *testing.T) {
	s := startLadder(t, smallLadder)
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.WaitFor("the source", 40*time.Second, func(now harness.Playback) bool { return now.Height == 360 })
	p.WaitForPlay(10 * time.Second)
	v := p.View()
	p.Mark()
	began := time.Now()
	p.Throttle(slowNetwork, roundTrip)
	p.WaitFor("a rung", 40*time.Second, func(now harness.Playback) bool { return now.Height != 360 && now.Height > 0 })
	t.Logf("throttled: %d lines after %v: %v", p.Playback().Height, time.Since(began).Round(time.Millisecond), p.Meter())
	change := p.Meter()
	p.Mark()
	harness.Pause(t.Context(), 15*time.Second)
	during := p.Meter()
	t.Logf("for 15 s: %d lines: %v", p.Playback().Height, during)
	p.WaitForPlay(10 * time.Second)
	if p.Playback().Height == 360 {
		t.Error("it plays the source on a network that is too slow for it")
	}
	p.Mark()
	began = time.Now()
	p.Throttle(0, 0)
	p.WaitFor("the source", 60*time.Second, func(now harness.Playback) bool { return now.Height == 360 })
	p.WaitForPlay(10 * time.Second)
	t.Logf("not throttled: 360 lines after %v: %v", time.Since(began).Round(time.Millisecond), p.Meter())
	report := harness.Summarise(v.Stop())
	t.Logf("%+v", report)
	if report.Back > 0 || report.Reloads > 0 || len(report.Faults) > 0 {
		t.Errorf("playback was disturbed: %+v", report)
	}
	if harness.Strict() && (change.Longest > throttledStall.Seconds() || during.Longest > throttledStall.Seconds() || p.Meter().Longest > 1) {
		t.Error("playback stalled for too long")
	}
	if lines := p.FatalErrors(); len(lines) > 0 {
		t.Errorf("hls.js reports %q", lines)
	}
}

// Other players do that too with MPEG-TS segments. Shaka Player (5.2.12) and video.js (8.24) load the
// segment that they have begun to its end, so they stand still for a moment, whoever makes the segments: in
// a strict run, for more than a second only if they do so with those of ffmpeg's own muxer.
func TestLadder_PlayersFollowTheNetwork(t *testing.T) {
	const tolerance = 0.5 // seconds by which two runs with the same segments differ
	base := harness.ServePlayers(t)
	for _, player := range []string{"shaka", "video.js"} {
		t.Run(player, func(t *testing.T) {
			s := startLadder(t, smallLadder)
			slow, fast := followNetwork(t, base+"/play?player="+player+"&url="+url.QueryEscape(s.PlainURL("show")))
			if !harness.Strict() {
				return
			}
			s.Stop()
			slowest, fastest := followNetwork(t, base+"/play?player="+player+"&url="+url.QueryEscape(serveFFmpegLadder(t)))
			if slow > max(1, slowest+tolerance) || fast > max(1, fastest+tolerance) {
				t.Errorf("it stood still for %.1f s when throttled, and for %.1f s after; with ffmpeg's segments for %.1f s and %.1f s",
					slow, fast, slowest, fastest)
			}
		})
	}
}

// followNetwork plays a page of players/page.html on a network that gets slow, and fast again. It returns the
// longest times without progress of both, in seconds.
func followNetwork(t *testing.T, page string) (slow, fast float64) {
	t.Helper()
	p := harness.OpenBrowser(t).Open(t, page)
	p.WaitUntil(40*time.Second, "globalThis.look && look().at > 1 && look().pictures > 0")
	p.WaitUntil(60*time.Second, "look().height === 360")
	follow := func(what string, limit time.Duration, height string) harness.PlayerState {
		began := time.Now()
		harness.Evaluate[bool](p, "Boolean(view.longest = 0) || true")
		p.WaitUntil(limit, "look().height "+height)
		took := time.Since(began)
		harness.Pause(t.Context(), 12*time.Second)
		l := harness.Evaluate[harness.PlayerState](p, "look()")
		t.Logf("%s: height %s after %v, then %+v", what, height, took.Round(time.Millisecond), l)
		if len(l.Errors) > 0 || l.Failed != "" {
			t.Errorf("%s: it fails", what)
		}
		return l
	}
	p.Throttle(slowNetwork, roundTrip)
	throttled := follow("throttled", 60*time.Second, "< 360")
	p.Throttle(0, 0)
	after := follow("not throttled", 90*time.Second, "=== 360")
	if after.At <= throttled.At {
		t.Errorf("it does not go on: %+v", after)
	}
	if !harness.Evaluate[bool](p, "sameDocument") {
		t.Error("the page was loaded again")
	}
	return throttled.Longest, after.Longest
}

// serveFFmpegLadder makes the renditions of smallLadder by ffmpeg's HLS muxer from the same source, and returns
// the address of the multivariant playlist when the playlists are as long as a player needs.
func serveFFmpegLadder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	muxer := exec.CommandContext(t.Context(), "ffmpeg", "-v", "error", "-re", "-stream_loop", "-1", "-i", sources.Plain(t), //nolint:gosec // a test's file
		"-filter_complex", "[0:v]split=2[a][b];[a]scale=-2:240[240p];[b]scale=-2:160[160p]",
		"-map", "0:v", "-map", "0:a", "-map", "[240p]", "-map", "0:a", "-map", "[160p]", "-map", "0:a", "-c", "copy",
		"-c:v:1", "libx264", "-b:v:1", "300k", "-maxrate:v:1", "330k", "-bufsize:v:1", "300k",
		"-c:v:2", "libx264", "-b:v:2", "150k", "-maxrate:v:2", "165k", "-bufsize:v:2", "150k",
		"-preset", "ultrafast", "-force_key_frames", "expr:gte(t,n_forced*2)", "-sc_threshold", "0",
		"-f", "hls", "-hls_time", "2", "-hls_list_size", "15", "-hls_flags", "delete_segments+independent_segments+program_date_time",
		"-master_pl_name", "index.m3u8", "-var_stream_map", "v:0,a:0,name:source v:1,a:1,name:240p v:2,a:2,name:160p",
		"-hls_segment_filename", dir+"/%v/%d.ts", dir+"/%v/index.m3u8")
	var messages bytes.Buffer
	muxer.Stderr = &messages
	if err := muxer.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = muxer.Process.Kill()
		_ = muxer.Wait()
		if t.Failed() {
			t.Logf("ffmpeg: %s", &messages)
		}
	})
	files := http.FileServer(http.Dir(dir))
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", "*")
		w.Header().Set("Cache-Control", "no-cache")
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(site.Close)
	harness.Until(t, "ffmpeg has written seven segments", time.Minute, func() bool {
		_, err := os.Stat(dir + "/160p/6.ts")
		return err == nil
	})
	return site.URL + "/index.m3u8"
}
