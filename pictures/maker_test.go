package pictures

import (
	"bytes"
	"context"
	"errors"
	"image"
	"image/color"
	"image/jpeg"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Eyevinn/mp4ff/mp4"
	"github.com/prometheus/client_golang/prometheus"

	"golive/container/flv"
	"golive/media"
)

const x264 = "libx264 -pix_fmt yuv420p"

// keyPicture encodes one picture of a plain colour, with ffmpeg's options in encoder, and returns
// it.
func keyPicture(tb testing.TB, colour, size, encoder string) media.AccessUnit {
	tb.Helper()
	file := filepath.Join(tb.TempDir(), "source.mp4")
	args := []string{"-v", "error", "-y", "-f", "lavfi", "-i", "color=c=" + colour + ":size=" + size + ":rate=30", "-frames:v", "1", "-c:v"}
	args = append(append(args, strings.Fields(encoder)...), file)
	if out, err := exec.CommandContext(tb.Context(), "ffmpeg", args...).CombinedOutput(); err != nil {
		tb.Fatalf("ffmpeg: %v\n%s", err, out)
	}
	whole, err := mp4.ReadMP4File(file)
	if err != nil {
		tb.Fatal(err)
	}
	var box mp4.Box
	fourCC := "avc1"
	switch entries := whole.Moov.Trak.Mdia.Minf.Stbl.Stsd; {
	case entries.HvcX != nil:
		fourCC, box = "hvc1", entries.HvcX.HvcC
	case entries.Av01 != nil:
		fourCC, box = "av01", entries.Av01.Av1C
	default:
		box = entries.AvcX.AvcC
	}
	var config bytes.Buffer
	if err := box.Encode(&config); err != nil {
		tb.Fatal(err)
	}
	// Enhanced RTMP: the start of a sequence, and then frames whose DTS is the PTS.
	const key, sequenceStart, codedFramesX, boxHeader = 0x90, 0, 3, 8
	demuxer := flv.NewDemuxer()
	message := func(kind byte, data []byte) []byte { return slices.Concat([]byte{key | kind}, []byte(fourCC), data) }
	if _, _, err := demuxer.Video(0, message(sequenceStart, config.Bytes()[boxHeader:])); err != nil {
		tb.Fatal(err)
	}
	u, ok, err := demuxer.Video(0, message(codedFramesX, whole.Mdat.Data))
	if err != nil || !ok {
		tb.Fatalf("no picture: %v", err)
	}
	return u
}

// testMaker runs a Maker with one Feed.
type testMaker struct {
	maker *Maker
	feed  *Feed
	log   bytes.Buffer
	made  chan Picture
	stop  func()
}

func start(t *testing.T, program string, timeout time.Duration) *testMaker {
	t.Helper()
	b := &testMaker{made: make(chan Picture, 10)}
	log := slog.New(slog.NewTextHandler(&b.log, nil))
	b.maker = NewMaker(DefaultConfig(), program, log, NewMetrics(prometheus.NewRegistry()))
	b.maker.timeout, b.maker.restFactor = timeout, 0
	b.feed = b.maker.NewFeed(func(p Picture) { b.made <- p }, log)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.maker.Run(ctx) }()
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		done <- nil
	}
	t.Cleanup(b.stop)
	return b
}

func (b *testMaker) picture(t *testing.T) Picture {
	t.Helper()
	select {
	case p := <-b.made:
		return p
	case <-t.Context().Done():
	case <-time.After(time.Minute):
	}
	t.Fatal("no picture was made")
	return Picture{}
}

func (b *testMaker) failures() int {
	b.feed.mu.Lock()
	defer b.feed.mu.Unlock()
	return b.feed.failures
}

// mean returns the mean colour of a JPEG, and its dimensions.
func mean(t *testing.T, b []byte) (color.RGBA, image.Point) {
	t.Helper()
	p, err := jpeg.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return meanOf(p, p.Bounds()), p.Bounds().Size()
}

func meanOf(p image.Image, in image.Rectangle) color.RGBA {
	var red, green, blue, n uint32
	for y := in.Min.Y; y < in.Max.Y; y++ {
		for x := in.Min.X; x < in.Max.X; x++ {
			r, g, b, _ := p.At(x, y).RGBA()
			red, green, blue, n = red+r>>8, green+g>>8, blue+b>>8, n+1
		}
	}
	return color.RGBA{uint8(red / n), uint8(green / n), uint8(blue / n), 255}
}

// similar reports whether two colours look the same.
func similar(a, b color.RGBA) bool {
	far := func(a, b uint8) bool { return max(a, b)-min(a, b) > 12 }
	return !far(a.R, b.R) && !far(a.G, b.G) && !far(a.B, b.B)
}

