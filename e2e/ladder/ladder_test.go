//go:build e2e

package ladder

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/go-cmp/cmp"

	"golive/e2e/harness"
)

// smallLadder is a ladder that every machine can encode, though a slow one is late.
const smallLadder = `transcode:
  max_cpu: 1
  max_lag: 1m
  niceness: 0
  ladder:
    - { name: 240p, height: 240, video_bitrate: 300k, audio_bitrate: 128k, preset: ultrafast }
    - { name: 160p, height: 160, video_bitrate: 150k, audio_bitrate: 64k, preset: ultrafast }
    - { name: audio, audio_only: true, audio_bitrate: 64k }
`

// rate is the frame rate of the sources.
const rate = 30

// beeping returns a file of 20 s with a sound at the beginning of each second.
func beeping(t *testing.T, options ...string) string {
	t.Helper()
	return sources.FLV(t, append([]string{"-bf", "2", "-af", "volume=volume='lt(mod(t,1),0.2)':eval=frame"}, options...)...)
}

// breakableFFmpeg returns a configuration of smallLadder whose ffmpeg fails while a file exists, and
// that file's name.
func breakableFFmpeg(t *testing.T) (config, file string) {
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

// transcoderPID returns the process id of the ffmpeg that makes the rungs, or 0; golive runs others
// for pictures.
func transcoderPID(s *harness.Server) int {
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
			arguments, _ := os.ReadFile("/proc/" + pid + "/cmdline") // none if it has ended
			if n, err := strconv.Atoi(pid); err == nil && bytes.Contains(arguments, []byte("-copyts")) {
				return n
			}
		}
	}
	return 0
}

// killTranscoder kills the ffmpeg that makes the rungs.
func killTranscoder(t *testing.T, s *harness.Server) {
	t.Helper()
	pid := transcoderPID(s)
	if pid == 0 {
		t.Fatal("no ffmpeg makes rungs")
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

// waitForRungs waits until the multivariant playlist lists n renditions.
func waitForRungs(t *testing.T, s *harness.Server, id string, n int) {
	t.Helper()
	waitForVariants(t, s.PlaylistURL(id), n)
}

// waitForVariants waits until a multivariant playlist has n variants.
func waitForVariants(t *testing.T, playlist string, n int) {
	t.Helper()
	harness.Until(t, fmt.Sprintf("%d renditions", n), 30*time.Second, func() bool {
		text, err := harness.Get(t.Context(), playlist)
		return err == nil && strings.Count(string(text), "#EXT-X-STREAM-INF") == n
	})
}

// The rungs of a broadcast play like the source: the same segments, key frames, pictures and sound.
func TestLadder_RungsAreAlignedWithTheirSource(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: smallLadder})
	harness.PublishLooped(t, beeping(t), s.PublishURL("show"))
	checkLadder(t, s, 10*time.Second, 3)
}

const qualityMenu = "document.querySelector('[data-quality] select')"

// choose chooses a quality in the menu.
func choose(p *harness.Page, name string) {
	harness.Evaluate[bool](p, fmt.Sprintf(`(() => {
		%[1]s.value = %[2]q;
		%[1]s.dispatchEvent(new Event('change'));
		return true;
	})()`, qualityMenu, name))
}

// waitForQuality waits until the menu shows a label, and another second was played in pictures of
// that height.
func waitForQuality(p *harness.Page, label string, height int) {
	p.WaitFor(label, 20*time.Second, func(now harness.Playback) bool { return now.Height == height })
	p.WaitUntil(10*time.Second, fmt.Sprintf("%s.selectedOptions[0].textContent === %q", qualityMenu, label))
	p.WaitForPlay(10 * time.Second)
}

// quality is an entry of the quality menu, and the height of its pictures.
type quality struct {
	name, label string
	height      int
}

// mustSwitch chooses one quality after the other; playback must not be disturbed.
func mustSwitch(t *testing.T, p *harness.Page, what string, qualities []quality) {
	t.Helper()
	v := p.View()
	for _, q := range qualities {
		p.Mark()
		choose(p, q.name)
		waitForQuality(p, q.label, q.height)
		t.Logf("%s: %s: %v", what, q.label, p.Meter())
	}
	report := harness.Summarise(v.Stop())
	t.Logf("%s: %+v", what, report)
	if report.Back > 0 || report.Reloads > 0 || len(report.Faults) > 0 || harness.Strict() && report.Longest > time.Second {
		t.Errorf("%s: switching disturbed playback: %+v", what, report)
	}
}

