package transcode

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"golive/internal/mediatest"
	"golive/media"
)

// shifted returns the units with their times moved.
func shifted(units []media.AccessUnit, shift media.Ticks) []media.AccessUnit {
	moved := slices.Clone(units)
	for i := range moved {
		moved[i].DTS += shift
		moved[i].PTS += shift
	}
	return moved
}

// pid waits for a child, and returns its process id.
func (b *testJob) pid(t *testing.T) int {
	t.Helper()
	var c *child
	b.await(t, "ffmpeg runs", func() bool { c = b.job.child.Load(); return c != nil })
	return c.cmd.Process.Pid
}

func TestJob_LosesNothingWhenTheChildIsKilledOrStopped(t *testing.T) {
	for name, signal := range map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP} {
		t.Run(name, func(t *testing.T) {
			b := start(t, ladderOf(twoRungs()...))
			units := clip(t, "4")
			half := len(units) / 2
			b.write(units[:half]...)
			b.await(t, "the rung has pictures", func() bool { return len(b.units("low", true)) > 20 })
			if err := syscall.Kill(b.pid(t), signal); err != nil {
				t.Fatal(err)
			}
			b.write(units[half:]...)
			b.finish(t)
			for _, rung := range []string{"high", "low"} {
				if diff := cmp.Diff(inOrder(pictureTimes(units, false)), pictureTimes(b.units(rung, true), false)); diff != "" {
					t.Errorf("pictures of %s (-source +rung):\n%s", rung, diff)
				}
				got := pictureTimes(b.units(rung, true), true)
				for _, key := range pictureTimes(units, true) {
					if !slices.Contains(got, key) {
						t.Errorf("%s has no key picture at %d", rung, key)
					}
				}
				if n := len(b.runs[rung]); n != 1 {
					t.Errorf("%s began %d times, want one run without a loss", rung, n)
				}
			}
			if n := b.job.Status().Restarts; n != 1 {
				t.Errorf("%d restarts, want 1", n)
			}
		})
	}
}

func TestJob_LosesNothingWhenTheNextChildTakesOver(t *testing.T) {
	audio := Rung{Name: "audio", AudioOnly: true, AudioBitrate: 32_000}
	b := start(t, ladderOf(append(twoRungs(), audio)...))
	b.node.maxUnits = 60
	units := clip(t, "6")
	b.write(units...)
	b.finish(t)
	for _, rung := range []string{"high", "low"} {
		b.checkPictures(t, rung, units)
	}
	for _, rung := range []string{"high", "low", "audio"} {
		if n := len(b.runs[rung]); n != 1 {
			t.Errorf("%s began %d times, want one run", rung, n)
		}
	}
	sound := b.units("audio", false)
	frame := 1024 * media.Second / 48_000
	for i := range sound[1:] {
		if d := sound[i+1].DTS - sound[i].DTS; d <= 0 || d > 2*frame {
			t.Errorf("frame %d of sound is %d ticks after the one before, want at most %d", i+1, d, 2*frame)
		}
	}
	counts := b.node.metrics.restarts
	if n := testutil.ToFloat64(counts.WithLabelValues(string(RestartAge))); n < 2 || b.job.Status().Restarts != 0 {
		t.Errorf("%v planned takeovers and %d restarts, want at least 2 and none", n, b.job.Status().Restarts)
	}
}

func TestJob_FollowsAChangeOfSize(t *testing.T) {
	b := start(t, ladderOf(twoRungs()...))
	first, second := clip(t, "2"), clip(t, "2", "-s", "160x90")
	second = shifted(second, 2*media.Second)
	b.write(first...)
	b.write(second...)
	b.finish(t)
	all := slices.Concat(first, second)
	if diff := cmp.Diff(inOrder(pictureTimes(all, false)), pictureTimes(b.units("low", true), false)); diff != "" {
		t.Errorf("pictures of low (-source +rung):\n%s", diff)
	}
	if diff := cmp.Diff(inOrder(pictureTimes(first, false)), pictureTimes(b.units("high", true), false)); diff != "" {
		t.Errorf("pictures of high, which ends with the smaller source (-first source +rung):\n%s", diff)
	}
	if diff := cmp.Diff([]StopReason{StopSource}, b.stops["high"]); diff != "" {
		t.Errorf("stops of high (-want +got):\n%s", diff)
	}
}

