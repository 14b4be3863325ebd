//go:build e2e

package e2e

import (
	"compress/gzip"
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// serveFolder serves the files of a folder as HLS.
func serveFolder(t *testing.T, folder string) (url string) {
	t.Helper()
	files := http.FileServer(http.Dir(folder))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=60")
		if !strings.HasSuffix(r.URL.Path, ".m3u8") {
			w.Header().Set("Content-Type", "video/mp4")
			files.ServeHTTP(w, r)
			return
		}
		text, err := os.ReadFile(filepath.Join(folder, filepath.Base(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/vnd.apple.mpegurl")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(text)
		_ = z.Close()
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// FFmpeg's fragmented MP4 breaks no rule about bytes. Its multivariant playlist has no
// AVERAGE-BANDWIDTH and FRAME-RATE (43), and a version that it does not need (49).
func TestCheck_ReadsFFmpegsFragments(t *testing.T) {
	const h264, aac = "libx264 -preset ultrafast -bf 2 -g 60", "aac"
	for _, c := range []struct {
		name, video, audio string
		args               []string
		// codecs, if set, is CODECS of a multivariant playlist that replaces FFmpeg's, which has none.
		codecs string
		broken []int
	}{
		{"muxed", h264, aac, nil, "", []int{43, 49}},
		{"demuxed", h264, aac, []string{"-var_stream_map", "v:0,agroup:a a:0,agroup:a"}, "", []int{43, 49}},
		{"byte ranges", h264, aac, []string{"-hls_flags", "single_file+independent_segments+program_date_time"}, "", []int{43, 49}},
		{"44.1 kHz", h264, "aac -ar 44100", nil, "", []int{43, 49}},
		{"AV1 and MP3", "libaom-av1 -cpu-used 8 -usage realtime -g 60", "libmp3lame", nil, "av01.0.00M.08,mp4a.40.34", nil},
		{"HEVC and Opus", "libx265 -preset ultrafast -x265-params log-level=none:keyint=60:min-keyint=60:open-gop=0 -tag:v hvc1", "libopus", nil, "hvc1.1.6.L60.90,Opus", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			folder := t.TempDir()
			args := []string{"-v", "error", "-f", "lavfi", "-i", "testsrc2=s=320x180:r=30", "-f", "lavfi", "-i", "sine=r=48000", "-t", "9", "-pix_fmt", "yuv420p", "-map", "0:v", "-map", "1:a"}
			args = append(args, strings.Fields("-c:v "+c.video+" -c:a "+c.audio)...)
			args = append(args, strings.Fields("-strict experimental -f hls -hls_time 2 -hls_segment_type fmp4 -hls_playlist_type vod -master_pl_name index.m3u8 -hls_flags independent_segments+program_date_time")...)
			name := "media.m3u8"
			if c.name == "demuxed" {
				args, name = append(args, "-hls_fmp4_init_filename", "init-%v.mp4"), "media-%v.m3u8"
			}
			args = append(args, c.args...)
			harness.Run(t, append(append([]string{"ffmpeg"}, args...), filepath.Join(folder, name))...)
			if c.codecs != "" {
				text := "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2000000,AVERAGE-BANDWIDTH=2000000,RESOLUTION=320x180,FRAME-RATE=30,CODECS=\"" + c.codecs + "\"\nmedia.m3u8\n"
				if err := os.WriteFile(filepath.Join(folder, "index.m3u8"), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			report := hlscheck.Check(ctx, http.DefaultClient, serveFolder(t, folder)+"/index.m3u8")
			if report.Error != "" || !slices.Equal(report.BrokenRules, c.broken) {
				t.Errorf("rules %v are broken, want %v; %s", report.BrokenRules, c.broken, report.Error)
			}
			for _, v := range report.Violations {
				t.Log(v)
			}
			for _, r := range report.Renditions {
				if t.Log(r); r.MediaSeconds < 8.9 {
					t.Errorf("%s: %.1f s were read", r.Name, r.MediaSeconds)
				}
			}
		})
	}
}
