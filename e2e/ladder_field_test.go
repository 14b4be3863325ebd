//go:build e2e && field

package e2e

import (
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/e2e/harness"
)

// heights are the renditions with video of smallLadder and sources.Plain.
func heights() map[string]int { return map[string]int{"source": 360, "240p": 240, "160p": 160} }

// pin makes a player of players/page.html play one rendition.
func pin(p *harness.Page, name string) {
	harness.Evaluate[bool](p, fmt.Sprintf("(view.pin(%q, %d), true)", name, heights()[name]))
}

// breakable returns a configuration of smallLadder whose ffmpeg fails while a file exists, and
// that file's name.
func breakable(t *testing.T) (config, file string) {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file = filepath.Join(dir, "broken")
	script := fmt.Sprintf("#!/bin/sh\n[ -e %s ] && exit 1\nexec %s \"$@\"\n", file, ffmpeg)
	program := filepath.Join(dir, "ffmpeg")
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return smallLadder + "  ffmpeg: " + program + "\n", file
}

// child returns the ffmpeg that golive runs, or 0.
func child(s *harness.Server) int {
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", s.PID()))
	if err != nil {
		return 0
	}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // the thread has ended
		}
		for pid := range strings.FieldsSeq(string(text)) {
			if n, err := strconv.Atoi(pid); err == nil {
				return n
			}
		}
	}
	return 0
}

// waitForRungs waits until the multivariant playlist lists n renditions.
func waitForRungs(t *testing.T, s *harness.Server, id string, n int) {
	t.Helper()
	until(t, fmt.Sprintf("%d renditions", n), 30*time.Second, func() bool {
		text, err := harness.Get(t.Context(), s.PlaylistURL(id))
		return err == nil && strings.Count(string(text), "#EXT-X-STREAM-INF") == n
	})
}

// until waits until a condition holds.
func until(t *testing.T, what string, limit time.Duration, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(harness.Timeout(limit)); !holds(); harness.Pause(t.Context(), 50*time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", harness.Timeout(limit), what)
		}
	}
}

// Players that play a rung go on with the source when there are no more rungs.
func TestLadder_PlayersGoOnWithoutTheirRung(t *testing.T) {
	base := servePlayers(t)
	for _, list := range []string{"index.m3u8", "ts.m3u8"} {
		for _, player := range []string{"hls.js", "shaka", "video.js"} {
			t.Run(player+" "+list, func(t *testing.T) {
				config, broken := breakable(t)
				s := harness.Start(t, harness.Options{Config: config})
				harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
				s.WaitForState("show", "live", 10*time.Second)
				waitForRungs(t, s, "show", 4)
				p := harness.OpenBrowser(t).Open(t, base+"/play?player="+player+"&url="+url.QueryEscape(s.URL("/live/show/"+list)))
				p.WaitUntil(20*time.Second, "globalThis.look && look().at > 1 && look().pictures > 0")
				pin(p, "160p")
				p.WaitUntil(40*time.Second, "look().height === 160")
				harness.Pause(t.Context(), 4*time.Second)
				before := harness.Evaluate[look](p, "look()")
				if err := os.WriteFile(broken, nil, 0o600); err != nil {
					t.Fatal(err)
				}
				_ = syscall.Kill(child(s), syscall.SIGKILL)
				waitForRungs(t, s, "show", 1)
				t.Log("no rungs")
				began := time.Now()
				p.WaitUntil(60*time.Second, "look().height === 360")
				took := time.Since(began)
				harness.Pause(t.Context(), 8*time.Second)
				after := harness.Evaluate[look](p, "look()")
				t.Logf("source after %v: before %+v, then %+v", took, before, after)
				if len(after.Errors) > 0 || after.Failed != "" || after.At < before.At+6 {
					t.Errorf("it does not go on")
				}
			})
		}
	}
}
