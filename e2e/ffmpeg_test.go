//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// makeSource encodes an FLV file: a moving test picture with B-frames and a key
// frame every 2 s at 30 frames a second, and a tone.
func makeSource(t *testing.T, length time.Duration) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "source.flv")
	seconds := strconv.FormatFloat(length.Seconds(), 'f', -1, 64)
	run(t, "ffmpeg", "-v", "error",
		"-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", seconds, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-bf", "2", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0",
		"-b:v", "900k", "-c:a", "aac", "-b:a", "96k", "-ac", "2", "-f", "flv", path)
	return path
}

// encoder is an ffmpeg that publishes.
type encoder struct {
	t    *testing.T
	cmd  *exec.Cmd
	logs *logBuffer
	done chan error
}

// publish sends the file in real time to url. The test's end stops it.
func publish(t *testing.T, file, url string, options ...string) *encoder {
	t.Helper()
	args := append([]string{"-v", "warning", "-nostdin", "-re"}, options...)
	args = append(args, "-i", file, "-c", "copy", "-f", "flv", url)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	e := &encoder{t: t, cmd: exec.CommandContext(ctx, "ffmpeg", args...), logs: &logBuffer{}, done: make(chan error, 1)}
	e.cmd.Stderr = e.logs
	if err := e.cmd.Start(); err != nil {
		cancel()
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		e.done <- e.cmd.Wait()
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return e
}

// loop makes publish repeat the file for ever, with growing timestamps.
func loop() []string { return []string{"-stream_loop", "-1"} }

// wait waits for ffmpeg's own end.
func (e *encoder) wait() {
	e.t.Helper()
	if err := <-e.done; err != nil {
		e.t.Fatalf("ffmpeg: %v\n%s", err, e.logs)
	}
}

// quit ends the publication cleanly, as a person who presses q.
func (e *encoder) quit() {
	e.t.Helper()
	if err := e.cmd.Process.Signal(os.Interrupt); err != nil {
		e.t.Fatal(err)
	}
	<-e.done // ffmpeg's status after a signal says nothing
}

// kill ends the process without a word to the server.
func (e *encoder) kill() {
	e.t.Helper()
	if err := e.cmd.Process.Kill(); err != nil {
		e.t.Fatal(err)
	}
	<-e.done
}

// packet is one packet as ffprobe reads it, in units of the stream's time base.
type packet struct {
	Kind string `json:"codec_type"`
	PTS  int64  `json:"pts"`
	DTS  int64  `json:"dts"`
}

// packets are all packets of a file, video and audio apart.
func packets(t *testing.T, file string) (video, audio []packet) {
	t.Helper()
	var out struct {
		Packets []packet `json:"packets"`
	}
	text := run(t, "ffprobe", "-v", "error", "-show_packets", "-show_entries", "packet=codec_type,pts,dts", "-of", "json", file)
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Packets {
		if p.Kind == "video" {
			video = append(video, p)
		} else {
			audio = append(audio, p)
		}
	}
	return video, audio
}

// complaints are the lines that ffmpeg or ffprobe prints at the level of warning
// or worse while reading input.
func complaints(t *testing.T, args ...string) []string {
	t.Helper()
	_, stderr := runBoth(t, args...)
	var lines []string
	for line := range strings.Lines(string(stderr)) {
		for _, level := range []string{"[warning]", "[error]", "[fatal]", "[panic]"} {
			if strings.Contains(line, level) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// run runs a command and returns what it wrote to its standard output.
func run(t *testing.T, args ...string) []byte {
	t.Helper()
	out, _ := runBoth(t, args...)
	return out
}

func runBoth(t *testing.T, args ...string) (stdout, stderr []byte) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, errs.Bytes())
	}
	return out.Bytes(), errs.Bytes()
}
