//go:build e2e

package e2e

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golive/container/flv"
	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// FIELD rows 61, 63 and 64: a track that stops and comes back, and pictures that are
// far apart, are played through, and break no rule but what is named.
func TestChromium_PlaysThroughTracksThatComeAndGo(t *testing.T) {
	for _, c := range []struct {
		name    string
		source  func(t *testing.T) string
		warning string
		fps     float64
	}{
		{"row_63_sound_stops", func(t *testing.T) string {
			return without(t, sources.FLV(t, "-bf", "2", "-t", "60"), flv.TagAudio, 18000, 28000)
		}, "audio_silent", 30},
		{"row_64_pictures_stop", func(t *testing.T) string {
			return without(t, sources.FLV(t, "-bf", "2", "-t", "60"), flv.TagVideo, 18000, 28000)
		}, "video_silent", 1},
		{"row_61_slides_alone", func(t *testing.T) string { return slides(t, "-an") }, "", 1},
		{"row_61_slides_with_sound", func(t *testing.T) string { return slides(t, "-c:a", "aac") }, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := harness.Start(t, harness.Options{})
			source := c.source(t)
			p := harness.OpenBrowser(t).Open(t, s.WatchURL("show"))
			harness.Launch(t, nil, s.Program(), "publish", "-file", source, s.PublishURL("show"))
			s.WaitForState("show", "live", 20*time.Second)
			f := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{LowLatency: true, Probe: true})
			p.WaitForPicture(30 * time.Second)
			first := p.Playback()
			last, begin, moved := first, time.Now(), time.Now()
			warned := false
			var still time.Duration
			for tick := time.NewTicker(250 * time.Millisecond); time.Since(begin) < 30*time.Second; {
				<-tick.C
				now := p.Playback()
				if now.Time > last.Time {
					moved = time.Now()
				}
				still, last = max(still, time.Since(moved)), now
				b, err := s.Broadcast(t.Context(), "show")
				if err != nil {
					t.Fatal(err)
				}
				for _, w := range b.Warnings {
					warned = warned || w.Code == c.warning
				}
			}
			took := time.Since(begin).Seconds()
			t.Logf("played %.2f s in %.2f s, %d frames, %d bytes of sound, stood still for %v at most, %d waits",
				last.Time-first.Time, took, last.Frames-first.Frames, last.Audio-first.Audio, still, last.Waits)
			if !last.Same || last.Time-first.Time < 0.9*took || still > 2*time.Second {
				t.Errorf("the page stood still: %+v", last)
			}
			if float64(last.Frames-first.Frames) < 0.8*c.fps*took {
				t.Errorf("%d frames were decoded", last.Frames-first.Frames)
			}
			if warned != (c.warning != "") {
				t.Errorf("warned of %q: %t", c.warning, warned)
			}
			for _, v := range f.Stop().Violations {
				if v.Rule != 12 { // parts may be late: the browser keeps the machine busy
					t.Errorf("%s", v)
				}
			}
		})
	}
}

// slides is a file of pictures every 4 s, each of them a key frame.
func slides(t *testing.T, options ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "slides.flv")
	args := append([]string{
		"ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=1/4", "-f", "lavfi", "-i", "sine=r=48000",
		"-t", "60", "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-g", "1",
	}, options...)
	harness.Run(t, append(args, path)...)
	return path
}

// without is a copy of an FLV file without the units of a track between two times in
// milliseconds.
func without(t *testing.T, file string, kind uint8, from, to uint32) string {
	t.Helper()
	all, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	out := append([]byte{}, "FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"...)
	for r := flv.NewReader(bytes.NewReader(all)); ; {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if tag.Type == kind && from <= tag.Timestamp && tag.Timestamp < to {
			continue
		}
		n := len(tag.Body)
		out = append(out, tag.Type, byte(n>>16), byte(n>>8), byte(n),
			byte(tag.Timestamp>>16), byte(tag.Timestamp>>8), byte(tag.Timestamp), byte(tag.Timestamp>>24), 0, 0, 0)
		out = binary.BigEndian.AppendUint32(append(out, tag.Body...), uint32(n)+11)
	}
	path := filepath.Join(t.TempDir(), "holes.flv")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
