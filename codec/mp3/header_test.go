package mp3_test

import (
	"testing"

	"golive/codec/mp3"
)

func TestParseHeader_ReadsAllVersions(t *testing.T) {
	for _, c := range []struct {
		name  string
		bytes []byte
		want  mp3.Header
		size  int
	}{
		{"MPEG-1, 128 kbit/s", []byte{0xff, 0xfb, 0x90, 0x64}, mp3.Header{SampleRate: 44100, Channels: 2, Samples: 1152}, 417},
		{"MPEG-1, padded", []byte{0xff, 0xfb, 0x92, 0x64}, mp3.Header{SampleRate: 44100, Channels: 2, Samples: 1152}, 418},
		{"MPEG-1, 48 kHz, mono", []byte{0xff, 0xfb, 0x94, 0xc4}, mp3.Header{SampleRate: 48000, Channels: 1, Samples: 1152}, 384},
		{"MPEG-2, 64 kbit/s", []byte{0xff, 0xf3, 0x84, 0x64}, mp3.Header{SampleRate: 24000, Channels: 2, Samples: 576}, 192},
		{"MPEG-2.5, 8 kbit/s", []byte{0xff, 0xe3, 0x18, 0xc4}, mp3.Header{SampleRate: 8000, Channels: 1, Samples: 576}, 72},
	} {
		h, size, err := mp3.ParseHeader(c.bytes)
		if h != c.want || size != c.size || err != nil {
			t.Errorf("%s: header %+v, %d bytes, error %v; want %+v, %d", c.name, h, size, err, c.want, c.size)
		}
	}
}

func TestParseHeader_RefusesOtherBytes(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing":              nil,
		"cut off":              {0xff, 0xfb, 0x90},
		"no sync word":         {0xfe, 0xfb, 0x90, 0x64},
		"ADTS":                 {0xff, 0xf1, 0x50, 0x80},
		"layer II":             {0xff, 0xfd, 0x90, 0x64},
		"reserved version":     {0xff, 0xeb, 0x90, 0x64},
		"reserved sample rate": {0xff, 0xfb, 0x9c, 0x64},
		"free format":          {0xff, 0xfb, 0x00, 0x64},
		"bad bit rate":         {0xff, 0xfb, 0xf0, 0x64},
	} {
		if h, _, err := mp3.ParseHeader(b); err == nil {
			t.Errorf("%s: header %+v, want an error", name, h)
		}
	}
}
