package publisher

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"golive/container/flv"
	"golive/internal/clip"
)

// file returns an FLV file of tags.
func file(tags ...flv.Tag) []byte {
	b := []byte("FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00")
	for _, t := range tags {
		n, ts := len(t.Body), t.Timestamp
		b = append(b, t.Type, byte(n>>16), byte(n>>8), byte(n), byte(ts>>16), byte(ts>>8), byte(ts), byte(ts>>24), 0, 0, 0)
		b = append(b, t.Body...)
		b = binary.BigEndian.AppendUint32(b, uint32(11+n))
	}
	return b
}

func video(at uint32) flv.Tag {
	return flv.Tag{Type: flv.TagVideo, Timestamp: at, Body: []byte{0x17, 1, 0, 0, 0, byte(at)}}
}

func audio(at uint32) flv.Tag {
	return flv.Tag{Type: flv.TagAudio, Timestamp: at, Body: []byte{0xaf, 1, byte(at)}}
}

func TestParseSource_LoopsTheClipEvery16Seconds(t *testing.T) {
	s, err := parseSource(clip.FLV())
	if err != nil {
		t.Fatal(err)
	}
	if s.period != 16_000 || len(s.tags) != 480+750+2 || s.metadata == nil {
		t.Errorf("period is %d ms, with %d tags and %d bytes of metadata; want 16000 ms", s.period, len(s.tags), len(s.metadata))
	}
}

func TestParseSource_MovesTimesIntoTheLoop(t *testing.T) {
	config := flv.Tag{Type: flv.TagVideo, Body: []byte{0x17, 0, 0, 0, 0, 1}}
	end := flv.Tag{Type: flv.TagVideo, Timestamp: 1140, Body: []byte{0x17, 2, 0, 0, 0}}
	empty := flv.Tag{Type: flv.TagAudio, Timestamp: 1000}
	other := flv.Tag{Type: 15, Timestamp: 1000, Body: []byte{1}}
	script := flv.Tag{Type: flv.TagScript, Timestamp: 1000, Body: []byte("\x02\x00\x08onCustom")}
	s, err := parseSource(file(config, script, empty, other, video(1000), video(1040), audio(1050), video(1080), audio(1090), audio(1130), end))
	if err != nil {
		t.Fatal(err)
	}
	if s.period != 120 || s.metadata != nil {
		t.Errorf("period is %d ms, metadata %q; want 120 ms and none", s.period, s.metadata)
	}
	type sent struct {
		At    int64
		Video bool
		First bool // sent in the first loop
	}
	var got []sent
	for i, tag := range s.tags {
		at, _ := s.due(1, i)
		_, first := s.due(0, i)
		got = append(got, sent{at.Milliseconds(), tag.kind == flv.TagVideo, first})
	}
	want := []sent{
		{120, true, true},
		{120, true, true},   // the configuration, a picture
		{130, false, false}, // audio that the loop before still has to send
		{160, true, true},
		{170, false, true},
		{200, true, true},
		{210, false, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

func TestParseSource_AcceptsASingleTrack(t *testing.T) {
	s, err := parseSource(file(audio(0), audio(21), audio(43)))
	if err != nil || s.period != 65 {
		t.Errorf("source is %+v, error %v", s, err)
	}
}

func TestParseSource_AcceptsSeveralTracks(t *testing.T) {
	second := func(at uint32, packet byte) flv.Tag {
		return flv.Tag{Type: flv.TagVideo, Timestamp: at, Body: []byte{0xa6, packet, 'a', 'v', 'c', '1', 1, byte(at)}}
	}
	other := flv.Tag{Type: flv.TagAudio, Timestamp: 20, Body: []byte{0x95, 1, 'm', 'p', '4', 'a', 1, 0x21}}
	s, err := parseSource(file(second(0, 0), video(0), second(0, 3), video(40), second(40, 3), other, video(80), second(80, 3), second(80, 2)))
	if err != nil || s.period != 120 || len(s.tags) != 8 {
		t.Errorf("source is %+v, error %v; want 8 tags in 120 ms", s, err)
	}
}

func TestParseSource_RefusesFilesWithoutMedia(t *testing.T) {
	for _, b := range [][]byte{file(), file(video(0)), file(flv.Tag{Type: flv.TagScript, Body: []byte{2}})} {
		if _, err := parseSource(b); !errors.Is(err, ErrEmptySource) {
			t.Errorf("error is %v, want ErrEmptySource", err)
		}
	}
	_, err := parseSource([]byte("RIFF....WAVE"))
	if _, ok := errors.AsType[*flv.SyntaxError](err); !ok {
		t.Errorf("error is %v, want a SyntaxError", err)
	}
}
