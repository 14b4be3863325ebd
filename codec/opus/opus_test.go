package opus

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/Eyevinn/mp4ff/bits"
	"github.com/Eyevinn/mp4ff/mp4"
	mcopus "github.com/bluenviron/mediacommon/v2/pkg/codecs/opus"
	"github.com/google/go-cmp/cmp"
)

// stereo returns the header that ffmpeg 5.1 writes with -c:a libopus -ac 2, and surround with -ac 6.
func stereo() []byte {
	return []byte("OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00")
}

func surround() []byte {
	return []byte("OpusHead\x01\x06\x38\x01\x80\xbb\x00\x00\x00\x00\x01\x04\x02\x00\x04\x01\x02\x03\x05")
}

func TestParseHeader_ReadsWhatLibopusWrites(t *testing.T) {
	quiet := stereo()
	quiet[9], quiet[16], quiet[17] = 1, 0x00, 0xff
	for _, c := range []struct {
		name   string
		header []byte
		want   Config
	}{
		{"stereo", stereo(), Config{Channels: 2, PreSkip: 312, InputRate: 48000}},
		{"5.1", surround(), Config{Channels: 6, PreSkip: 312, InputRate: 48000, Mapping: []byte{4, 2, 0, 4, 1, 2, 3, 5}}},
		{"mono, a decibel quieter", quiet, Config{Channels: 1, PreSkip: 312, InputRate: 48000, Gain: -256}},
		{"bytes after the header", append(stereo(), 1, 2, 3), Config{Channels: 2, PreSkip: 312, InputRate: 48000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseHeader(c.header)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(&c.want, got); diff != "" {
				t.Errorf("config (-want +got):\n%s", diff)
			}
			checkBox(t, got)
		})
	}
}

// checkBox checks that mp4ff reads c from its dOps box.
func checkBox(t *testing.T, c *Config) {
	t.Helper()
	body := c.SpecificBox()
	box, err := mp4.DecodeBoxSR(0, bits.NewFixedSliceReader(append([]byte{0, 0, 0, byte(8 + len(body)), 'd', 'O', 'p', 's'}, body...)))
	if err != nil {
		t.Fatal(err)
	}
	got := box.(*mp4.DopsBox)
	if int(got.OutputChannelCount) != c.Channels || int(got.PreSkip) != c.PreSkip || got.InputSampleRate != c.InputRate ||
		int(got.OutputGain) != c.Gain || got.ChannelMappingFamily != 0 != (c.Mapping != nil) {
		t.Errorf("dOps %+v, want %+v", got, c)
	}
	if c.Mapping != nil && (got.StreamCount != c.Mapping[0] || got.CoupledCount != c.Mapping[1] || !bytes.Equal(got.ChannelMapping, c.Mapping[2:])) {
		t.Errorf("dOps %+v, want %+v", got, c)
	}
}

func TestParseHeader_RefusesInvalidHeaders(t *testing.T) {
	change := func(b []byte, at int, to byte) []byte { b[at] = to; return b }
	for _, c := range []struct {
		name, want string
		header     []byte
	}{
		{"nothing", "need 19 bytes, have 0 at offset 0", nil},
		{"another magic", `no "OpusHead"`, change(stereo(), 4, 'T')},
		{"a later version", "version is 16", change(stereo(), 8, 16)},
		{"no channel", "0 channels, want 1 to 2 in mapping family 0", change(stereo(), 9, 0)},
		{"three channels in family 0", "3 channels, want 1 to 2", change(stereo(), 9, 3)},
		{"nine channels", "9 channels, want 1 to 8", change(surround(), 9, 9)},
		{"ambisonics", "channel mapping family 2 is not supported: set the encoder to mono or stereo", change(surround(), 18, 2)},
		{"a mapping cut off", "need 8 bytes for the channel mapping, have 7", surround()[:26]},
		{"no stream", "0 streams, 2 of them coupled", change(surround(), 19, 0)},
		{"more coupled streams than streams", "4 streams, 5 of them coupled", change(surround(), 20, 5)},
		{"a channel that is not decoded", "channel 6 of 6 at offset 26", change(surround(), 26, 6)},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := ParseHeader(c.header)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("config %+v, error %v, want one with %q", got, err, c.want)
			}
		})
	}
}

func TestSamples_ReadsEveryConfiguration(t *testing.T) {
	for toc := range 256 {
		for frames := range 64 {
			packet := []byte{byte(toc), byte(frames), 0}
			got, err := Samples(packet)
			want := mcopus.PacketDuration2(packet) // in samples of 48 kHz
			if _, broken := errors.AsType[*SyntaxError](err); broken != (want == 0 || want > 5760) || !broken && int64(got) != want {
				t.Fatalf("packet % x lasts %d, %v; another reader has %d", packet, got, err, want)
			}
		}
	}
	for _, packet := range [][]byte{nil, {3}} {
		if n, err := Samples(packet); err == nil {
			t.Errorf("packet % x lasts %d, want an error", packet, n)
		}
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(stereo())
	f.Add(surround())
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := ParseHeader(b)
		if err != nil {
			return
		}
		if c.Channels < 1 || c.Channels > 8 {
			t.Errorf("config %+v", c)
		}
		checkBox(t, c)
	})
}
