package hlscheck

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/asticode/go-astits"

	"golive/internal/mediatest"
)

func rules(list []Violation) []int {
	var r []int
	for _, v := range list {
		if !slices.Contains(r, v.Rule) {
			r = append(r, v.Rule)
		}
	}
	slices.Sort(r)
	return r
}

// window returns a playlist with the segments first to last of an endless stream of 2 s segments,
// whose segment 10 begins the first discontinuity.
func window(first, last int) string {
	var b strings.Builder
	passed := 0
	if first > 10 {
		passed = 1
	}
	fmt.Fprintf(&b, "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:%d\n#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", first, passed)
	for i := first; i <= last; i++ {
		if i == 10 {
			b.WriteString("#EXT-X-DISCONTINUITY\n")
		}
		at := time.Date(2026, 11, 22, 10, 0, 2*i, 0, time.UTC)
		fmt.Fprintf(&b, "#EXT-X-PROGRAM-DATE-TIME:%s\n#EXTINF:2.00000,\ns-%d.ts\n", at.Format("2006-01-02T15:04:05.000Z"), i)
	}
	return b.String()
}

func TestCheckChange_FindsNothingWrongWithASlidingWindow(t *testing.T) {
	before, _ := ParseMedia("", []byte(window(0, 6)))
	for first := range 20 {
		text := window(first, first+7)
		if first == 19 {
			text += "#EXT-X-ENDLIST\n"
		}
		after, wrong := ParseMedia("", []byte(text))
		if wrong = append(wrong, CheckChange("", before, after)...); len(wrong) > 0 {
			t.Fatalf("window from %d: %v", first, wrong)
		}
		before = after
	}
}

func TestCheckChange_FollowsPartsIntoTheirSegment(t *testing.T) {
	before, _ := ParseMedia("", []byte(goodLL))
	grown := replace(t, goodLL, "#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a-5.1.ts\"\n",
		"#EXT-X-PART:DURATION=0.50000,URI=\"a-5.1.ts\"\n#EXTINF:1.00000,\na-5.ts\n#EXT-X-PRELOAD-HINT:TYPE=PART,URI=\"a-6.0.ts\"\n")
	after, wrong := ParseMedia("", []byte(grown))
	if wrong = append(wrong, CheckChange("", before, after)...); len(wrong) > 0 {
		t.Errorf("valid growth: %v", wrong)
	}
	after, _ = ParseMedia("", []byte(replace(t, grown, "a-5.0.ts", "a-5.x.ts")))
	if got := rules(CheckChange("", before, after)); !slices.Equal(got, []int{8}) {
		t.Errorf("renamed part: rules %v, want 8", got)
	}
}

func TestCheckChange_NamesTheRule(t *testing.T) {
	for _, c := range []struct {
		name          string
		before, after string
		want          []int
	}{
		{"target changes", window(0, 7), replace(t, window(0, 7), "TARGETDURATION:2", "TARGETDURATION:3"), []int{4}},
		{"sequence falls", window(5, 12), window(0, 7), []int{5, 8}},
		{"sequence skips", window(0, 9), replace(t, window(1, 9), "SEQUENCE:1\n", "SEQUENCE:3\n"), []int{5, 8}},
		{"sequence stays", window(0, 9), replace(t, window(1, 9), "MEDIA-SEQUENCE:1\n", "MEDIA-SEQUENCE:0\n"), []int{5, 8}},
		{"sequence missing", window(0, 9), replace(t, window(1, 9), "#EXT-X-MEDIA-SEQUENCE:1\n", ""), []int{5, 8}},
		{"discontinuity not counted", window(10, 18), replace(t, window(11, 19), "DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:0"), []int{6}},
		{"discontinuity sequence falls", window(11, 18), replace(t, window(11, 19), "DISCONTINUITY-SEQUENCE:1", "DISCONTINUITY-SEQUENCE:0"), []int{6}},
		{"segment renamed", window(0, 7), replace(t, window(0, 8), "s-3.ts", "x-3.ts"), []int{5, 8, 17}},
		{"duration changes", window(0, 7), replace(t, window(0, 8), "2.00000,\ns-3", "1.90000,\ns-3"), []int{8}},
		{"discontinuity appears", window(0, 7), replace(t, window(0, 8), "#EXTINF:2.00000,\ns-3", "#EXT-X-DISCONTINUITY\n#EXTINF:2.00000,\ns-3"), []int{8}},
		{"last segment disappears", window(0, 7), window(0, 6), []int{5, 8, 17}},
		{"ENDLIST disappears", window(0, 7) + "#EXT-X-ENDLIST\n", window(0, 8), []int{8}},
		{"trimmed to two", window(0, 7), window(6, 7), []int{13, 14}},
		{"trimmed to five", window(0, 7), window(4, 8), []int{14}},
		{
			"EVENT trims", replace(t, window(0, 7), "#EXT-X-VERSION:6\n", "#EXT-X-PLAYLIST-TYPE:EVENT\n"),
			replace(t, window(1, 8), "#EXT-X-VERSION:6\n", "#EXT-X-PLAYLIST-TYPE:EVENT\n"),
			[]int{18},
		},
		{"dates change", window(0, 7), strings.ReplaceAll(window(0, 7), "T10:00:0", "T10:00:1"), []int{21}},
		{"part target changes", goodLL, replace(t, goodLL, "PART-TARGET=0.50000", "PART-TARGET=0.50001"), []int{29}},
		{"hold-back changes", goodLL, replace(t, goodLL, "PART-HOLD-BACK=1.5", "PART-HOLD-BACK=1.6"), []int{29}},
	} {
		before, _ := ParseMedia("", []byte(c.before))
		after, _ := ParseMedia("", []byte(c.after))
		if wrong := CheckChange("", before, after); !slices.Equal(rules(wrong), c.want) {
			t.Errorf("%s: rules %v, want %v: %v", c.name, rules(wrong), c.want, wrong)
		}
	}
}

