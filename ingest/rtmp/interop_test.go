package rtmp

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	rtmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"

	"golive/ingest/ingesttest"
	"golive/media"
)

func TestInterop_GoRTMPPublishes(t *testing.T) {
	h := open(t, testConfig())
	conn, err := rtmp.Dial("rtmp", h.addr, &rtmp.ConnConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if err := conn.Connect(&message.NetConnectionConnect{Command: message.NetConnectionConnectCommand{App: "live", FlashVer: "go-rtmp"}}); err != nil {
		t.Fatal(err)
	}
	stream, err := conn.CreateStream(nil, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Publish(&message.NetStreamPublish{PublishingName: "studio", PublishingType: "live"}); err != nil {
		t.Fatal(err)
	}
	write := func(chunkStream int, at uint32, m message.Message) {
		t.Helper()
		if err := stream.Write(chunkStream, at, m); err != nil {
			t.Fatal(err)
		}
	}
	write(6, 0, &message.VideoMessage{Payload: bytes.NewReader(ingesttest.AVCConfig())})
	write(4, 0, &message.AudioMessage{Payload: bytes.NewReader(ingesttest.AACConfig())})
	const units = 100
	for i := range uint32(units) {
		write(6, 40*i, &message.VideoMessage{Payload: bytes.NewReader(ingesttest.Picture(i%50 == 0, 20_000))})
		write(4, i*1024/48, &message.AudioMessage{Payload: bytes.NewReader(ingesttest.AACFrame())})
	}
	s := ingesttest.Await(t, "the publication", h.Opened)
	var video, audio media.Ticks
	for range 2 * units { // audio and video are sent on two chunk streams, and their order may change
		u := s.Unit(t)
		next, step := &audio, media.Ticks(1920)
		if u.Track.Video() {
			next, step = &video, 40*media.Millisecond
		}
		if u.DTS != *next {
			t.Fatalf("%v at %s, want %d", u.Track.Codec, at(u), *next)
		}
		*next += step
	}
	_ = conn.Close()
	// A client that closes before it has read the acknowledgements sends RST.
	if err := s.End(t); !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("ended with %v", err)
	}
}

// ffmpeg publishes with args. It returns the units, the log and the cause of the end.
func ffmpeg(t *testing.T, args ...string) (units []media.AccessUnit, log string, end error) {
	t.Helper()
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	h := open(t, testConfig())
	args = append([]string{"-v", "error", "-nostdin"}, args...)
	args = append(args, "-f", "flv", "rtmp://"+h.addr+"/live/studio")
	out, err := exec.CommandContext(t.Context(), "ffmpeg", args...).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Fatalf("ffmpeg: %v\n%s\n%s", err, out, h.log)
	}
	s := ingesttest.Await(t, "the publication", h.Opened)
	end = s.End(t)
	close(s.Wrote)
	for u := range s.Wrote {
		units = append(units, u)
	}
	return units, h.log.String(), end
}

// picturesAndTone returns inputs of ffmpeg: 4 s of 25 pictures a second, and of 48 kHz.
func picturesAndTone() []string {
	return []string{"-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=4", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000:duration=4"}
}

func TestInterop_FFmpegPublishes(t *testing.T) {
	for name, tt := range map[string]struct {
		args         []string
		video, audio int // units; audio is the minimum
	}{
		"plain":          {append(picturesAndTone(), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"), 100, 187},
		"B-frames":       {append(picturesAndTone(), "-c:v", "libx264", "-preset", "fast", "-bf", "3", "-pix_fmt", "yuv420p", "-c:a", "aac"), 100, 187},
		"row 23: 4 h 43": {append(picturesAndTone(), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-output_ts_offset", "17000"), 100, 187},
		"across 24 bits": {append(picturesAndTone(), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-output_ts_offset", "16775"), 100, 187},
		"video only":     {append(picturesAndTone()[:4], "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"), 100, 0},
		"audio only":     {append(picturesAndTone()[4:], "-c:a", "aac"), 0, 187},
	} {
		t.Run(name, func(t *testing.T) {
			units, log, end := ffmpeg(t, tt.args...)
			if end != nil {
				t.Errorf("ended with %v", end)
			}
			counts := map[bool]int{}
			var last media.Ticks
			for _, u := range units {
				video := u.Track.Video()
				if video && counts[true] > 0 && (u.DTS-last < 39*media.Millisecond || u.DTS-last > 41*media.Millisecond) {
					t.Errorf("picture %d is %d ticks after the one before, want 40 ms", counts[true], u.DTS-last)
				}
				if video {
					last = u.DTS
				}
				if u.Discontinuity {
					t.Errorf("discontinuity at %s", at(u))
				}
				counts[video]++
			}
			if counts[true] != tt.video || counts[false] < tt.audio || tt.audio == 0 && counts[false] > 0 {
				t.Errorf("%d pictures and %d audio frames, want %d and %d at least", counts[true], counts[false], tt.video, tt.audio)
			}
			if !strings.Contains(log, "repairs=0 skipped=0") {
				t.Errorf("there were repairs:\n%s", log)
			}
		})
	}
}

func TestInterop_FFmpegGetsTheReasonOfARefusal(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("ffmpeg is not installed")
	}
	h := open(t, testConfig())
	args := append([]string{"-v", "error", "-nostdin"}, picturesAndTone()[4:]...)
	out, err := exec.CommandContext(context.Background(), "ffmpeg", append(args, "-c:a", "aac", "-f", "flv", "rtmp://"+h.addr+"/live/bad%20name")...).CombinedOutput()
	if err == nil || !strings.Contains(string(out), "stream name is not allowed") {
		t.Errorf("ffmpeg: %v\n%s", err, out)
	}
}
