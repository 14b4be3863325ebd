package playlist

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"
)

func TestWindow_ReportsTheOtherRenditions(t *testing.T) {
	low := newScript(DefaultConfig())
	var absent *Window
	high := newScript(DefaultConfig(), OtherRendition{"../low/index.m3u8", func() *Window { return low.w }}, OtherRendition{"../gone/index.m3u8", func() *Window { return absent }})
	reports := func() (lines []string) {
		high.part()
		low.w.Commit()
		high.w.Commit()
		text := string(high.w.Snapshot().Full.Plain)
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#EXT-X-RENDITION-REPORT") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		if d := high.w.Snapshot().Delta; d != nil && strings.Count(string(d.Plain), "RENDITION-REPORT") != len(lines) {
			t.Errorf("the delta update reports otherwise:\n%s", d.Plain)
		}
		if _, _, err := m3u8.DecodeFrom(strings.NewReader(text), true); err != nil && strings.Contains(text, "#EXTINF") {
			t.Errorf("hls-m3u8: %v\n%s", err, text)
		}
		return lines
	}
	expect := func(msn, part int) {
		t.Helper()
		want := fmt.Sprintf(`#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=%d,LAST-PART=%d`, msn, part)
		if got := reports(); len(got) != 1 || got[0] != want {
			t.Errorf("%q, want %s", got, want)
		}
	}
	high.begin(false)
	if got := reports(); len(got) != 0 {
		t.Errorf("of renditions without media: %q", got)
	}
	low.begin(false)
	low.part()
	expect(0, 0)
	low.part()
	low.part()
	expect(0, 2)
	low.close()
	expect(0, 2) // the last of a complete segment
	low.begin(false)
	expect(0, 2)
	low.part()
	expect(1, 0)
	for range 20 {
		low.close()
		low.begin(false)
		low.part()
		low.part()
	}
	expect(21, 1)
	high.segments(20)
	high.begin(false)
	expect(21, 1) // with a delta update
}

// Plain playlists say nothing of it.
func TestWindow_PlainPlaylistReportsNothing(t *testing.T) {
	low := newScript(DefaultConfig())
	low.segments(2)
	plain := newScript(Config{Window: 30 * time.Second}, OtherRendition{"../low/index.m3u8", func() *Window { return low.w }})
	plain.segments(3)
	if text := string(plain.w.Snapshot().Full.Plain); strings.Contains(text, "REPORT") {
		t.Error(text)
	}
}
