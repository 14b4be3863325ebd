package ingest

import (
	list "slices" // slices is a constant here
	"testing"

	"golive/media"
)

// shown is a Sink that keeps the codes of the warnings until they are cleared.
type shown struct {
	Sink
	codes []WarningCode
}

func (s *shown) Warn(w Warning) {
	if w.Text == "" {
		panic("a warning without text")
	}
	s.codes = append(s.codes, w.Code)
}

func (s *shown) ClearWarning(code WarningCode) {
	s.codes = list.DeleteFunc(s.codes, func(c WarningCode) bool { return c == code })
}

func TestSoundWarnings_AreShownAsLongAsTheyApply(t *testing.T) {
	lc := &media.Track{Codec: media.AAC, CodecString: "mp4a.40.2", Channels: 2}
	he := &media.Track{Codec: media.AAC, CodecString: "mp4a.40.5", Channels: 2}
	v2 := &media.Track{Codec: media.AAC, CodecString: "mp4a.40.29", Channels: 1}
	odd := &media.Track{Codec: media.AAC, CodecString: "mp4a.40.2", Channels: 4, ProgramConfig: []byte{0xa0}}
	opus := &media.Track{Codec: media.Opus, CodecString: "Opus", Channels: 2}
	mp3 := &media.Track{Codec: media.MP3, CodecString: "mp4a.40.34", Channels: 2}
	var w SoundWarnings
	var sink shown
	for _, step := range []struct {
		name string
		do   func()
		want []WarningCode
	}{
		{"AAC-LC", func() { w.Began(&sink, lc) }, nil},
		{"HE-AAC v2", func() { w.Began(&sink, v2) }, []WarningCode{WarnHEAACv2}},
		{"HE-AAC", func() { w.Began(&sink, he) }, nil},
		{"Opus", func() { w.Began(&sink, opus) }, []WarningCode{WarnAudioCodec}},
		{"MP3", func() { w.Began(&sink, mp3) }, []WarningCode{WarnAudioCodec}},
		{"an odd layout", func() { w.Began(&sink, odd) }, []WarningCode{WarnAudioLayout}},
		{"refused", func() { w.Refused(&sink, "text") }, []WarningCode{WarnAudioLayout, WarnAudioUnsupported}},
		{"refused again", func() { w.Refused(&sink, "text") }, []WarningCode{WarnAudioLayout, WarnAudioUnsupported}},
		{"AAC-LC again", func() { w.Began(&sink, lc) }, nil},
		{"a few without configuration", func() {
			for range maxUnconfigured - 1 {
				w.Unconfigured(&sink)
			}
		}, nil},
		{"one more without configuration", func() { w.Unconfigured(&sink) }, []WarningCode{WarnAudioConfigMissing}},
		{"more", func() { w.Unconfigured(&sink) }, []WarningCode{WarnAudioConfigMissing}},
		{"the configuration", func() { w.Began(&sink, lc) }, nil},
	} {
		step.do()
		if !list.Equal(sink.codes, step.want) {
			t.Errorf("after %s: %v, want %v", step.name, sink.codes, step.want)
		}
	}
	w.Began(struct{ Sink }{}, v2) // a Sink that is no Warner
}
