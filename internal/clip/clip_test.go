package clip_test

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"golive/container/flv"
	"golive/internal/clip"
	"golive/media"
)

// seconds and the rates below are what make.sh promises and what a loop without
// a gap rests on.
const seconds = 16

func TestFLV_IsWhatItsCommentSays(t *testing.T) {
	if n := len(clip.FLV()); n > 700_000 {
		t.Errorf("the clip has %d bytes", n)
	}
	r, d := flv.NewReader(bytes.NewReader(clip.FLV())), flv.NewDemuxer()
	var video, audio []media.AccessUnit
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		dts := media.TicksFromMillis(int64(tag.Timestamp))
		var u media.AccessUnit
		var ok bool
		switch tag.Type {
		case flv.TagVideo:
			if u, ok, err = d.Video(dts, tag.Body); ok {
				video = append(video, u)
			}
		case flv.TagAudio:
			if u, ok, err = d.Audio(dts, tag.Body); ok {
				audio = append(audio, u)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}

	if len(video) != seconds*30 || len(audio) != seconds*48_000/1024 {
		t.Fatalf("%d pictures and %d audio frames", len(video), len(audio))
	}
	v, a := video[0].Track, audio[0].Track
	if v.Width != 640 || v.Height != 360 || v.FrameRate != 30 || v.CodecString[:7] != "avc1.4d" {
		t.Errorf("video track %+v", v)
	}
	if a.SampleRate != 48_000 || a.Channels != 2 || a.CodecString != "mp4a.40.2" {
		t.Errorf("audio track %+v", a)
	}
	for i, u := range video {
		if u.Key != (i%60 == 0) {
			t.Errorf("picture %d: Key = %v", i, u.Key)
		}
		if u.Track != v || u.PTS < u.DTS {
			t.Errorf("picture %d: track %p, DTS %d, PTS %d", i, u.Track, u.DTS, u.PTS)
		}
	}
	if video[0].DTS != 0 || audio[0].DTS != video[0].PTS {
		t.Errorf("pictures are shown from %d, sound is heard from %d", video[0].PTS, audio[0].DTS)
	}
}