// A viewer who came before the broadcast, and so before its rungs, chooses every quality.
func TestLadder_ThePageSwitchesQualities(t *testing.T) {
	s := harness.Start(t, harness.Options{Config: smallLadder})
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitUntil(10*time.Second, "document.querySelector('[data-title]').textContent === 'Not live yet'")
	if !harness.Evaluate[bool](p, "document.querySelector('[data-quality]').hidden") {
		t.Error("there is a menu without qualities")
	}
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	p.WaitForPicture(20 * time.Second)
	p.WaitUntil(20*time.Second, qualityMenu+".options.length === 5")
	p.WaitUntil(20*time.Second, qualityMenu+".selectedOptions[0].textContent === 'Auto · 360p'")
	options := harness.Evaluate[[]string](p, "Array.from("+qualityMenu+".options, (o) => o.textContent)")
	if d := cmp.Diff([]string{"Auto · 360p", "Source · 360p", "240p", "160p", "Audio only"}, options); d != "" {
		t.Errorf("the menu (-want +got):\n%s", d)
	}
	mustSwitch(t, p, "live", []quality{
		{"160p", "160p", 160},
		{"source", "Source · 360p", 360},
		{"240p", "240p", 240},
		{"160p", "160p", 160},
		{"240p", "240p", 240},
		{"source", "Source · 360p", 360},
		{"", "Auto · 360p", 360},
	})
	if lines := p.FatalErrors(); len(lines) > 0 {
		t.Errorf("hls.js reports %q", lines)
	}

	choose(p, "audio")
	p.WaitFor("sound without a picture", 20*time.Second, func(now harness.Playback) bool { return now.Width == 0 && now.Time > 0 })
	p.WaitForPlay(10 * time.Second)
	choose(p, "240p")
	waitForQuality(p, "240p", 240)
	p.Do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch, chromedp.EmulateScale(2)))
	p.Do(chromedp.Focus("[data-quality] select"))
	p.Screenshot("quality-phone")
}

// Rungs come, go and come back while a viewer watches.
func TestLadder_ThePageFollowsTheRungs(t *testing.T) {
	config, broken := breakableFFmpeg(t)
	s := harness.Start(t, harness.Options{Config: config})
	harness.Until(t, "ffmpeg is found", 10*time.Second, func() bool { return strings.Contains(s.Logs.String(), "ffmpeg found") })
	setFlagFile(t, broken, true)
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
	p.WaitForPicture(20 * time.Second)
	if !harness.Evaluate[bool](p, "document.querySelector('[data-quality]').hidden") {
		t.Error("there is a menu without rungs")
	}
	v := p.View()
	setFlagFile(t, broken, false)
	p.WaitUntil(20*time.Second, qualityMenu+".options.length === 5")
	choose(p, "160p")
	waitForQuality(p, "160p", 160)

	setFlagFile(t, broken, true)
	p.Mark()
	killTranscoder(t, s)
	p.WaitFor("the source", 20*time.Second, func(now harness.Playback) bool { return now.Height == 360 })
	p.WaitUntil(10*time.Second, "document.querySelector('[data-quality]').hidden")
	p.WaitForPlay(10 * time.Second)
	t.Logf("without rungs: %v", p.Meter())

	setFlagFile(t, broken, false)
	p.Mark()
	waitForQuality(p, "160p", 160) // the choice is kept
	t.Logf("back: %v", p.Meter())
	report := harness.Summarise(v.Stop())
	t.Logf("%+v", report)
	if report.Back > 0 || report.Reloads > 0 || len(report.Faults) > 0 || harness.Strict() && report.Longest > time.Second {
		t.Errorf("playback was disturbed: %+v", report)
	}
}

// setFlagFile creates or removes the file with which a test controls its ffmpeg.
func setFlagFile(t *testing.T, file string, exists bool) {
	t.Helper()
	err := os.Remove(file)
	if exists {
		err = os.WriteFile(file, nil, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}