func TestJob_FollowsAJumpOfTheSourcesTimes(t *testing.T) {
	b := start(t, ladderOf(lowRung()))
	first, second := clip(t, "2"), clip(t, "2")
	const day = 24 * 3600 * media.Second
	all := slices.Concat(shifted(first, 30*day), shifted(second, 30*day+3600*media.Second))
	b.write(all[:len(first)]...)
	b.await(t, "the rung has pictures", func() bool { return len(b.units("low", true)) > 20 })
	b.write(all[len(first):]...)
	b.finish(t)
	if diff := cmp.Diff(inOrder(pictureTimes(all, false)), pictureTimes(b.units("low", true), false)); diff != "" {
		t.Errorf("pictures (-source +rung):\n%s", diff)
	}
}

func TestJob_AcceptsAudioThatBeginsLate(t *testing.T) {
	b := start(t, ladderOf(Rung{Name: "low", Height: 90, VideoBitrate: 80_000, AudioBitrate: 32_000, Preset: "ultrafast"}))
	units := clip(t, "4")
	const late = 2 * media.Second
	var before, after []media.AccessUnit
	for _, u := range units {
		switch {
		case u.DTS >= late:
			after = append(after, u)
		case u.Track.Video():
			before = append(before, u)
		}
	}
	b.write(before...)
	b.await(t, "the rung has pictures", func() bool { return len(b.units("low", true)) > 20 })
	b.write(after...)
	b.finish(t)
	if diff := cmp.Diff(inOrder(pictureTimes(units, false)), pictureTimes(b.units("low", true), false)); diff != "" {
		t.Errorf("pictures (-source +rung):\n%s", diff)
	}
	sound := b.units("low", false)
	if len(sound) < 80 || sound[0].DTS < late-media.Second/10 {
		t.Errorf("%d units of sound from %d on, want at least 80 from about %d on", len(sound), sound[0].DTS, late)
	}
	if n := len(b.runs["low"]); n != 2 || b.runs["low"][0].audio != nil || b.runs["low"][1].audio == nil {
		t.Errorf("%d runs, want 2: without sound, then with sound", n)
	}
}

// script writes a shell script that replaces ffmpeg after the probe, and returns its path.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestJob_SuspendsTranscodingIfFFmpegFailsRepeatedly(t *testing.T) {
	for name, text := range map[string]string{
		"exits at once":  "exit 3",
		"writes garbage": "head -c 100000 /dev/zero >&3; sleep 100",
		"hangs":          "sleep 100",
		"writes nothing": "cat >/dev/null",
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, ladderOf(Rung{Name: "low", Height: 90, VideoBitrate: 80_000, AudioBitrate: 96_000}))
			b.node.cfg.FFmpeg = script(t, text)
			b.node.timeouts.start = 500 * time.Millisecond
			b.write(clip(t, "2")...)
			b.await(t, "transcoding is suspended", func() bool { return b.job.Status().Problem != "" })
			b.finish(t)
			if n := len(b.units("low", true)); n > 0 {
				t.Errorf("%d pictures, want none", n)
			}
			if n := bytes.Count(b.log.Bytes(), []byte("transcoding suspended")); n != 1 {
				t.Errorf("%d lines say that transcoding is suspended, want 1", n)
			}
		})
	}
}

func TestJob_SuspendsASourceThatCannotBeDecoded(t *testing.T) {
	b := start(t, ladderOf(Rung{Name: "low", Height: 90, VideoBitrate: 80_000, AudioBitrate: 96_000}))
	b.node.timeouts.start = 500 * time.Millisecond
	stream := mediatest.Stream{Video: mediatest.H264(640, 360), Audio: mediatest.AAC(), FPS: 30, GOP: 30, Length: 2 * time.Second}
	b.write(stream.Units()...)
	b.await(t, "transcoding is suspended", func() bool { return b.job.Status().Problem != "" })
	if rungs := b.job.Status().Rungs; rungs[0].State != "failed" {
		t.Errorf("rungs are %v, want a failed one", rungs)
	}
	b.finish(t)
	if n := len(b.runs); n > 0 {
		t.Errorf("%d rungs began, want none", n)
	}
}
