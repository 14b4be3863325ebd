package aac

import (
	"fmt"
	"math"
	"os/exec"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSilence_ReturnsTheElementsOfTheLayout(t *testing.T) {
	for channels, want := range map[int][]byte{
		1: {0x00, 0x00, 0x00, 0x07},
		2: {0x20, 0x00, 0x00, 0x00, 0x00, 0x00, 0x0e},
		7: nil, // no channel configuration has seven
	} {
		if diff := cmp.Diff(want, Silence(channels, nil)); diff != "" {
			t.Errorf("%d channels (-want +got):\n%s", channels, diff)
		}
	}
}

func TestSilence_DecodesToSilence(t *testing.T) {
	if _, err := exec.LookPath("ffmpeg"); err != nil {
		t.Skip("needs ffmpeg")
	}
	// FFmpeg's layout for 5.1(side): no channel configuration has this order.
	side := &programConfig{
		profile: 1, rateIndex: 3, front: []element{{pair: true}, {}}, side: []element{{pair: true, tag: 1}}, back: []element{{tag: 1}},
		monoMixdown: -1, stereoMixdown: -1, matrixMixdown: -1,
	}
	for _, c := range []struct {
		channels int
		layout   []byte
	}{{channels: 1}, {channels: 2}, {channels: 3}, {channels: 4}, {channels: 5}, {channels: 6}, {channels: 8}, {channels: 6, layout: side.element()}} {
		channels := c.channels
		t.Run(fmt.Sprint(channels, " ", len(c.layout)), func(t *testing.T) {
			frame := append(slices.Clone(c.layout), Silence(channels, c.layout)...)
			var stream []byte
			for range 20 {
				stream = append(stream, append(AppendADTSHeader(nil, ObjectTypeLC, 48000, channels, len(frame)), frame...)...)
			}
			cmd := exec.Command("ffmpeg", "-v", "error", "-xerror", "-f", "aac", "-i", "-", "-f", "s16le", "-")
			in, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			go func() { _, _ = in.Write(stream); _ = in.Close() }()
			samples, err := cmd.Output()
			if err != nil {
				t.Fatalf("ffmpeg: %v", err)
			}
			if want := 20 * 1024 * 2 * channels; math.Abs(float64(len(samples)-want)) > float64(want)/10 {
				t.Errorf("%d bytes were decoded, want %d", len(samples), want)
			}
			for i, b := range samples {
				if b != 0 {
					t.Fatalf("byte %d is %#x, want 0", i, b)
				}
			}
		})
	}
}
