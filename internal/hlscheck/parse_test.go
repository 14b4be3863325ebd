package hlscheck

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const goodPlain = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-DISCONTINUITY-SEQUENCE:1
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z
#EXTINF:2.00000,
a-7.ts
#EXTINF:2.00000,
a-8.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:09.500Z
#EXTINF:1.96667,
b-9.ts
`

const goodLL = `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,PART-HOLD-BACK=1.5,HOLD-BACK=6.0,CAN-SKIP-UNTIL=12.0
#EXT-X-PART-INF:PART-TARGET=0.50000
#EXT-X-MEDIA-SEQUENCE:3
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z
#EXTINF:2.00000,
a-3.ts
#EXT-X-PART:DURATION=0.50000,URI="a-4.0.ts",INDEPENDENT=YES
#EXT-X-PART:DURATION=0.50000,URI="a-4.1.ts"
#EXT-X-PART:DURATION=0.50000,URI="a-4.2.ts"
#EXT-X-PART:DURATION=0.30000,URI="a-4.3.ts"
#EXTINF:1.80000,
a-4.ts
#EXT-X-PART:DURATION=0.50000,URI="a-5.0.ts",INDEPENDENT=YES
#EXT-X-PRELOAD-HINT:TYPE=PART,URI="a-5.1.ts"
#EXT-X-RENDITION-REPORT:URI="../720p/index.m3u8",LAST-MSN=5,LAST-PART=0
`

const goodMultivariant = `#EXTM3U
#EXT-X-VERSION:1
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=5200000,AVERAGE-BANDWIDTH=4600000,CODECS="avc1.4d401f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000
source/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=128000,AVERAGE-BANDWIDTH=128000,CODECS="mp4a.40.2"
audio/index.m3u8
`

func TestParseMedia_FindsNothingWrongWithGoodPlaylists(t *testing.T) {
	for name, text := range map[string]string{"plain": goodPlain, "low latency": goodLL, "CRLF": strings.ReplaceAll(goodPlain, "\n", "\r\n")} {
		if _, wrong := ParseMedia("", []byte(text)); len(wrong) > 0 {
			t.Errorf("%s: %v", name, wrong)
		}
	}
}

func TestParseMedia_ReadsTheTags(t *testing.T) {
	m, _ := ParseMedia("", []byte(goodLL))
	date := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	want := &Media{
		Version: 6, Needs: 3, TargetDuration: 2 * time.Second, HasTargetDuration: true,
		MediaSequence: 3, HasMediaSequence: true, IndependentSegments: true,
		PartTarget: 500 * time.Millisecond,
		ServerControl: ServerControl{
			Present: true, CanBlockReload: true, CanSkipUntil: 12 * time.Second,
			HoldBack: 6 * time.Second, PartHoldBack: 1500 * time.Millisecond, Line: 5,
		},
		Segments: []Segment{
			{MSN: 3, URI: "a-3.ts", Duration: 2 * time.Second, ProgramDateTime: date, Line: 9},
			{MSN: 4, URI: "a-4.ts", Duration: 1800 * time.Millisecond, Line: 15, Parts: []Part{
				{URI: "a-4.0.ts", Duration: 500 * time.Millisecond, Independent: true, Line: 11},
				{URI: "a-4.1.ts", Duration: 500 * time.Millisecond, Line: 12},
				{URI: "a-4.2.ts", Duration: 500 * time.Millisecond, Line: 13},
				{URI: "a-4.3.ts", Duration: 300 * time.Millisecond, Line: 14},
			}},
		},
		Parts:   []Part{{URI: "a-5.0.ts", Duration: 500 * time.Millisecond, Independent: true, Line: 17}},
		Hints:   []PreloadHint{{Type: "PART", URI: "a-5.1.ts", Line: 18}},
		Reports: []RenditionReport{{URI: "../720p/index.m3u8", LastMSN: 5, LastPart: 0, Line: 19}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("playlist (-want +got):\n%s", diff)
	}
	if got, want := m.Length(), 4300*time.Millisecond; got != want {
		t.Errorf("length %v, want %v", got, want)
	}
}

// replace returns text with old replaced. The text must have it.
func replace(t *testing.T, text, old, repl string) string {
	t.Helper()
	if !strings.Contains(text, old) {
		t.Fatalf("the text has no %q to replace", old)
	}
	return strings.Replace(text, old, repl, 1)
}

func TestParseMedia_NamesTheRuleAndTheLine(t *testing.T) {
	for _, c := range []struct {
		name, text, old, repl string
		rule, line            int
	}{
		{"no header", goodPlain, "#EXTM3U\n", "\n", 1, 1},
		{"space before header", goodPlain, "#EXTM3U", " #EXTM3U", 1, 1},
		{"no target", goodPlain, "#EXT-X-TARGETDURATION:2\n", "", 1, 0},
		{"byte order mark", goodPlain, "#EXTM3U", "\ufeff#EXTM3U", 0, 1},
		{"not UTF-8", goodPlain, "a-7.ts", "a-\xff.ts", 0, 0},
		{"control character", goodPlain, "a-7.ts", "a-7\x01.ts", 0, 9},
		{"trailing space", goodPlain, "a-7.ts", "a-7.ts ", 0, 9},
		{"twice", goodPlain, "#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2\n#EXT-X-TARGETDURATION:2\n", 0, 5},
		{"target is no integer", goodPlain, "TARGETDURATION:2", "TARGETDURATION:2.5", 0, 4},
		{"EXTINF is no number", goodPlain, "EXTINF:2.00000,", "EXTINF:two,", 0, 8},
		{"EXTINF without comma", goodPlain, "EXTINF:2.00000,", "EXTINF:2.00000", 0, 8},
		{"URI without EXTINF", goodPlain, "#EXTINF:2.00000,\na-7", "a-7", 0, 8},
		{"EXTINF without URI", goodPlain, "b-9.ts\n", "", 0, 14},
		{"date without zone", goodPlain, "10:00:09.500Z", "10:00:09.500", 0, 13},
		{"multivariant tag", goodPlain, "#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2\n#EXT-X-STREAM-INF:BANDWIDTH=1\n", 0, 5},
		{"EXTINF over target", goodPlain, "2.00000,\na-8", "2.50000,\na-8", 2, 10},
		{"far over target", goodPlain, "2.00000,\na-8", "2.60000,\na-8", 3, 10},
		{"discontinuity twice", goodPlain, "#EXT-X-DISCONTINUITY\n", "#EXT-X-DISCONTINUITY\n#EXT-X-DISCONTINUITY\n", 6, 13},
		{"type", goodPlain, "#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE: EVENT\n", 18, 5},
		{"live VOD", goodPlain, "#EXT-X-TARGETDURATION:2\n", "#EXT-X-TARGETDURATION:2\n#EXT-X-PLAYLIST-TYPE:VOD\n", 18, 0},
		{"undated discontinuity", goodPlain, "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:09.500Z\n", "", 21, 13},
		{"undated", goodLL, "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z\n", "", 21, 0},
		{"date jumps", goodPlain, "#EXTINF:2.00000,\na-8", "#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:02.100Z\n#EXTINF:2.00000,\na-8", 21, 11},
		{"part without inf", goodLL, "#EXT-X-PART-INF:PART-TARGET=0.50000\n", "", 26, 10},
		{"part without URI", goodLL, `,URI="a-4.1.ts"`, "", 26, 12},
		{"part without duration", goodLL, `DURATION=0.50000,URI="a-4.1.ts"`, `URI="a-4.1.ts"`, 26, 12},
		{"part too long", goodLL, `DURATION=0.50000,URI="a-4.1.ts"`, `DURATION=0.50001,URI="a-4.1.ts"`, 27, 12},
		{"part too short", goodLL, `DURATION=0.50000,URI="a-4.1.ts"`, `DURATION=0.42499,URI="a-4.1.ts"`, 28, 12},
		{"parts do not sum", goodLL, "EXTINF:1.80000", "EXTINF:1.90000", 8, 15},
		{"small part hold-back", goodLL, "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.4", 30, 5},
		{"no part hold-back", goodLL, "PART-HOLD-BACK=1.5,", "", 30, 5},
		{"small hold-back", goodLL, "HOLD-BACK=6.0", "HOLD-BACK=5.9", 31, 5},
		{"small skip", goodLL, "CAN-SKIP-UNTIL=12.0", "CAN-SKIP-UNTIL=11.9", 31, 5},
		{"hint after end", goodLL, "#EXT-X-RENDITION-REPORT", "#EXT-X-ENDLIST\n#EXT-X-RENDITION-REPORT", 40, 18},
		{"two hints", goodLL, "#EXT-X-RENDITION-REPORT", "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"x\"\n#EXT-X-RENDITION-REPORT", 40, 19},
		{"attribute twice", goodLL, `URI="a-5.1.ts"`, `URI="a-5.1.ts",URI="b"`, 0, 18},
		{"attribute unquoted", goodLL, `URI="a-5.1.ts"`, `URI=a-5.1.ts`, 0, 18},
		{"attribute space", goodLL, `TYPE=PART,URI`, `TYPE=PART, URI`, 0, 18},
		{"enumerated value quoted", goodLL, `CAN-BLOCK-RELOAD=YES`, `CAN-BLOCK-RELOAD="YES"`, 0, 5},
	} {
		_, wrong := ParseMedia("", []byte(replace(t, c.text, c.old, c.repl)))
		found := false
		for _, v := range wrong {
			found = found || v.Rule == c.rule && v.Line == c.line
		}
		if !found {
			t.Errorf("%s: want rule %d on line %d, got %v", c.name, c.rule, c.line, wrong)
		}
	}
}

func TestParseMultivariant_ReadsVariants(t *testing.T) {
	m, wrong := ParseMultivariant("", []byte(goodMultivariant))
	if len(wrong) > 0 {
		t.Fatalf("good playlist: %v", wrong)
	}
	if len(m.Variants) != 2 {
		t.Fatalf("%d variants, want 2", len(m.Variants))
	}
	v := m.Variants[0]
	v.Attributes = nil
	want := Variant{
		URI: "source/index.m3u8", Bandwidth: 5_200_000, AverageBandwidth: 4_600_000, Codecs: "avc1.4d401f,mp4a.40.2",
		Width: 1280, Height: 720, FrameRate: 30, Line: 4,
	}
	if diff := cmp.Diff(want, v); diff != "" {
		t.Errorf("variant (-want +got):\n%s", diff)
	}
}

func TestParseMultivariant_NamesTheRuleAndTheLine(t *testing.T) {
	for _, c := range []struct {
		name, old, repl string
		rule, line      int
	}{
		{"no bandwidth", "BANDWIDTH=5200000,", "", 0, 4},
		{"no average", "AVERAGE-BANDWIDTH=4600000,", "", 43, 4},
		{"average above peak", "AVERAGE-BANDWIDTH=4600000", "AVERAGE-BANDWIDTH=5600000", 43, 4},
		{"no codecs", `,CODECS="mp4a.40.2"`, "", 43, 6},
		{"no resolution", "RESOLUTION=1280x720,", "", 43, 4},
		{"bad resolution", "1280x720", "1280X720", 0, 4},
		{"no frame rate", ",FRAME-RATE=30.000", "", 43, 4},
		{"bad frame rate", "30.000", "fast", 0, 4},
		{"no URI", "audio/index.m3u8\n", "", 0, 6},
		{"tag instead of URI", "source/index.m3u8\n", "", 0, 5},
		{"stray URI", "#EXT-X-INDEPENDENT-SEGMENTS\n", "stray.m3u8\n", 0, 3},
		{"media tag", "#EXT-X-INDEPENDENT-SEGMENTS\n", "#EXT-X-TARGETDURATION:2\n", 0, 3},
	} {
		_, wrong := ParseMultivariant("", []byte(replace(t, goodMultivariant, c.old, c.repl)))
		found := false
		for _, v := range wrong {
			found = found || v.Rule == c.rule && v.Line == c.line
		}
		if !found {
			t.Errorf("%s: want rule %d on line %d, got %v", c.name, c.rule, c.line, wrong)
		}
	}
}

func TestParseSeconds_IsExact(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"2": 2 * time.Second, "2.": 2 * time.Second, "0.1": 100 * time.Millisecond, "1.96667": 1966670 * time.Microsecond,
		"0.0000000019": time.Nanosecond,
	} {
		if got, err := parseSeconds(text); err != nil || got != want {
			t.Errorf("%q: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", ".", ".5", "-1", "+1", "1e3", "1,5", "99999999999999999999", " 1"} {
		if got, err := parseSeconds(text); err == nil {
			t.Errorf("%q: %v and no error", text, got)
		}
	}
}

func TestParseMedia_ResolvesByteRanges(t *testing.T) {
	text := `#EXTM3U
