package playlist

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Eyevinn/hls-m3u8/m3u8"
)

func TestWindow_ReportsTheOtherRenditions(t *testing.T) {
	low := newWindowWriter(DefaultConfig())
	var absent *Window
	high := newWindowWriter(DefaultConfig(), OtherRendition{"../low/index.m3u8", func() *Window { return low.w }}, OtherRendition{"../gone/index.m3u8", func() *Window { return absent }})
	reports := func() (lines []string) {
		high.addPart()
		low.w.Commit()
		high.w.Commit()
		text := string(high.w.Snapshot().Full.Plain)
		for line := range strings.Lines(text) {
			if strings.HasPrefix(line, "#EXT-X-RENDITION-REPORT") {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
		if d := high.w.Snapshot().Delta; d != nil && strings.Count(string(d.Plain), "RENDITION-REPORT") != len(lines) {
			t.Errorf("the delta update has other reports:\n%s", d.Plain)
		}
		if _, _, err := m3u8.DecodeFrom(strings.NewReader(text), true); err != nil && strings.Contains(text, "#EXTINF") {
			t.Errorf("hls-m3u8 cannot read the playlist: %v\n%s", err, text)
		}
		return lines
	}
	expect := func(msn, part int) {
		t.Helper()
		want := fmt.Sprintf(`#EXT-X-RENDITION-REPORT:URI="../low/index.m3u8",LAST-MSN=%d,LAST-PART=%d`, msn, part)
		if got := reports(); len(got) != 1 || got[0] != want {
			t.Errorf("reports are %q, want %s", got, want)
		}
	}
	high.openSegment(false)
	if got := reports(); len(got) != 0 {
		t.Errorf("reports of renditions without media are %q, want none", got)
	}
	low.openSegment(false)
	low.addPart()
	expect(0, 0)
	low.addPart()
	low.addPart()
	expect(0, 2)
	low.closeSegment()
	expect(0, 2) // the last part of a complete segment
	low.openSegment(false)
	expect(0, 2)
	low.addPart()
	expect(0, 2) // not LAST-PART=0
	low.addPart()
	expect(1, 1)
	for range 20 {
		low.closeSegment()
		low.openSegment(false)
		low.addPart()
		low.addPart()
	}
	expect(21, 1)
	high.addSegments(20)
	high.openSegment(false)
	expect(21, 1) // with a delta update
}

// Playlists without low latency have no rendition reports.
func TestWindow_PlainPlaylistHasNoReports(t *testing.T) {
	low := newWindowWriter(DefaultConfig())
	low.addSegments(2)
	plain := newWindowWriter(Config{Window: 30 * time.Second}, OtherRendition{"../low/index.m3u8", func() *Window { return low.w }})
	plain.addSegments(3)
	if text := string(plain.w.Snapshot().Full.Plain); strings.Contains(text, "REPORT") {
		t.Errorf("the playlist without low latency has reports:\n%s", text)
	}
}
