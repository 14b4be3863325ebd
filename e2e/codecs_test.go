//go:build e2e && field

package e2e

import (
	"context"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"golive/e2e/harness"
	"golive/internal/hlscheck"
)

// clips are the combinations of codecs that are tried.
func clips() map[string]harness.Clip {
	return map[string]harness.Clip{
		"HEVC and AAC":             {Video: harness.HEVC, Audio: harness.AAC},
		"HEVC and MP3, plain RTMP": {Video: harness.HEVC, Audio: harness.MP3, Plain: true},
		"HEVC and Opus":            {Video: harness.HEVC, Audio: harness.Opus},
		"AV1 and AAC":              {Video: harness.AV1, Audio: harness.AAC},
		"AV1 and Opus":             {Video: harness.AV1, Audio: harness.Opus},
		"H.264 and Opus":           {Video: harness.H264, Audio: harness.Opus},
		"H.264 and MP3":            {Video: harness.H264, Audio: harness.MP3},
		"MP3 alone":                {Audio: harness.MP3},
	}
}

// publishClip publishes a file in a loop until the end of the test.
func publishClip(t *testing.T, s *harness.Server, file, id string) *harness.Process {
	t.Helper()
	return harness.Launch(t, nil, s.Program(), "publish", "--file", file, s.PublishURL(id))
}

var mapURI = regexp.MustCompile(`#EXT-X-MAP:URI="([^"]+)"`)

