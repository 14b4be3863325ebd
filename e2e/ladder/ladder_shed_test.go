//go:build e2e && field && linux

package ladder

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"golive/e2e/harness"
)

// shedLadder is for a source of 180 lines. Its limit, which has to be filled in, is a twentieth of a
// core, which the estimates of its rungs' costs do not reach.
const shedLadder = `transcode:
  max_cpu: %.5f
  max_lag: 1m
  niceness: 0
  ffmpeg: %s
  ladder:
    - { name: 160p, height: 160, video_bitrate: 100k, audio_bitrate: 128k, preset: ultrafast }
    - { name: 120p, height: 120, video_bitrate: 60k, audio_bitrate: 128k, preset: ultrafast }
`

// wastefulFFmpeg returns a configuration whose ffmpeg seems to use too much of the processor while it
// makes the 160p rung and a file exists, and that file's name. golive counts the time of the process that
// it starts, which here is a shell.
func wastefulFFmpeg(t *testing.T) (config, file string) {
	t.Helper()
	ffmpeg, err := exec.LookPath("ffmpeg")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file = filepath.Join(dir, "wasteful")
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in *,160,*) top=yes ;; esac
exec 9<&0
%[1]s "$@" <&9 9<&- &
child=$!
exec 9<&- <&- 3<&- 4<&- 5<&-
while kill -0 $child 2>&-; do
	i=0
	while [ "$top" ] && [ -e %[2]s ] && [ $i -lt 5000 ]; do i=$((i+1)); done
	if [ $i -gt 0 ]; then sleep 0.01; else sleep 0.3; fi
done
wait $child
`, ffmpeg, file)
	program := filepath.Join(dir, "ffmpeg")
	if err := os.WriteFile(program, []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf(shedLadder, 0.05/float64(runtime.GOMAXPROCS(0)), program), file
}

// The viewers of the highest rung continue with another one when it is shed, and have it again when it
// comes back. Those of a lower one notice nothing.
func TestLadder_ViewersOfAShedRungContinueWithAnother(t *testing.T) {
	config, wasteful := wastefulFFmpeg(t)
	s := harness.Start(t, harness.Options{Config: config})
	harness.PublishLooped(t, sources.FLV(t, "-vf", "scale=320:180", "-b:v", "150k"), s.PublishURL("show"))
	s.WaitForState("show", "live", 10*time.Second)
	waitForRungs(t, s, "show", 3)
	b := harness.OpenBrowser(t)
	top, low := b.Open(t, s.WatchURL("show")), b.Open(t, s.WatchURL("show"))
	for p, name := range map[*harness.Page]string{top: "160p", low: "120p"} {
		p.WaitForPicture(20 * time.Second)
		p.WaitUntil(20*time.Second, qualityMenu+".options.length === 4")
		choose(p, name)
	}
	waitForQuality(top, "160p", 160)
	waitForQuality(low, "120p", 120)
	topView, lowView := top.View(), low.View()
	top.Mark()
	low.Mark()

	setFlagFile(t, wasteful, true)
	harness.Until(t, "160p is shed", 20*time.Second, func() bool { return s.Logs.Count("rung shed", "rendition=160p") == 1 })
	setFlagFile(t, wasteful, false) // it comes back after 5 s
	began := time.Now()
	waitForRungs(t, s, "show", 2)
	t.Logf("not listed after %v", time.Since(began).Round(time.Millisecond))
	top.WaitFor("another rung", 20*time.Second, func(now harness.Playback) bool { return now.Height != 160 && now.Height > 0 })
	t.Logf("another rung, of %d lines, after %v: %v", top.Playback().Height, time.Since(began).Round(time.Millisecond), top.Meter())
	shed := top.Meter()
	// The page asks every few seconds what there is: the rung may be back before its menu changes.

	waitForRungs(t, s, "show", 3)
	t.Logf("listed again after %v", time.Since(began).Round(time.Millisecond))
	top.WaitUntil(20*time.Second, optionOf160p+" !== undefined")
	waitForQuality(top, "160p", 160) // the choice is kept
	t.Logf("back after %v: %v", time.Since(began).Round(time.Millisecond), top.Meter())
	if n := s.Logs.Count("rung shed"); n != 1 {
		t.Errorf("%d rungs were shed", n)
	}
	for name, v := range map[string]*harness.Viewer{"160p": topView, "120p": lowView} {
		seen := v.Stop()
		report := harness.Summarise(seen)
		t.Logf("the viewer of %s: %+v", name, report)
		if report.Back > 0 || report.Reloads > 0 || len(report.Faults) > 0 || report.Longest > harness.Timeout(2*time.Second) {
			t.Errorf("the viewer of %s: %+v", name, report)
		}
		if name == "120p" && slices.ContainsFunc(seen, func(at harness.Sample) bool { return at.Height != 120 }) {
			t.Error("the viewer of 120p had another rung")
		}
	}
	if harness.Strict() && shed.Longest > 2 {
		t.Errorf("playback stalled for too long: %v", shed)
	}
}

// optionOf160p is the menu's entry.
const optionOf160p = "Array.from(" + qualityMenu + ".options).find((o) => o.value === '160p')"