// check applies the rules about bytes to segments of 2 s.
func check(t *testing.T, segments ...seg) []Violation {
	t.Helper()
	found := &violations{}
	a := newAnalyser(func(rule int, format string, args ...any) {
		found.add(Violation{Rule: rule, Text: fmt.Sprintf(format, args...)})
	})
	for _, s := range segments {
		if s.Duration == 0 {
			s.Duration = 2 * time.Second
		}
		a.check(t.Context(), &piece{
			init: s.init, data: s.data, mapped: s.Map.URI != "", duration: s.Duration, date: s.ProgramDateTime,
			discontinuity: s.Discontinuity, independent: !s.notIndependent, part: s.part,
		})
	}
	return found.sorted()
}

type seg struct {
	Segment
	init, data     []byte
	notIndependent bool // not declared independent
	part           bool
}

func TestAnalyser_FindsNothingWrongWithAValidStream(t *testing.T) {
	s := newTSStream(t, astits.StreamTypeH264Video)
	s.offset = ticksPerWrap - 5*90_000 // passes the wrap in the third segment
	var segments []seg
	for range 6 {
		segments = append(segments, seg{data: s.segment(2)})
	}
	if wrong := check(t, segments...); len(wrong) > 0 {
		t.Error(wrong)
	}
}

func TestAnalyser_NamesTheRule(t *testing.T) {
	stream := func() *tsStream { return newTSStream(t, astits.StreamTypeH264Video) }
	discontinuity := Segment{Discontinuity: true}
	otherSPS := append(slices.Clone(testSPS), 0x11)
	for _, c := range []struct {
		name     string
		segments func() []seg
		want     []int
	}{
		{"new SPS", func() []seg {
			s := stream()
			one := s.segment(2)
			s.sps = otherSPS
			return []seg{{data: one}, {data: s.segment(2)}}
		}, []int{7}},
		{"new SPS, announced", func() []seg {
			s := stream()
			one := s.segment(2)
			s.sps = otherSPS
			return []seg{{data: one}, {Segment: discontinuity, data: s.segment(2)}}
		}, nil},
		{"hole", func() []seg {
			s := stream()
			one := s.segment(2)
			s.offset += 2 * 90_000
			return []seg{{data: one}, {data: s.segment(2)}}
		}, []int{20, 22}},
		{"hole, announced", func() []seg {
			s := stream()
			one := s.segment(2)
			s.offset += 2 * 90_000
			return []seg{{data: one}, {Segment: discontinuity, data: s.segment(2)}}
		}, nil},
		{"time goes back", func() []seg {
			s := stream()
			one := s.segment(2)
			s.offset -= 90_000
			return []seg{{data: one}, {data: s.segment(2)}}
		}, []int{22, 24}},
		{"durations drift", func() []seg {
			s := stream()
			list := make([]seg, 5)
			for i := range list {
				list[i] = seg{Segment: Segment{Duration: 1990 * time.Millisecond}, data: s.segment(2)}
			}
			return list
		}, []int{22}},
		{"no key frame", func() []seg {
			s := stream()
			return []seg{{data: s.segment(2)}, {data: s.part(60, false)}}
		}, []int{23}},
		{"no key frame, and not declared independent", func() []seg {
			s := stream()
			return []seg{{data: s.segment(2)}, {data: s.part(60, false), notIndependent: true}}
		}, nil},
		{"lost packet", func() []seg {
			s := stream()
			one, two := s.segment(2), s.segment(2)
			// The second picture's middle: neither a table nor the beginning of a PES.
			at := 6
			for two[at*PacketSize+1]&0x40 != 0 {
				at++
			}
			return []seg{{data: one}, {data: slices.Concat(two[:at*PacketSize], two[(at+1)*PacketSize:])}}
		}, []int{24}},
		{"cut off", func() []seg {
			one := stream().segment(2)
			return []seg{{data: one[:len(one)-100]}}
		}, []int{24}},
		{"HEVC", func() []seg {
			return []seg{{data: newTSStream(t, astits.StreamTypeH265Video).segment(2)}}
		}, []int{25}},
		{"fMP4 without map", func() []seg {
			return []seg{{data: []byte("\x00\x00\x00\x18styp....")}}
		}, []int{25}},
		{"packed audio", func() []seg {
			return []seg{{data: []byte("ID3 and what follows")}, {data: []byte("\xff\xf1 and what follows")}}
		}, nil},
		{"subtitles", func() []seg {
			return []seg{{data: []byte("WEBVTT")}}
		}, nil},
		{"another format", func() []seg {
			return []seg{{data: stream().segment(2)}, mp4Segments(t)[0]}
		}, []int{7}},
		{"another format, announced", func() []seg {
			two := mp4Segments(t)[0]
			two.Discontinuity = true
			return []seg{{data: stream().segment(2)}, two}
		}, nil},
		{"fMP4", func() []seg { return mp4Segments(t) }, nil},
		{"fMP4 without its initialization segment", func() []seg {
			s := mp4Segments(t)
			s[0].init = nil
			return s[:1]
		}, []int{54}},
		{"fMP4 with a lost segment", func() []seg {
			s := mp4Segments(t)
			return []seg{s[0], s[2], s[3]}
		}, []int{20, 22, 24}},
	} {
		if wrong := check(t, c.segments()...); !slices.Equal(rules(wrong), c.want) {
			t.Errorf("%s: rules %v, want %v: %v", c.name, rules(wrong), c.want, wrong)
		}
	}
}

