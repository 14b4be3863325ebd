//go:build e2e || interop

package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// making keeps two tests from encoding the same source.
var making sync.Mutex

// source is an FLV file of 20 s, or as -t says: a moving test picture with a key
// frame every 2 s at 30 frames a second, and a tone. It is encoded when first
// asked for; options come before the output.
func source(t *testing.T, name string, options ...string) string {
	t.Helper()
	making.Lock()
	defer making.Unlock()
	path := filepath.Join(sources, name+".flv")
	if matches, _ := filepath.Glob(path); matches != nil {
		return path
	}
	args := []string{
		"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
		"-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-b:v", "700k", "-c:a", "aac", "-b:a", "96k", "-ac", "2",
	}
	run(t, append(append(args, options...), path)...)
	return path
}

// plainSource is what most tests publish: B-frames, 20 s.
func plainSource(t *testing.T) string {
	t.Helper()
	return source(t, "plain", "-bf", "2")
}

// process is an encoder at work.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	logs *logBuffer
	done chan struct{} // closed when it has ended, after which err is set
	err  error
}

// launch starts a program in a process group of its own. The test's end kills
// the whole group.
func launch(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{t: t, cmd: exec.Command(args[0], args[1:]...), logs: &logBuffer{}, done: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = p.logs, p.logs
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if env != nil {
		p.cmd.Env = append(p.cmd.Environ(), env...)
	}
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(p.done)
		p.err = p.cmd.Wait()
	}()
	t.Cleanup(p.kill)
	return p
}

// ffmpeg publishes a file in real time, as it is. Options come before the input.
func ffmpeg(t *testing.T, file, url string, options ...string) *process {
	t.Helper()
	args := append([]string{"ffmpeg", "-v", "warning", "-nostdin", "-re"}, options...)
	return launch(t, nil, append(args, "-i", file, "-c", "copy", "-f", "flv", url)...)
}

// looped is ffmpeg that repeats the file for ever with growing timestamps.
func looped(t *testing.T, file, url string) *process {
	t.Helper()
	return ffmpeg(t, file, url, "-stream_loop", "-1")
}

// signal sends the whole group a signal; a group that is gone takes none.
func (p *process) signal(sig syscall.Signal) { _ = syscall.Kill(-p.cmd.Process.Pid, sig) }

// kill ends the process without a word to the server.
func (p *process) kill() {
	select {
	case <-p.done:
	default:
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// quit ends the publication cleanly, as a person who presses q.
func (p *process) quit() {
	p.t.Helper()
	p.signal(syscall.SIGINT)
	select {
	case <-p.done: // the status after a signal says nothing
	case <-time.After(10 * time.Second):
		p.t.Errorf("%s did not stop on SIGINT:\n%s", p.cmd.Args[0], p.logs)
		p.kill()
	}
}

// wait waits for the process's own end.
func (p *process) wait(limit time.Duration) {
	p.t.Helper()
	select {
	case <-p.done:
		if p.err != nil {
			p.t.Fatalf("%s: %v\n%s", p.cmd.Args[0], p.err, p.logs)
		}
	case <-time.After(limit):
		p.t.Fatalf("%s did not end within %v:\n%s", p.cmd.Args[0], limit, p.logs)
	}
}

// counts are the packets of a file, as ffprobe counts them.
func counts(t *testing.T, file string) (video, audio int) {
	t.Helper()
	var out struct {
		Packets []struct {
			Kind string `json:"codec_type"`
		} `json:"packets"`
	}
	text := run(t, "ffprobe", "-v", "error", "-show_packets", "-show_entries", "packet=codec_type", "-of", "json", file)
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	for _, p := range out.Packets {
		switch p.Kind {
		case "video":
			video++
		case "audio":
			audio++
		}
	}
	return video, audio
}

// complaints are what ffprobe, which decodes everything, prints at the level of
// warning or worse, and the continuity errors that ffmpeg sees.
func complaints(t *testing.T, file string) (lines []string) {
	t.Helper()
	_, log := runBoth(t, "ffprobe", "-v", "level+verbose", "-show_packets", "-show_frames", "-of", "compact", file)
	for line := range strings.Lines(string(log)) {
		for _, level := range []string{"[warning]", "[error]", "[fatal]", "[panic]"} {
			if strings.Contains(line, level) {
				lines = append(lines, "ffprobe: "+strings.TrimSpace(line))
			}
		}
	}
	_, log = runBoth(t, "ffmpeg", "-v", "debug", "-i", file, "-f", "null", "-")
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "Continuity check failed") {
			lines = append(lines, "ffmpeg: "+strings.TrimSpace(line))
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
