package harness

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// Sources are the files that encoders publish. Each is encoded on first use.
type Sources struct {
	// Dir is their folder; Main sets it.
	Dir string

	making sync.Mutex // keeps two tests from encoding the same source
}

// Plain returns the file that most tests publish: 20 s with B-frames.
func (s *Sources) Plain(tb testing.TB) string {
	tb.Helper()
	return s.FLV(tb, "-bf", "2")
}

// FLV returns a file of 20 s, or as long as the option -t: a moving test picture with a key
// frame every 2 s at 30 frames a second, and a tone. options are output options of ffmpeg.
func (s *Sources) FLV(tb testing.TB, options ...string) string {
	tb.Helper()
	s.making.Lock()
	defer s.making.Unlock()
	name := sha256.Sum256([]byte(strings.Join(options, "\x00")))
	path := filepath.Join(s.Dir, fmt.Sprintf("source-%x.flv", name[:8]))
	if _, err := os.Stat(path); err == nil {
		return path
	}
	args := []string{
		"ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=30",
		"-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "20", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p",
		"-g", "60", "-keyint_min", "60", "-sc_threshold", "0", "-b:v", "700k", "-c:a", "aac", "-b:a", "96k", "-ac", "2",
	}
	unfinished := path + ".part"
	Run(tb, append(append(args, options...), "-f", "flv", unfinished)...)
	if err := os.Rename(unfinished, path); err != nil {
		tb.Fatal(err)
	}
	return path
}

// BusyClip creates a file in dir for measurements: 20 s of 720p at 4.5 Mbit/s with audio. Noise
// keeps the encoder at that bit rate.
func BusyClip(tb testing.TB, dir string) string {
	tb.Helper()
	clip := filepath.Join(dir, "load.flv")
	Run(tb, "ffmpeg", "-v", "error", "-y",
		"-f", "lavfi", "-i", "testsrc2=size=1280x720:rate=30,noise=alls=40:allf=t", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
		"-t", "20", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-g", "60", "-keyint_min", "60", "-sc_threshold", "0",
		"-b:v", "4400k", "-minrate", "4400k", "-maxrate", "4400k", "-bufsize", "4400k", "-x264-params", "nal-hrd=cbr",
		"-c:a", "aac", "-b:a", "128k", "-ac", "2", clip)
	return clip
}
