//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// ticksPerMilli is the number of 90 kHz ticks per millisecond, FLV's unit.
const ticksPerMilli = 90

func TestFFmpeg_EveryAccessUnitComesOutAgain(t *testing.T) {
	for _, c := range []struct {
		name, yaml string
		lowLatency bool
	}{
		{"disk, low latency", "storage: { backend: disk }\n", true},
		{"memory, plain", "storage: { backend: memory }\nplaylist: { low_latency: false }\n", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := harness.Start(t, harness.Options{Config: c.yaml})
			source := sources.FLV(t, "-bf", "2", "-t", "21")
			encoder := harness.Publish(t, source, s.PublishURL("show"))
			f := harness.Follow(t, s.PlaylistURL("show"), hlscheck.Options{LowLatency: c.lowLatency})
			encoder.Wait(time.Minute)
			r := f.Wait(time.Minute)
			if f.Check(); t.Failed() || !r.Ended {
				t.Fatalf("ended %t, missed %d segments", r.Ended, r.Missed)
			}
			checkParts(t, r)
			all := r.Bytes()
			ts, err := hlscheck.Demux(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			sourceVideo, sourceAudio := harness.Packets(t, source)
			t.Logf("%d segments, %d bytes; source has %d video and %d audio packets", len(r.Segments), len(all), len(sourceVideo), len(sourceAudio))
			checkVideo(t, ts.Video(), source, sourceVideo)
			checkAudio(t, ts, source, sourceAudio, sourceVideo)
			checkWithFFmpeg(t, all)
		})
	}
}

// checkParts checks that a segment consists of the bytes of its parts.
func checkParts(t *testing.T, r *hlscheck.Rendition) {
	t.Helper()
	parts := map[int64][]byte{}
	for _, p := range r.Parts {
		if p.Err != nil {
			t.Errorf("part %d of segment %d: %v", p.Index, p.MSN, p.Err)
		}
		parts[p.MSN] = append(parts[p.MSN], p.Data...)
	}
	for i, segment := range r.Segments {
		whole := parts[segment.MSN]
		// An ended playlist lists no parts: the last ones may never have been listed.
		if i == len(r.Segments)-1 && bytes.HasPrefix(segment.Data, whole) {
			continue
		}
		if len(whole) > 0 && !bytes.Equal(whole, segment.Data) {
			t.Errorf("segment %d is not the sum of its parts", segment.MSN)
		}
	}
}

func checkVideo(t *testing.T, video *hlscheck.Stream, source string, want []harness.Packet) {
	t.Helper()
	if len(video.Units) != len(want) {
		t.Fatalf("%d video access units came out, %d went in", len(video.Units), len(want))
	}
	jitter := int64(0)
	if len(video.Fragments) > 0 {
		jitter = ticksPerMilli // the first picture of a part of CMAF is decoded where the part begins
	}
	for i, p := range video.Units {
		dts, pts := video.Ticks(p.DTS-video.Units[0].DTS), video.Ticks(p.PTS-video.Units[0].DTS)
		wantDTS, wantPTS := (want[i].DTS-want[0].DTS)*ticksPerMilli, (want[i].PTS-want[0].DTS)*ticksPerMilli
		if off := dts - wantDTS; off < -jitter || off > jitter || pts != wantPTS {
			t.Fatalf("video unit %d: DTS %d, PTS %d; want %d, %d", i, dts, pts, wantDTS, wantPTS)
		}
	}
	annexB := harness.Run(t, "ffmpeg", "-v", "error", "-i", source, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
	if got, want := hlscheck.PictureMD5(video.Payloads()...), hlscheck.PictureMD5(annexB); got != want {
		t.Errorf("video elementary stream has MD5 %s, the source %s", got, want)
	}
}

func checkAudio(t *testing.T, ts *hlscheck.Contents, source string, want, wantVideo []harness.Packet) {
	t.Helper()
	audio := ts.Audio()
	frames := framesOf(t, audio)
	if len(frames) != len(want) {
		t.Fatalf("%d audio frames came out, %d went in", len(frames), len(want))
	}
	base := ts.Video().Ticks(ts.Video().Units[0].DTS)
	frame := 1024 * audio.Timescale / 48_000 // exact
	for i, f := range frames {
		pts, wantPTS := audio.Ticks(f.PTS)-base, (want[i].PTS-wantVideo[0].DTS)*ticksPerMilli
		// The source has whole milliseconds; audio times in the output are counted in samples.
		if off := pts - wantPTS; off < -ticksPerMilli || off > ticksPerMilli {
			t.Fatalf("audio frame %d: PTS %d, want %d within a millisecond", i, pts, wantPTS)
		}
		if i > 0 && f.PTS-frames[i-1].PTS != frame {
			t.Fatalf("audio frame %d comes %d units of time after the one before it, want %d", i, f.PTS-frames[i-1].PTS, frame)
		}
	}
	adts := harness.Run(t, "ffmpeg", "-v", "error", "-i", source, "-map", "0:a", "-c", "copy", "-f", "adts", "-")
	wantFrames := framesOf(t, &hlscheck.Stream{Codec: hlscheck.AAC, Timescale: 90_000, ADTS: true, Units: []hlscheck.Unit{{Data: adts}}})
	if diff := cmp.Diff(payloads(wantFrames), payloads(frames)); diff != "" {
		t.Errorf("audio frames (-source +output):\n%s", diff)
	}
}

func framesOf(t *testing.T, s *hlscheck.Stream) []hlscheck.AudioFrame {
	t.Helper()
	frames, err := hlscheck.AudioFrames(s)
	if err != nil {
		t.Fatal(err)
	}
	return frames
}

// payloads returns the MD5 of each frame.
func payloads(frames []hlscheck.AudioFrame) (sums []string) {
	for _, f := range frames {
		sums = append(sums, hlscheck.MD5(f.Data))
	}
	return sums
}

// checkWithFFmpeg checks the bytes with ffprobe and ffmpeg.
func checkWithFFmpeg(t *testing.T, all []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "all")
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range harness.DecodeErrors(t, file) {
		t.Error(line)
	}
}
