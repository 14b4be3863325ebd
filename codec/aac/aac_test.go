package aac

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/google/go-cmp/cmp"
)

func TestParseASC_ReadsConfigurationsOfEncoders(t *testing.T) {
	lc := func(rate, channels int) *Config {
		return &Config{ObjectType: 2, SampleRate: rate, Channels: channels, SamplesPerUnit: 1024, CodecString: "mp4a.40.2"}
	}
	he := func(rate, channels int, codec string) *Config {
		c := lc(rate, channels)
		c.CodecString = codec
		return c
	}
	for _, c := range []struct {
		name string
		asc  []byte
		want *Config
	}{
		{"OBS, stereo at 48 kHz", []byte{0x11, 0x90}, lc(48000, 2)},
		{"ffmpeg, stereo at 48 kHz, says that there is no SBR", []byte{0x11, 0x90, 0x56, 0xe5, 0x00}, lc(48000, 2)},
		{"ffmpeg, mono at 44.1 kHz", []byte{0x12, 0x08, 0x56, 0xe5, 0x00}, lc(44100, 1)},
		{"ffmpeg, 5.1", []byte{0x11, 0xb0, 0x56, 0xe5, 0x00}, lc(48000, 6)},
		{"7.1", []byte{0x11, 0xb8}, lc(48000, 8)},
		{"a rate written out", []byte{0x17, 0x80, 0x5d, 0xc0, 0x10}, lc(48000, 2)},
		{"HE-AAC, explicit", []byte{0x2b, 0x11, 0x88, 0x00}, he(24000, 2, "mp4a.40.5")},
		{"HE-AAC v2, explicit", []byte{0xeb, 0x09, 0x88, 0x00}, he(24000, 1, "mp4a.40.29")},
		{"HE-AAC, backward compatible", []byte{0x13, 0x10, 0x56, 0xe5, 0x98}, he(24000, 2, "mp4a.40.5")},
		{"HE-AAC v2, backward compatible", []byte{0x13, 0x08, 0x56, 0xe5, 0x9d, 0x48, 0x80}, he(24000, 1, "mp4a.40.29")},
		{"HE-AAC, sync word after a rate written out", []byte{0x17, 0x80, 0x5d, 0xc0, 0x10, 0x56, 0xe5, 0x98}, he(48000, 2, "mp4a.40.5")},
		{"HE-AAC, both rates written out", []byte{0x2f, 0x80, 0x2e, 0xe0, 0x17, 0x80, 0x5d, 0xc0, 0x08, 0x00}, he(24000, 2, "mp4a.40.5")},
		{"sync word of another type", []byte{0x11, 0x90, 0x56, 0xe2, 0x80}, lc(48000, 2)},
		{"sync word cut off", []byte{0x13, 0x10, 0x56}, lc(24000, 2)},
		{"pull-down of 44.1 kHz", []byte{0x17, 0x80, 0x56, 0x0c, 0x10}, lc(44056, 2)},
		{"pull-down of 48 kHz", []byte{0x17, 0x80, 0x5d, 0xa8, 0x10}, lc(47952, 2)},
		{"7.1 by configuration 12", []byte{0x11, 0xe0}, lc(48000, 8)},
		{"bytes after the configuration", []byte{0x11, 0x90, 0xff, 0xff, 0xff, 0xff, 0xff}, lc(48000, 2)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseASC(c.asc)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
		})
	}
}

func TestParseASC_RefusesConfigurationsThatADTSCannotCarry(t *testing.T) {
	for _, c := range []struct {
		name string
		asc  []byte
		want string
	}{
		{"AAC Main", []byte{0x09, 0x90}, "AAC Main is not supported: set"},
		{"AAC SSR", []byte{0x19, 0x90}, "AAC SSR"},
		{"AAC LTP", []byte{0x21, 0x90}, "AAC LTP"},
		{"AAC-LD", []byte{0xb9, 0x90}, "AAC-LD"},
		{"AAC-ELD", []byte{0xf8, 0xe6, 0x40, 0x00}, "AAC-ELD"},
		{"xHE-AAC", []byte{0xf9, 0x46, 0x40, 0x00}, "xHE-AAC (USAC)"},
		{"SBR over AAC Main", []byte{0x2b, 0x11, 0x84, 0x00}, "AAC Main"},
		{"MPEG-1 layer 3 in MPEG-4", []byte{0xf8, 0x46, 0x40, 0x00}, "MPEG-4 audio object type 34"},
		{"22.2", []byte{0x11, 0xe8}, "channels above"},
		{"7.1 with height", []byte{0x11, 0xf0}, "channels above"},
		{"960 samples", []byte{0x11, 0x94}, "960 samples"},
		{"47 kHz", []byte{0x17, 0x80, 0x5b, 0xcc, 0x10}, "47000 Hz"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseASC(c.asc)
			if _, ok := errors.AsType[*UnsupportedError](err); !ok || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestParseASC_ReportsWhatIsWrong(t *testing.T) {
	for name, asc := range map[string][]byte{
		"empty":           nil,
		"one byte":        {0x11},
		"reserved rate":   {0x16, 0x90},
		"reserved layout": {0x11, 0xc0},
		"cut after SBR":   {0x2b, 0x11},
		"cut in the rate": {0x17, 0x80, 0x5d},
		"extension flag":  {0x11, 0x91},
		"layout missing":  {0x11, 0x80},
		"layout cut off":  {0x11, 0x80, 0x04, 0xc4, 0x04, 0x00, 0x20, 0x00, 0x0d, 0x4c},
		"no channels":     {0x11, 0x80, 0x04, 0xc0, 0x00, 0x00, 0x00, 0x00},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseASC(asc)
			want := fmt.Sprintf("aac: AudioSpecificConfig of %d bytes: ", len(asc))
			if e, ok := errors.AsType[*SyntaxError](err); !ok || errors.Unwrap(e) == nil || !strings.HasPrefix(e.Error(), want) {
				t.Errorf("error %v, want one that begins with %q", err, want)
			}
		})
	}
}

func TestAppendADTSHeader_IsReadByAnotherReader(t *testing.T) {
	for _, rate := range []int{96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350} {
		for _, channels := range []int{1, 2, 3, 4, 5, 6, 8} {
			for _, size := range []int{1, 255, 256, 2041, 2042, 5120} {
				frame := bytes.Repeat([]byte{0xa5}, size)
				b := append(AppendADTSHeader(nil, ObjectTypeLC, rate, channels, size), frame...)
				var got mpeg4audio.ADTSPackets
				if err := got.Unmarshal(b); err != nil {
					t.Fatalf("%d Hz, %d channels, %d bytes: %v", rate, channels, size, err)
				}
				if p := got[0]; len(got) != 1 || p.Type != ObjectTypeLC || p.SampleRate != rate || int(p.ChannelConfig) != min(channels, 7) || !bytes.Equal(p.AU, frame) {
					t.Fatalf("%d Hz, %d channels, %d bytes: read as %d Hz, %d channels, %d bytes", rate, channels, size, p.SampleRate, p.ChannelConfig, len(p.AU))
				}
			}
		}
	}
}

func TestAppendADTSHeader_AppendsSevenBytes(t *testing.T) {
	got := AppendADTSHeader([]byte{1, 2}, ObjectTypeLC, 48000, 2, MaxFrameSize)
	// The longest frame fills the 13 bits of the length.
	want := []byte{1, 2, 0xff, 0xf1, 0x4c, 0x83, 0xff, 0xff, 0xfc}
	if !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want)
	}
}
