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

func TestFLV_HasTheDocumentedTracksAndTimes(t *testing.T) {
	if n := len(clip.FLV()); n > 700_000 {
		t.Errorf("the clip has %d bytes, want at most 700000", n)
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
		t.Fatalf("%d pictures and %d audio frames, want %d and %d", len(video), len(audio), seconds*30, seconds*48_000/1024)
	}
	v, a := video[0].Track, audio[0].Track
	if v.Width != 640 || v.Height != 360 || v.FrameRate != 30 || v.CodecString[:7] != "avc1.4d" {
		t.Errorf("video track is %+v, want 640x360 at 30 fps in H.264 Main", v)
	}
	if a.SampleRate != 48_000 || a.Channels != 2 || a.CodecString != "mp4a.40.2" {
		t.Errorf("audio track is %+v, want AAC-LC at 48 kHz in stereo", a)
	}
	for i, u := range video {
		if u.Key != (i%60 == 0) {
			t.Errorf("picture %d: Key = %v, want one key picture in 60", i, u.Key)
		}
		if u.Track != v || u.PTS < u.DTS {
			t.Errorf("picture %d: track %p, DTS %d, PTS %d, want track %p and PTS >= DTS", i, u.Track, u.DTS, u.PTS, v)
		}
	}
	if video[0].DTS != 0 || audio[0].DTS != video[0].PTS {
		t.Errorf("the first picture has DTS %d and PTS %d, the first audio frame DTS %d; want a DTS of 0 and equal presentation times", video[0].DTS, video[0].PTS, audio[0].DTS)
	}
}
