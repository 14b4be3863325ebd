package playlist

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golive/media"
)

// stored is an archive of n segments of 2 s.
func stored(n int, ended bool) string {
	a := NewArchive(Constants{Target: 2, PartTarget: media.Second / 4}, time.Minute, Start{})
	for i := range n {
		a.Add(segmentOf(i), false)
	}
	return string(a.Render(ended))
}

func segmentOf(msn int) *media.Segment {
	return &media.Segment{
		Session: "aaaa", MSN: int64(msn), Duration: 2 * media.Second, Size: 1, Independent: true,
		ProgramDateTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(2*msn) * time.Second),
	}
}

func TestParseArchive_ReadsBackWhatWasWritten(t *testing.T) {
	for _, ended := range []bool{false, true} {
		r, err := ParseArchive([]byte(stored(5, ended)))
		if err != nil {
			t.Fatal(err)
		}
		if r.Constants != (Constants{Target: 2, PartTarget: media.Second / 4}) || r.Ended != ended || len(r.Segments) != 5 {
			t.Errorf("ended=%t: %+v", ended, r)
		}
		for i, s := range r.Segments {
			want := segmentOf(i)
			if s.Name() != want.Name() || s.Duration != want.Duration || !s.ProgramDateTime.Equal(want.ProgramDateTime) || !s.Independent {
				t.Errorf("segment %d is %+v", i, s)
			}
		}
	}
}

func TestParseArchive_RemembersSegmentsWithoutAKeyFrame(t *testing.T) {
	a := NewArchive(Constants{Target: 2, PartTarget: 1}, time.Minute, Start{})
	for i := range 3 {
		s := segmentOf(i)
		s.Independent = i != 1
		a.Add(s, false)
	}
	r, err := ParseArchive(a.Render(false))
	if err != nil {
		t.Fatal(err)
	}
	w := NewWindow(DefaultConfig(), r.Constants, Start{})
	w.Restore(r.Segments)
	w.Commit()
	if text := string(w.Snapshot().Full.Plain); strings.Contains(text, "INDEPENDENT-SEGMENTS") {
		t.Errorf("claims that every segment begins with a key frame:\n%s", text)
	}
}

func TestParseArchive_RefusesWhatCannotGoOn(t *testing.T) {
	good := stored(3, false)
	for _, change := range [][2]string{
		{"TARGETDURATION:2", "TARGETDURATION:0"},
		{"TARGETDURATION:2", "TARGETDURATION:-2"},
		{"TARGETDURATION:2", "TARGETDURATION:NaN"},
		{"TARGETDURATION:2", "TARGETDURATION:1e300"},
		{"part-target 22500", "part-target 0"},
		{"part-target 22500", "part-target 9223372036854775807"},
		{"EXTINF:2.00000", "EXTINF:NaN"},
		{"EXTINF:2.00000", "EXTINF:-2"},
		{"EXTINF:2.00000", "EXTINF:1e300"},
		{"aaaa-", "../../other/source/aaaa-"},
		{"aaaa-1.ts", "aaaa-2.ts"},
		{"aaaa-1.ts", "aaaa-1.0.ts"},
		{good, ""},
		{good, "#EXTM3U\n"},
		{good, good[:len(good)/2]},
	} {
		text := strings.ReplaceAll(good, change[0], change[1])
		if r, err := ParseArchive([]byte(text)); err == nil {
			t.Errorf("%.40q for %.40q: %+v", change[1], change[0], r)
		}
	}
	numbers := good
	for i := range 3 {
		numbers = strings.Replace(numbers, fmt.Sprintf("aaaa-%d.ts", i), fmt.Sprintf("aaaa-%d.ts", int64(9223372036854775805)+int64(i)), 1)
	}
	numbers = strings.Replace(numbers, "SEQUENCE:0", "SEQUENCE:9223372036854775805", 1)
	if _, err := ParseArchive([]byte(numbers)); err == nil {
		t.Error("there is no number after the last")
	}
}

// What can be read back can be gone on with.
func FuzzParseArchive(f *testing.F) {
	f.Add(stored(3, false))
	f.Add(stored(3, true))
	f.Add(strings.Replace(stored(3, false), "#EXTINF", "#EXT-X-GAP\n#EXTINF", 1))
	f.Add(strings.Replace(stored(3, false), "#EXT-X-PROGRAM", "#EXT-X-DISCONTINUITY\n#EXT-X-PROGRAM", 1))
	f.Fuzz(func(t *testing.T, text string) {
		r, err := ParseArchive([]byte(text))
		if err != nil {
			return
		}
		w := NewWindow(DefaultConfig(), r.Constants, Start{DiscontinuitySequence: r.DiscontinuitySequence})
		w.Restore(r.Segments)
		before := r.Segments[len(r.Segments)-1].MSN
		lost := w.FillGap(r.End().Add(10*time.Minute), 3)
		w.Commit()
		s := w.Snapshot()
		if n := int64(len(lost)); n < 3 || lost[n-1].MSN != before+n {
			t.Errorf("%d segments are lost, from %d on", n, before)
		}
		s.Near(Position{MSN: before + 1, Part: 1}, r.Constants.PartTarget)
		if s.next.MSN <= before {
			t.Errorf("next is %d after %d", s.next.MSN, before)
		}
	})
}

// Players of a broadcast with short segments saw more of them than fit the lost
// time in targets.
func TestWindow_FillGapCoversEveryNumberThatWasShown(t *testing.T) {
	s := newScript(DefaultConfig())
	for range 12 {
		s.begin(false)
		for range 5 { // 1.25 s
			s.part()
		}
		s.close()
	}
	const behind = 30 * time.Second // the store was slow
	last := s.w.entries[len(s.w.entries)-1].Segment()
	lost := s.w.FillGap(last.ProgramDateTime.Add(last.Duration.Duration()+behind), 3)
	if shown := int(behind / (1250 * time.Millisecond)); len(lost) < shown {
		t.Errorf("%d segments are listed as lost, players may have seen %d", len(lost), shown)
	}
	for _, seg := range lost {
		if seg.Duration <= 0 || seg.Duration > 2*media.Second {
			t.Errorf("%s lasts %d", seg.Name(), seg.Duration)
		}
	}
}

// The decoder that reads it back takes the longest segment for the target.
func TestParseArchive_KeepsTheTarget(t *testing.T) {
	a := NewArchive(Constants{Target: 2, PartTarget: 1}, time.Minute, Start{})
	s := segmentOf(0)
	s.Duration = 2*media.Second + media.Second/4 // rounded it is 2
	a.Add(s, false)
	r, err := ParseArchive(a.Render(false))
	if err != nil || r.Constants.Target != 2 {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestWindow_FillGapBearsAClockThatWasSetBack(t *testing.T) {
	s := newScript(DefaultConfig())
	s.segments(3)
	last := s.w.entries[2].Segment()
	if lost := s.w.FillGap(last.ProgramDateTime.Add(-time.Hour), 3); len(lost) != 3 {
		t.Errorf("%d segments are lost", len(lost))
	}
	empty := newScript(DefaultConfig())
	if lost := empty.w.FillGap(time.Now(), 3); lost != nil {
		t.Errorf("an empty window lost %d segments", len(lost))
	}
}