#EXT-X-VERSION:4
#EXT-X-TARGETDURATION:2
#EXT-X-PART-INF:PART-TARGET=1
#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=3
#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z
#EXTINF:2,
#EXT-X-BYTERANGE:100@20
a.ts
#EXT-X-PART:DURATION=1,URI="a.ts",BYTERANGE="30@120"
#EXT-X-PART:DURATION=1,URI="a.ts",BYTERANGE="31"
#EXTINF:2,
#EXT-X-BYTERANGE:61
a.ts
`
	m, wrong := ParseMedia("", []byte(text))
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	s := m.Segments
	for i, c := range []struct{ got, want ByteRange }{
		{s[0].Bytes, ByteRange{20, 100}},
		{s[1].Bytes, ByteRange{120, 61}},
		{s[1].Parts[0].Bytes, ByteRange{120, 30}},
		{s[1].Parts[1].Bytes, ByteRange{150, 31}},
	} {
		if c.got != c.want {
			t.Errorf("range %d is %v, want %v", i, c.got, c.want)
		}
	}
	for old, repl := range map[string]string{"100@20": "100", "61\na.ts": "61\nb.ts", "30@120": "30@x", "100@": "0@", "\"31\"": "\"99999999999999999\""} {
		if _, wrong := ParseMedia("", []byte(replace(t, text, old, repl))); !slices.Equal(rules(wrong), []int{0}) {
			t.Errorf("%s for %s: %v, want rule 0", repl, old, wrong)
		}
	}
}

func TestParse_KnowsTheVersionThatEachTagNeeds(t *testing.T) {
	for tag, want := range map[string]int{
		"#EXTINF:2,": 1, "#EXTINF:2.0,title": 3, "#EXTINF:2,a title.": 1,
		"#EXT-X-BYTERANGE:1@0": 4, "#EXT-X-I-FRAMES-ONLY": 4, `#EXT-X-MAP:URI="i"`: 5,
		`#EXT-X-KEY:METHOD=AES-128,URI="k",IV=0x1`: 2, `#EXT-X-KEY:METHOD=AES-128,URI="k"`: 1,
		`#EXT-X-KEY:METHOD=SAMPLE-AES,URI="k"`: 5, `#EXT-X-KEY:METHOD=AES-128,URI="k",KEYFORMAT="identity"`: 5,
		`#EXT-X-DEFINE:NAME="a",VALUE="b"`: 8, `#EXT-X-DEFINE:QUERYPARAM="a"`: 11,
		"#EXT-X-SKIP:SKIPPED-SEGMENTS=3": 9, `#EXT-X-SKIP:SKIPPED-SEGMENTS=3,RECENTLY-REMOVED-DATERANGES="a"`: 10,
		`#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="n",INSTREAM-ID="CC1"`:      1,
		`#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="c",NAME="n",INSTREAM-ID="SERVICE1"`: 7,
		`#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="c",NAME="n",INSTREAM-ID="1"`:                  13,
		`#EXT-X-STREAM-INF:BANDWIDTH=1,REQ-VIDEO-LAYOUT="CH-STEREO"`:                     12,
	} {
		lines := splitLines(&report{}, []byte("#EXTM3U\n"+tag))
		if got := lines[0].needs(); got != want {
			t.Errorf("%s needs %d, want %d", tag, got, want)
		}
	}
	for version, want := range map[string][]int{"2": {49}, "3": nil, "6": nil, "7": {49}} {
		if _, wrong := ParseMedia("", []byte(replace(t, goodPlain, "VERSION:6", "VERSION:"+version))); !slices.Equal(rules(wrong), want) {
			t.Errorf("version %s: %v, want rules %v", version, wrong, want)
		}
	}
}

func FuzzParseMedia(f *testing.F) {
	f.Add([]byte(goodPlain))
	f.Add([]byte(goodLL))
	f.Add([]byte(goodMultivariant))
	f.Add([]byte("#EXTM3U\n#EXT-X-SKIP:SKIPPED-SEGMENTS=9223372036854775807\n#EXTINF:1,\na\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, _ := ParseMedia("", text)
		for i := range m.Segments {
			if m.Segments[i].URI == "" {
				t.Error("segment without URI")
			}
		}
		CheckChange("", m, m)
		n, _ := ParseMultivariant("", text)
		checkMediaReaders(&report{}, text, m)
		checkMultivariantReaders(&report{}, text, n)
	})
}
