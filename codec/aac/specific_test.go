package aac

import (
	"testing"

	"github.com/bluenviron/mediacommon/v2/pkg/codecs/mpeg4audio"
	"github.com/google/go-cmp/cmp"
)

func TestSpecificConfig_EqualsThatOfEncoders(t *testing.T) {
	for _, c := range []struct {
		name   string
		config Config
		want   []byte
	}{
		{"stereo at 48 kHz", Config{ObjectType: 2, SampleRate: 48000, Channels: 2, CodecString: CodecLC}, []byte{0x11, 0x90}},
		{"7.1", Config{ObjectType: 2, SampleRate: 48000, Channels: 8, CodecString: CodecLC}, []byte{0x11, 0xb8}},
		{"a rate written out", Config{ObjectType: 2, SampleRate: 44056, Channels: 2, CodecString: CodecLC}, []byte{0x17, 0x80, 0x56, 0x0c, 0x10}},
		{"HE-AAC", Config{ObjectType: 2, SampleRate: 24000, Channels: 2, CodecString: CodecHE}, []byte{0x2b, 0x11, 0x88, 0x00}},
		{"HE-AAC v2", Config{ObjectType: 2, SampleRate: 24000, Channels: 1, CodecString: CodecHEv2}, []byte{0xeb, 0x09, 0x88, 0x00}},
		{"HE-AAC of 48 kHz is not doubled", Config{ObjectType: 2, SampleRate: 48000, Channels: 2, CodecString: CodecHE}, []byte{0x29, 0x91, 0x88, 0x00}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := c.config.SpecificConfig()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("bytes (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSpecificConfig_HoldsEveryLayout(t *testing.T) {
	for _, l := range layouts() {
		c, err := ParseASC(l.asc)
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		asc, err := c.SpecificConfig()
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		again, err := ParseASC(asc)
		if err != nil {
			t.Fatalf("%s: %v", l.name, err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("%s: config (-want +got):\n%s", l.name, diff)
		}
	}
}

func TestSpecificConfig_RefusesAnUnknownNumberOfChannels(t *testing.T) {
	c := Config{ObjectType: 2, SampleRate: 48000, Channels: 7, CodecString: CodecLC}
	if asc, err := c.SpecificConfig(); err == nil {
		t.Errorf("% x, want an error", asc)
	}
}

// FuzzSpecificConfig checks that an AudioSpecificConfig that is written from a parsed one is
// read as the same configuration, by this package and by another library.
func FuzzSpecificConfig(f *testing.F) {
	for _, b := range [][]byte{{0x11, 0x90}, {0x2b, 0x11, 0x88, 0x00}, {0xeb, 0x09, 0x88, 0x00}, {0x17, 0x80, 0x56, 0x0c, 0x10}} {
		f.Add(b)
	}
	for _, l := range layouts() {
		f.Add(l.asc)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseASC(b)
		if err != nil {
			return
		}
		asc, err := c.SpecificConfig()
		if err != nil {
			t.Fatalf("%+v: %v", c, err)
		}
		again, err := ParseASC(asc)
		if err != nil {
			t.Fatalf("% x, written from %+v: %v", asc, c, err)
		}
		if diff := cmp.Diff(c, again); diff != "" {
			t.Errorf("config (-want +got):\n%s", diff)
		}
		if c.ProgramConfig != nil {
			return // the other library does not read program config elements
		}
		var other mpeg4audio.AudioSpecificConfig
		if err := other.Unmarshal(asc); err != nil {
			t.Fatalf("another reader of % x: %v", asc, err)
		}
		if other.SampleRate != c.SampleRate || int(other.Type) != c.ObjectType {
			t.Errorf("another reader has %+v, want %+v", other, c)
		}
	})
}
