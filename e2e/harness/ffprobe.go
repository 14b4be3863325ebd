package harness

import (
	"encoding/json"
	"strings"
	"testing"
)

// Packet is one packet of ffprobe's output, in units of the stream's time base.
type Packet struct {
	Kind string `json:"codec_type"`
	PTS  int64  `json:"pts"`
	DTS  int64  `json:"dts"`
}

// Packets returns the video and audio packets of a file.
func Packets(tb testing.TB, file string) (video, audio []Packet) {
	tb.Helper()
	var out struct {
		Packets []Packet `json:"packets"`
	}
	text := Run(tb, "ffprobe", "-v", "error", "-show_packets", "-show_entries", "packet=codec_type,pts,dts", "-of", "json", file)
	if err := json.Unmarshal(text, &out); err != nil {
		tb.Fatal(err)
	}
	for _, p := range out.Packets {
		switch p.Kind {
		case "video":
			video = append(video, p)
		case "audio":
			audio = append(audio, p)
		}
	}
	return video, audio
}

// DecodeErrors returns what ffprobe, which decodes everything, prints at the level warning or
// above, and the continuity errors that ffmpeg reports.
func DecodeErrors(tb testing.TB, file string) (lines []string) {
	tb.Helper()
	_, log := runBoth(tb, "ffprobe", "-v", "level+verbose", "-show_packets", "-show_frames", "-of", "compact", file)
	for line := range strings.Lines(string(log)) {
		for _, level := range []string{"[warning]", "[error]", "[fatal]", "[panic]"} {
			if strings.Contains(line, level) {
				lines = append(lines, "ffprobe: "+strings.TrimSpace(line))
			}
		}
	}
	_, log = runBoth(tb, "ffmpeg", "-v", "debug", "-i", file, "-f", "null", "-")
	for line := range strings.Lines(string(log)) {
		if strings.Contains(line, "Continuity check failed") {
			lines = append(lines, "ffmpeg: "+strings.TrimSpace(line))
		}
	}
	return lines
}