// download returns a file with what a media playlist lists now: the initialization segment, if
// there is one, and the complete segments.
func download(t *testing.T, address, name string) string {
	t.Helper()
	folder := address[:strings.LastIndexByte(address, '/')+1]
	text := string(fetch(t, address))
	var file []byte
	if m := mapURI.FindStringSubmatch(text); m != nil {
		file = append(file, fetch(t, folder+m[1])...)
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			file = append(file, fetch(t, folder+line)...)
		}
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func fetch(t *testing.T, url string) []byte {
	t.Helper()
	b, err := harness.Get(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// codecsOf returns CODECS of a multivariant playlist; "" where there is no such playlist.
func codecsOf(t *testing.T, url string) string {
	t.Helper()
	text, err := harness.Get(t.Context(), url)
	if err != nil {
		return ""
	}
	m := regexp.MustCompile(`CODECS="([^"]+)"`).FindSubmatch(text)
	if m == nil {
		t.Fatalf("no CODECS in\n%s", text)
	}
	return string(m[1])
}

// probed returns the codecs that ffprobe finds.
func probed(t *testing.T, file string) []string {
	t.Helper()
	out := harness.Run(t, "ffprobe", "-v", "error", "-show_entries", "stream=codec_name", "-of", "csv=p=0", file)
	names := strings.Fields(strings.ReplaceAll(string(out), ",", " "))
	slices.Sort(names)
	return slices.Compact(names)
}

func TestCodecs_ArePackagedInEachContainerThatCarriesThem(t *testing.T) {
	for name, want := range map[string]struct {
		live, plain string // CODECS
		ts          []string
	}{
		"HEVC and AAC":             {"hvc1.1.6.L63.90,mp4a.40.2", "hvc1.1.6.L63.90,mp4a.40.2", []string{"aac", "hevc"}},
		"HEVC and MP3, plain RTMP": {"hvc1.1.6.L63.90,mp4a.40.34", "hvc1.1.6.L63.90,mp4a.40.34", []string{"hevc", "mp3"}},
		"HEVC and Opus":            {"hvc1.1.6.L63.90,Opus", "hvc1.1.6.L63.90", []string{"hevc"}},
		"AV1 and AAC":              {"av01.0.01M.08,mp4a.40.2", "mp4a.40.2", []string{"aac"}},
		"AV1 and Opus":             {"av01.0.01M.08,Opus", "", nil},
		"H.264 and Opus":           {"avc1.64001e,Opus", "avc1.64001e", []string{"h264"}},
		"H.264 and MP3":            {"avc1.64001e,mp4a.40.34", "avc1.64001e,mp4a.40.34", []string{"h264", "mp3"}},
		"MP3 alone":                {"mp4a.40.34", "mp4a.40.34", []string{"mp3"}},
	} {
		t.Run(name, func(t *testing.T) {
			clip := clips()[name]
			clip.Seconds = 8
			file := sources.Enhanced(t, clip)
			s := harness.Start(t, harness.Options{})
			publishClip(t, s, file, "show")
			s.WaitForState("show", "live", 15*time.Second)
			s.Check("show", 10*time.Second)
			if got := codecsOf(t, s.PlaylistURL("show")); got != want.live {
				t.Errorf("CODECS %s, want %s", got, want.live)
			}
			if got := codecsOf(t, s.URL("/live/show/ts.m3u8")); got != want.plain {
				t.Errorf("CODECS of MPEG-TS %s, want %s", got, want.plain)
			}
			for _, line := range harness.DecodeErrors(t, download(t, s.MediaURL("show"), "all.mp4")) {
				t.Error(line)
			}
			if want.ts == nil {
				if _, err := harness.Get(t.Context(), s.URL("/live/show/source/ts.m3u8")); err == nil {
					t.Error("there is a media playlist of MPEG-TS")
				}
				return
			}
			ts := download(t, s.URL("/live/show/source/ts.m3u8"), "all.ts")
			if got := probed(t, ts); !slices.Equal(got, want.ts) {
				t.Errorf("MPEG-TS has %v, want %v", got, want.ts)
			}
			for _, line := range harness.DecodeErrors(t, ts) {
				t.Error(line)
			}
		})
	}
}

// Chromium decodes all but HEVC here. It plays MP3 only in MPEG-TS.
func TestCodecs_PlayInChromium(t *testing.T) {
	base := harness.ServePlayers(t)
	for _, c := range []struct{ clip, player, list string }{
		{"AV1 and Opus", "hls.js", "index.m3u8"},
		{"AV1 and Opus", "shaka", "index.m3u8"},
		{"H.264 and Opus", "hls.js", "index.m3u8"},
		{"H.264 and Opus", "video.js", "index.m3u8"},
		{"H.264 and MP3", "hls.js", "ts.m3u8"},
	} {
		t.Run(c.clip+" in "+c.player, func(t *testing.T) {
			clip := clips()[c.clip]
			clip.Seconds = 8
			s := harness.Start(t, harness.Options{})
			publishClip(t, s, sources.Enhanced(t, clip), "show")
			harness.Until(t, "the playlist is served", 15*time.Second, func() bool { // MPEG-TS has no parts
				_, err := harness.Get(t.Context(), s.URL("/live/show/"+c.list))
				return err == nil
			})
			p := harness.OpenBrowser(t).Open(t, base+"/play?player="+c.player+"&url="+url.QueryEscape(s.URL("/live/show/"+c.list)))
			if l := watchPlayer(t, p, c.list); l.Sound == 0 {
				t.Errorf("no sound was decoded: %+v", l)
			}
		})
	}
}

// The codecs change in the middle: players that are watching continue after a discontinuity.
func TestCodecs_MayChangeInTheMiddle(t *testing.T) {
	const seconds = 10
	avc := harness.Clip{Video: harness.H264, Audio: harness.AAC, Seconds: seconds}
	for name, other := range map[string]harness.Clip{
		"to AV1 and Opus": {Video: harness.AV1, Audio: harness.Opus, Seconds: seconds},
		"to HEVC":         {Video: harness.HEVC, Audio: harness.AAC, Seconds: seconds},
		"to MP3":          {Video: harness.H264, Audio: harness.MP3, Seconds: seconds},
	} {
		t.Run(name, func(t *testing.T) {
			file := sources.Enhanced(t, avc, other)
			s := harness.Start(t, harness.Options{})
			browser := harness.OpenBrowser(t)
			publishClip(t, s, file, "show")
			s.WaitForState("show", "live", 15*time.Second)
			page := browser.Open(t, harness.ServePlayers(t)+"/play?player=hls.js&url="+url.QueryEscape(s.PlaylistURL("show")))
			// The file is looped: after 20 s the codecs change back.
			follow, stop := context.WithTimeout(t.Context(), 24*time.Second)
			defer stop()
			report := hlscheck.Check(follow, http.DefaultClient, s.PlaylistURL("show"))
			if report.Error != "" {
				t.Error(report.Error)
			}
			for _, v := range report.Violations {
				// CODECS may have changed twice since the beginning.
				if !harness.Late(v) && v.Rule != 43 {
					t.Error(v)
				}
			}
			text := string(fetch(t, s.MediaURL("show")))
			if !strings.Contains(text, "#EXT-X-DISCONTINUITY\n") || strings.Contains(text, "#EXT-X-GAP") {
				t.Errorf("the codecs did not change, or there are gaps:\n%s", text)
			}
			if name != "to AV1 and Opus" {
				return // Chromium plays neither
			}
			if l := harness.Evaluate[harness.PlayerState](page, "look()"); l.Failed != "" || len(l.Errors) > 0 || l.At < 2*seconds-2 {
				t.Errorf("hls.js did not continue: %+v", l)
			}
		})
	}
}