func TestMaker_MakesAPosterAndAPreviewOfAKeyPicture(t *testing.T) {
	orange := color.RGBA{0xe0, 0x80, 0x20, 255}
	for name, c := range map[string]struct {
		size, encoder   string
		poster, preview image.Point
	}{
		"wide":          {"1920x1080", x264, image.Pt(1280, 720), image.Pt(160, 90)},
		"upright":       {"720x1280", x264, image.Pt(720, 1280), image.Pt(90, 160)},
		"small and odd": {"146x98", x264, image.Pt(146, 98), image.Pt(146, 98)},
		"tall pixels":   {"720x576", x264 + " -vf setsar=16/11", image.Pt(1046, 576), image.Pt(160, 88)},
		"4:2:2, 10 bit": {"640x360", "libx264 -pix_fmt yuv422p10le", image.Pt(640, 360), image.Pt(160, 90)},
		"HEVC, 10 bit":  {"640x360", "libx265 -pix_fmt yuv420p10le -x265-params log-level=none -tag:v hvc1", image.Pt(640, 360), image.Pt(160, 90)},
		"AV1":           {"640x360", "libaom-av1 -cpu-used 8 -usage realtime", image.Pt(640, 360), image.Pt(160, 90)},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t, "ffmpeg", makeTimeout)
			b.feed.Offer(keyPicture(t, "0xe08020", c.size, c.encoder), Place{MSN: 7, Offset: 3}, time.Now())
			p := b.picture(t)
			if p.Place != (Place{MSN: 7, Offset: 3}) {
				t.Errorf("the picture has place %+v, want segment 7, offset 3", p.Place)
			}
			for what, one := range map[string]struct {
				jpeg []byte
				size image.Point
			}{"poster": {p.Poster, c.poster}, "preview": {p.Preview, c.preview}} {
				colour, size := mean(t, one.jpeg)
				if size != one.size || !similar(colour, orange) {
					t.Errorf("%s has size %v and colour %v, want %v and %v", what, size, colour, one.size, orange)
				}
			}
		})
	}
}

func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "ffmpeg")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text+"\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// A program that hangs is killed, with its child process that keeps the pipes open, and the next
// picture is made. A program that fails is logged once.
func TestMaker_ContinuesAfterAProgramThatHangsOrFails(t *testing.T) {
	unit := keyPicture(t, "red", "320x180", x264)
	for name, c := range map[string]struct{ first, want string }{
		"hangs":          {"sleep 1000 & sleep 1000", "did not end in"},
		"exits":          {"echo no decoder >&2; exit 3", "no decoder"},
		"writes garbage": {"head -c 100000 /dev/zero; head -c 100000 /dev/zero >&3", "wrote no picture"},
		"writes a flood": {"cat /dev/zero", "did not end in"},
	} {
		t.Run(name, func(t *testing.T) {
			flag := filepath.Join(t.TempDir(), "works")
			b := start(t, script(t, "[ -e "+flag+" ] && exec ffmpeg \"$@\"\n"+c.first), 2*time.Second)
			for range 2 {
				before := b.failures()
				b.feed.Offer(unit, Place{}, time.Now())
				for b.failures() == before {
					<-time.After(10 * time.Millisecond)
				}
			}
			if err := os.WriteFile(flag, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			for made := false; !made; {
				before := b.failures()
				b.feed.Offer(unit, Place{}, time.Now())
				for !made && b.failures() <= before {
					select {
					case <-b.made:
						made = true
					case <-time.After(10 * time.Millisecond):
					}
				}
			}
			b.stop()
			if n := strings.Count(b.log.String(), "picture not made"); n != 1 || !strings.Contains(b.log.String(), c.want) {
				t.Errorf("%d lines of the log contain %q, want 1:\n%s", n, c.want, b.log.String())
			}
		})
	}
}

func TestMaker_LogsOnceThatTheProgramIsMissing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := start(t, "/nonexistent/ffmpeg", makeTimeout)
		<-time.After(10 * time.Minute)
		if b.feed.Due(time.Now()) {
			t.Error("a picture is due although the program is missing")
		}
		b.stop()
		if n := strings.Count(b.log.String(), "level=WARN"); n != 1 || !strings.Contains(b.log.String(), "ffmpeg not found") {
			t.Errorf("%d warnings, want 1:\n%s", n, b.log.String())
		}
	})
}

func TestFeed_KeepsTheNewestPictureAndWaitsForTheInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := NewMaker(DefaultConfig(), "ffmpeg", slog.New(slog.DiscardHandler), NewMetrics(prometheus.NewRegistry()))
		m.available.Store(true)
		f := m.NewFeed(func(Picture) { t.Error("a picture was reported after Close") }, m.log)
		var offered int
		for range 60 {
			if now := time.Now(); f.Due(now) {
				offered++
				f.Offer(media.AccessUnit{}, Place{MSN: int64(offered)}, now)
			}
			<-time.After(time.Second)
		}
		if offered != 6 || len(m.queue) != 1 || f.pending.Load().at.MSN != 6 {
			t.Errorf("%d pictures offered and %d queued, want 6 and 1, the newest", offered, len(m.queue))
		}
		f.done(Picture{}, errors.New("broken"))
		f.done(Picture{}, errors.New("broken"))
		<-time.After(39 * time.Second)
		if f.Due(time.Now()) {
			t.Error("a picture is due again too early")
		}
		<-time.After(time.Second)
		if !f.Due(time.Now()) {
			t.Error("no picture is due after the interval")
		}
		f.Close()
		f.done(Picture{}, nil)
		if f.pending.Load() != nil {
			t.Error("a picture waits after Close")
		}
	})
}