// mp4Segments returns segments of fragmented MP4.
func mp4Segments(t *testing.T) (segments []seg) {
	t.Helper()
	c := newCMAF(t, mediatest.H264(640, 36), mediatest.AAC())
	for i := range c.segments {
		segments = append(segments, seg{Segment: Segment{Map: Map{URI: "init.mp4"}}, init: c.init, data: c.segments[i].bytes()})
	}
	return segments
}

func TestCheckOldParts_NamesTheFirstSegmentThatStillHasParts(t *testing.T) {
	text := "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:2\n#EXT-X-PART-INF:PART-TARGET=2\n#EXT-X-SERVER-CONTROL:PART-HOLD-BACK=6\n" +
		"#EXT-X-PROGRAM-DATE-TIME:2026-11-22T10:00:00.000Z\n"
	for i := range 6 {
		text += fmt.Sprintf("#EXT-X-PART:DURATION=2,URI=\"s-%d.0.ts\"\n#EXTINF:2,\ns-%d.ts\n", i, i)
	}
	for drop, want := range map[string][]int{"x": {16}, "#EXT-X-PART:DURATION=2,URI=\"s-0.0.ts\"\n": nil} {
		m, _ := ParseMedia("", []byte(strings.Replace(text, drop, "", 1)))
		r := &report{}
		checkOldParts(r, m)
		if !slices.Equal(rules(r.list), want) || want != nil && r.list[0].Line != 8 {
			t.Errorf("without %q: %v, want rules %v", drop, r.list, want)
		}
	}
}

func TestViolations_AreKeptOnce(t *testing.T) {
	c := &violations{}
	for line := range 3 {
		c.add(Violation{Rule: 2, Line: line, Text: "x"})
	}
	c.add(Violation{Rule: 1, Text: "y"})
	if got := c.sorted(); len(got) != 2 || got[0].Rule != 1 {
		t.Errorf("%v, want rule 1 and rule 2 once", got)
	}
}
