//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golive/internal/hlscheck"
)

// ticksPerMilli is how many 90 kHz ticks FLV's millisecond has.
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
			s := startServer(t, c.yaml)
			source := makeSource(t, 21*time.Second)
			encoder := publish(t, source, s.publishURL("show"))
			recording := follow(t, s.url("/live/show/index.m3u8"), hlscheck.Options{LowLatency: c.lowLatency})
			encoder.wait()

			for _, v := range recording.Violations {
				t.Error(v)
			}
			r := recording.Renditions[0]
			if !r.Ended || r.Missed > 0 {
				t.Fatalf("ended %t, missed %d segments", r.Ended, r.Missed)
			}
			for _, segment := range r.Segments {
				if segment.Err != nil {
					t.Fatalf("segment %d: %v", segment.MSN, segment.Err)
				}
			}
			checkParts(t, r)
			all := r.Bytes()
			ts, err := hlscheck.Demux(t.Context(), all)
			if err != nil {
				t.Fatal(err)
			}
			sourceVideo, sourceAudio := packets(t, source)
			t.Logf("%d segments, %d bytes; source has %d video and %d audio packets", len(r.Segments), len(all), len(sourceVideo), len(sourceAudio))
			checkVideo(t, ts.Video(), source, sourceVideo)
			checkAudio(t, ts, source, sourceAudio, sourceVideo)
			checkWitnesses(t, all)
		})
	}
}

// follow waits for the stream's first playlist and follows it to its end.
func follow(t *testing.T, url string, opts hlscheck.Options) *hlscheck.Recording {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{}}
	t.Cleanup(client.CloseIdleConnections)
	var f *hlscheck.Follower
	err := eventually(ctx, 20*time.Millisecond, func() (err error) {
		f, err = hlscheck.Open(ctx, client, url, opts)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	recording, err := f.Follow(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return recording
}

// checkParts wants a segment's parts to be its bytes.
func checkParts(t *testing.T, r *hlscheck.Rendition) {
	t.Helper()
	parts := map[int64][]byte{}
	for _, p := range r.Parts {
		if p.Err != nil {
			t.Errorf("part %d of segment %d: %v", p.Index, p.MSN, p.Err)
		}
		parts[p.MSN] = append(parts[p.MSN], p.Data...)
	}
	for _, segment := range r.Segments {
		if whole := parts[segment.MSN]; len(whole) > 0 && hlscheck.MD5(whole) != hlscheck.MD5(segment.Data) {
			t.Errorf("segment %d is not the sum of its parts", segment.MSN)
		}
	}
}

func checkVideo(t *testing.T, video *hlscheck.Stream, source string, want []packet) {
	t.Helper()
	if len(video.PES) != len(want) {
		t.Fatalf("%d video access units came out, %d went in", len(video.PES), len(want))
	}
	for i, p := range video.PES {
		dts, pts := p.DTS-video.PES[0].DTS, p.PTS-video.PES[0].DTS
		wantDTS, wantPTS := (want[i].DTS-want[0].DTS)*ticksPerMilli, (want[i].PTS-want[0].DTS)*ticksPerMilli
		if dts != wantDTS || pts != wantPTS {
			t.Fatalf("video unit %d: DTS %d, PTS %d; want %d, %d", i, dts, pts, wantDTS, wantPTS)
		}
	}
	annexB := run(t, "ffmpeg", "-v", "error", "-i", source, "-map", "0:v", "-c", "copy", "-bsf:v", "h264_mp4toannexb", "-f", "h264", "-")
	if got, want := hlscheck.PictureMD5(video.Payloads()...), hlscheck.PictureMD5(annexB); got != want {
		t.Errorf("video elementary stream has MD5 %s, the source %s", got, want)
	}
}

func checkAudio(t *testing.T, ts *hlscheck.Transport, source string, want, wantVideo []packet) {
	t.Helper()
	frames, err := hlscheck.ADTSFrames(ts.Audio())
	if err != nil {
		t.Fatal(err)
	}
	if len(frames) != len(want) {
		t.Fatalf("%d audio frames came out, %d went in", len(frames), len(want))
	}
	base := ts.Video().PES[0].DTS
	for i, f := range frames {
		pts, wantPTS := f.PTS-base, (want[i].PTS-wantVideo[0].DTS)*ticksPerMilli
		// Only a PES's first frame says its time; the others' follow from the
		// sample rate, where the source has whole milliseconds.
		off := pts - wantPTS
		if f.First && off != 0 || off < -2*ticksPerMilli || off > 2*ticksPerMilli {
			t.Fatalf("audio frame %d (first of its PES: %t): PTS %d, want %d", i, f.First, pts, wantPTS)
		}
	}
	adts := run(t, "ffmpeg", "-v", "error", "-i", source, "-map", "0:a", "-c", "copy", "-f", "adts", "-")
	if got, want := hlscheck.MD5(ts.Audio().Payloads()...), hlscheck.MD5(adts); got != want {
		t.Errorf("audio elementary stream has MD5 %s, the source %s", got, want)
	}
}

// checkWitnesses asks ffprobe and ffmpeg what they think of the bytes.
func checkWitnesses(t *testing.T, all []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "all.ts")
	if err := os.WriteFile(file, all, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range complaints(t, "ffprobe", "-v", "level+verbose", "-show_packets", "-show_frames", "-of", "compact", file) {
		t.Errorf("ffprobe: %s", line)
	}
	_, log := runBoth(t, "ffmpeg", "-v", "debug", "-i", file, "-f", "null", "-")
	if n := strings.Count(string(log), "Continuity check failed"); n > 0 {
		t.Errorf("ffmpeg: Continuity check failed %d times", n)
	}
}
