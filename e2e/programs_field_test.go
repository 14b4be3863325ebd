//go:build e2e && field

package e2e

import (
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"golive/e2e/harness"
)

// program is a media player that is not a browser.
type program struct {
	name string
	// play plays 12 s of sound and picture, and returns what the program wrote.
	play func(t *testing.T, url string) string
	// faults matches the lines about errors in the stream, and harmless those among them that are
	// about something else.
	faults, harmless *regexp.Regexp
}

// programs returns the players. They play whole segments of both packagings.
func programs() []program {
	// FFmpeg reads the initialization segment with every new playlist. It ignores some tags.
	ignored := regexp.MustCompile(`Found duplicated MOOV Atom. Skipped it|Skip \('#EXT-X-`)
	return []program{
		{
			// Where the publisher's file begins again, ffmpeg guesses a wrong frame rate. With vfr it does
			// not repeat or drop pictures because of that.
			"ffmpeg", runUntilFinished("ffmpeg", "-v", "level+debug", "-nostdin", "-i", "URL", "-t", "12", "-map", "0:v", "-map", "0:a", "-fps_mode", "vfr", "-f", "null", "-"),
			regexp.MustCompile(`\[(warning|error|fatal|panic)\]|Continuity check failed`), ignored,
		},
		{
			"mpv", runUntilFinished("mpv", "--no-config", "--vo=null", "--ao=null", "--length=12", "--msg-level=all=warn,ffmpeg=debug", "URL"),
			regexp.MustCompile(`(?i)error|invalid|corrupt|discontinu|continuity|missing|duplicated`), ignored,
		},
		{
			// 12 s are 360 pictures, and 563 frames of 1024 samples.
			"GStreamer", runUntilFinished("gst-launch-1.0", "playbin3", "uri=URL", "video-sink=fakesink sync=true num-buffers=360", "audio-sink=fakesink sync=true num-buffers=563"),
			regexp.MustCompile(`(?i)error|discontinu|corrupt| WARN +(qtdemux|tsdemux|mpegts|h264parse|aacparse|libav|hlsdemux2)`),
			// GStreamer does not know prft, the time of production. The other line comes from pictures that
			// are decoded after the sink has received its last one.
			regexp.MustCompile(`Unknown fourcc while parsing header : prft|co located POCs unavailable`),
		},
		{
			"VLC", playVLC, regexp.MustCompile(`libdvbpsi error|(?i)discontinuity|corrupt|(demux|decoder|packetizer|stream) error`),
			// It expects the first fragment that it reads to have the sequence number 0.
			regexp.MustCompile(`Fragment sequence discontinuity detected \d+ != 0$`),
		},
	}
}

// runUntilFinished returns a function that runs a program until it has played.
func runUntilFinished(args ...string) func(*testing.T, string) string {
	return func(t *testing.T, url string) string {
		t.Helper()
		line := make([]string, len(args))
		for i, arg := range args {
			line[i] = strings.ReplaceAll(arg, "URL", url)
		}
		p := harness.Launch(t, []string{"GST_DEBUG=2", "GST_DEBUG_NO_COLOR=1"}, line...)
		p.Wait(30 * time.Second)
		return p.Logs.String()
	}
}

// playVLC plays with VLC, which refuses to be run by root. It has no option to end after so much
// media of a live stream.
func playVLC(t *testing.T, url string) string {
	t.Helper()
	args := []string{"vlc", "-I", "dummy", "--vout=dummy", "--aout=dummy", "-vv", url}
	if os.Getuid() == 0 {
		args = append([]string{"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"}, args...) // nobody
	}
	p := harness.Launch(t, []string{"HOME=/nonexistent"}, args...)
	harness.Until(t, "VLC shows a picture", 20*time.Second, func() bool { return p.Logs.Count("Received first picture") > 0 })
	segments := func() int { return p.Logs.Count("Retrieving http", "-") }
	before := segments()
	harness.Pause(t.Context(), 12*time.Second)
	harness.Until(t, "VLC reads on", 30*time.Second, func() bool { return segments() >= before+6 }) // of 2 s
	p.Signal(syscall.SIGTERM)
	p.Wait(10 * time.Second)
	return p.Logs.String()
}

// ffmpeg, mpv, GStreamer and VLC play both multivariant playlists, and find no error in them.
func TestPrograms_PlayBothMultivariantPlaylists(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	harness.PublishLooped(t, sources.Plain(t), s.PublishURL("show"))
	s.WaitForState("show", "live", 10*time.Second)
	harness.Pause(t.Context(), 8*time.Second) // for some segments
	for _, url := range []string{s.PlaylistURL("show"), s.PlainURL("show")} {
		for _, p := range programs() {
			t.Run(p.name+" "+url[strings.LastIndexByte(url, '/')+1:], func(t *testing.T) {
				log := p.play(t, url)
				for line := range strings.Lines(log) {
					if line = strings.TrimSpace(line); p.faults.MatchString(line) && !p.harmless.MatchString(line) {
						t.Error(line)
					}
				}
			})
		}
	}
}
