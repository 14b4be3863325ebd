//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"golive/container/flv"
	"golive/container/fmp4"
	"golive/e2e/harness"
	"golive/internal/hlscheck"
	"golive/media"
	"golive/segmenter"
)

// fragments is a Packaging that keeps fMP4 parts of some of the tracks.
type fragments struct {
	video, audio bool
	mux          *fmp4.Muxer
	file         bytes.Buffer
	parts        int
	err          error
}

func (*fragments) Open(media.Segment) {}
func (*fragments) Close()             {}
func (*fragments) Drop()              {}

func (f *fragments) Part(c *segmenter.Cut) {
	if c.Gap {
		return
	}
	var video, audio *media.Track
	if f.video {
		video = c.Video
	}
	if f.audio {
		audio = c.Audio
	}
	var units []media.AccessUnit
	for _, u := range c.Units {
		if u.Track.Video() && f.video || !u.Track.Video() && f.audio {
			units = append(units, u)
		}
	}
	if f.parts == 0 {
		init, err := fmp4.Init(video, audio)
		f.file.Write(init)
		f.err = err
	}
	f.parts++
	f.file.Write(f.mux.Part(video, audio, units, c.Start, c.Start+c.Duration))
}

func TestFFmpeg_ReadsFragments(t *testing.T) {
	source := sources.FLV(t, "-bf", "2", "-t", "9")
	wantVideo, wantAudio := harness.Packets(t, source)
	for _, c := range []struct {
		name         string
		video, audio bool
	}{{"both", true, true}, {"video", true, false}, {"audio", false, true}} {
		t.Run(c.name, func(t *testing.T) {
			f := &fragments{video: c.video, audio: c.audio, mux: fmp4.NewMuxer()}
			cutFile(t, source, f)
			if f.err != nil || f.parts < 30 {
				t.Fatalf("%d parts, %v", f.parts, f.err)
			}
			file := filepath.Join(t.TempDir(), "all.mp4")
			if err := os.WriteFile(file, f.file.Bytes(), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, line := range harness.DecodeErrors(t, file) {
				t.Error(line)
			}
			harness.Run(t, "ffmpeg", "-v", "error", "-xerror", "-i", file, "-f", "null", "-")
			video, audio := harness.Packets(t, file)
			if c.video {
				checkPictureTimes(t, video, wantVideo)
				checkSameStream(t, file, source, "v", "h264_mp4toannexb", "h264")
			}
			if c.audio {
				checkSoundTimes(t, audio, wantAudio)
				checkSameStream(t, file, source, "a", "null", "adts")
			}
		})
	}
}

// cutFile gives a file's access units to a Segmenter.
func cutFile(t *testing.T, name string, out segmenter.Packaging) {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	s := segmenter.New(segmenter.DefaultConfig(), segmenter.Resume{}, out)
	s.Start("session")
	r, d := flv.NewReader(bytes.NewReader(b)), flv.NewDemuxer()
	for {
		tag, err := r.Next()
		if errors.Is(err, io.EOF) {
			s.Finish()
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		at := media.TicksFromMillis(int64(tag.Timestamp))
		var u media.AccessUnit
		var ok bool
		switch tag.Type {
		case flv.TagVideo:
			u, ok, err = d.Video(at, tag.Body)
		case flv.TagAudio:
			u, ok, err = d.Audio(at, tag.Body)
		}
		if err != nil {
			t.Fatal(err)
		}
		if ok {
			s.Write(u)
		}
	}
}

// timeOffset is what MPEG-TS and fMP4 add to all times, in 90 kHz ticks.
const timeOffset = 126_000

func checkPictureTimes(t *testing.T, got, want []harness.Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d pictures came out, %d went in", len(got), len(want))
	}
	for i, p := range got {
		if p.PTS != want[i].PTS*ticksPerMilli+timeOffset {
			t.Fatalf("picture %d: PTS %d, want %d", i, p.PTS, want[i].PTS*ticksPerMilli+timeOffset)
		}
		// A part's first picture is decoded where the part was said to begin.
		if off := p.DTS - want[i].DTS*ticksPerMilli - timeOffset; off < -ticksPerMilli || off > ticksPerMilli {
			t.Fatalf("picture %d is decoded %d ticks late", i, off)
		}
	}
}

func checkSoundTimes(t *testing.T, got, want []harness.Packet) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d audio frames came out, %d went in", len(got), len(want))
	}
	const perMilli = 48 // samples
	for i, p := range got {
		if off := p.PTS - (want[i].PTS*ticksPerMilli+timeOffset)*perMilli/ticksPerMilli; off < -2*perMilli || off > 2*perMilli {
			t.Fatalf("audio frame %d is %d samples late", i, off)
		}
	}
}

// checkSameStream compares an elementary stream of two files.
func checkSameStream(t *testing.T, got, want, kind, filter, format string) {
	t.Helper()
	read := func(file string) []byte {
		return harness.Run(t, "ffmpeg", "-v", "error", "-i", file, "-map", "0:"+kind, "-c", "copy", "-bsf:"+kind, filter, "-f", format, "-")
	}
	sum := hlscheck.MD5
	if kind == "v" {
		sum = hlscheck.PictureMD5
	}
	if a, b := sum(read(got)), sum(read(want)); a != b {
		t.Errorf("the %s stream has MD5 %s, the source %s", format, a, b)
	}
}
