//go:build e2e

package e2e

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golive/codec/aac"
	"golive/e2e/harness"
)

// FIELD rows 57, 59 and 60: sound that encoders send in odd ways is heard in a
// browser, with the right pitch.
func TestChromium_HearsOddAAC(t *testing.T) {
	s := harness.Start(t, harness.Options{})
	// FFmpeg has no channel configuration for this layout.
	surround := []string{"-af", "pan=5.1(side)|c0=c0|c1=c0|c2=c0|c3=c0|c4=c0|c5=c0", "-ac", "6"}
	browser := harness.OpenBrowser(t)
	for _, c := range []struct {
		name string
		file string
		want string // of ffprobe: rate and channels
	}{
		{"row57", withADTS(t, sources.Plain(t)), "48000,2"},
		{"row59", sources.FLV(t, surround...), "48000,6"},
		{"row60", sources.FLV(t, "-vn", "-ar", "8000", "-ac", "1"), "8000,1"},
		{"row60_pictures", sources.FLV(t, "-ar", "8000", "-ac", "1"), "8000,1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			encoder := harness.Launch(t, nil, s.Program(), "publish", "--file", c.file, s.PublishURL(c.name))
			p := browser.Open(t, s.WatchURL(c.name))
			first := p.WaitForPlay(20 * time.Second)
			last := p.WaitFor("8 s more", 15*time.Second, func(now harness.Playback) bool { return now.Time > first.Time+8 })
			if !last.Same || last.Fault != "" || last.Audio <= first.Audio {
				t.Errorf("8 s later: %+v, was %+v", last, first)
			}
			t.Logf("%+v, then %+v", first, last)
			out := harness.Run(t, "ffprobe", "-v", "error", "-select_streams", "a", "-show_entries", "stream=sample_rate,channels", "-of", "csv=p=0", s.MediaURL(c.name))
			if got := strings.Fields(string(out)); len(got) == 0 || got[0] != c.want {
				t.Errorf("ffprobe says %q, want %s", got, c.want)
			}
			encoder.Quit()
		})
	}
}

// withADTS is a copy of an FLV file without its AudioSpecificConfig, and with an ADTS
// header before each frame.
func withADTS(t *testing.T, file string) string {
	t.Helper()
	in, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	const fileHeader, tagHeader, footer = 13, 11, 4
	out := in[:fileHeader:fileHeader]
	for b := in[fileHeader:]; len(b) > tagHeader; {
		size := int(b[1])<<16 | int(b[2])<<8 | int(b[3])
		head, body := b[:tagHeader:tagHeader], b[tagHeader:tagHeader+size]
		b = b[tagHeader+size+footer:]
		if head[0] == 8 {
			if body[1] == 0 {
				continue
			}
			raw := body[2:]
			body = slices.Concat(aac.AppendADTSHeader(body[:2:2], aac.ObjectTypeLC, 48000, 2, len(raw)), raw)
		}
		tag := slices.Concat(head, body)
		tag[1], tag[2], tag[3] = byte(len(body)>>16), byte(len(body)>>8), byte(len(body))
		out = binary.BigEndian.AppendUint32(append(out, tag...), uint32(len(tag)))
	}
	path := filepath.Join(t.TempDir(), "adts.flv")
	if err := os.WriteFile(path, out, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
