package hlscheck

import (
	"slices"
	"strings"
	"testing"
)

func TestCheckReaders_AgreeOnValidPlaylists(t *testing.T) {
	early := "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=1.5\n#EXT-X-PART-INF:PART-TARGET=0.5\n" +
		"#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z\n#EXT-X-PART:DURATION=0.5,URI=\"a-0.0.ts\"\n"
	for name, text := range map[string]string{
		"plain":                         goodPlain,
		"low latency":                   goodLL,
		"parts before the first":        early,
		"parts of the first":            early + "#EXTINF:0.5,\na-0.ts\n",
		"a part's range without offset": strings.Replace(goodLL, `URI="a-4.1.ts"`, `URI="a-4.0.ts",BYTERANGE="10@0"`+"\n"+`#EXT-X-PART:DURATION=0.5,URI="a-4.0.ts",BYTERANGE="10"`, 1),
		"delta update":                  strings.Replace(goodLL, "#EXT-X-PROGRAM", "#EXT-X-SKIP:SKIPPED-SEGMENTS=3\n#EXT-X-PROGRAM", 1),
		"ended":                         goodPlain + "#EXT-X-ENDLIST\n",
		"many decimals":                 strings.Replace(goodPlain, "2.00000", "1.9999996666666", 1),
		"long":                          window(0, 3000),
	} {
		m, _ := ParseMedia("", []byte(text))
		r := &report{}
		checkMediaReaders(r, []byte(text), m)
		if len(r.list) > 0 {
			t.Errorf("%s: %v", name, r.list)
		}
	}
	m, _ := ParseMultivariant("", []byte(goodMultivariant))
	r := &report{}
	checkMultivariantReaders(r, []byte(goodMultivariant), m)
	if len(r.list) > 0 {
		t.Errorf("multivariant: %v", r.list)
	}
}

func TestCheckReaders_ReportDifferences(t *testing.T) {
	m, _ := ParseMedia("", []byte(goodPlain))
	for name, change := range map[string]func(m *Media){
		"one segment fewer": func(m *Media) { m.Segments = m.Segments[1:] },
		"another number":    func(m *Media) { m.Segments[1].MSN++ },
		"another URI":       func(m *Media) { m.Segments[2].URI = "x" },
		"another duration":  func(m *Media) { m.Segments[0].Duration += 10_000 },
	} {
		other := *m
		other.Segments = slices.Clone(m.Segments)
		change(&other)
		r := &report{}
		checkMediaReaders(r, []byte(goodPlain), &other)
		if len(r.list) != 2 || r.list[0].Rule != 0 || !strings.Contains(r.list[0].Text, "grafov/m3u8 reads") || !strings.Contains(r.list[1].Text, "Eyevinn/hls-m3u8 reads") {
			t.Errorf("%s: %v, want both to disagree", name, r.list)
		}
	}
}

// ParseMedia reports what makes a reader panic, and does not use that reader.
func TestCheckReaders_SurviveAReaderThatPanics(t *testing.T) {
	text := "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-MAP:URI=\"i\"\n#EXT-X-KEY:METHOD=NONE\na.ts\n"
	if _, err := readGrafov([]byte("#EXTM3U\n#EXTINF:2,\na.ts\n")); err != nil {
		t.Fatal(err)
	}
	panicked := false
	func() {
		defer func() { panicked = recover() != nil }()
		_, _ = readGrafov([]byte(text))
	}()
	if !panicked {
		t.Error("grafov/m3u8 does not panic any more: is safely still needed?")
	}
	m, wrong := ParseMedia("", []byte(text))
	checkMediaReaders(&report{}, []byte(text), m)
	if !slices.Contains(rules(wrong), 0) {
		t.Errorf("%v, want rule 0", wrong)
	}
}
