package playlist

import (
	"strings"
	"testing"
	"time"

	"golive/media"
)

func segmentOf(msn int) *media.Segment {
	return &media.Segment{
		Publication: "aaaa", MSN: int64(msn), Duration: 2 * media.Second, Size: 1, Independent: true,
		ProgramDateTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(2*msn) * time.Second),
	}
}

func TestWindow_RestoreDoesNotDeclareIndependentSegmentsIfOneIsNot(t *testing.T) {
	var segments []*media.Segment
	for i := range 3 {
		s := segmentOf(i)
		s.Independent = i != 1
		segments = append(segments, s)
	}
	w := NewWindow(DefaultConfig(), Constants{Target: 2, PartTarget: 1}, Start{}, nil)
	w.Restore(segments)
	w.Commit()
	if text := string(w.Snapshot().Full.Plain); strings.Contains(text, "INDEPENDENT-SEGMENTS") {
		t.Errorf("the playlist declares independent segments:\n%s", text)
	}
}

func TestStored_IsReadBackWithItsTarget(t *testing.T) {
	a := NewStored(Constants{Target: 2, PartTarget: 1}, time.Minute, Start{})
	s := segmentOf(0)
	s.Duration = 2*media.Second + media.Second/4 // 2 when rounded
	a.Add(s, false)
	if text := string(a.Render(false)); !strings.Contains(text, "TARGETDURATION:2\n") {
		t.Errorf("the stored playlist lacks the target duration of 2:\n%s", text)
	}
}

// With segments shorter than the target duration, players may have seen more of them than the
// lost time has target durations.
func TestWindow_FillGapCoversEveryPublishedNumber(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	for range 12 {
		s.openSegment(false)
		for range 5 { // 1.25 s
			s.addPart()
		}
		s.closeSegment()
	}
	const behind = 30 * time.Second // what the slow store lacks
	last := s.w.entries[len(s.w.entries)-1].Segment()
	lost := s.w.FillGap(last.ProgramDateTime.Add(last.Duration.Duration()+behind), 3)
	if shown := int(behind / (1250 * time.Millisecond)); len(lost) < shown {
		t.Errorf("%d segments are listed as lost, players may have seen %d", len(lost), shown)
	}
	for _, seg := range lost {
		if seg.Duration <= 0 || seg.Duration > 2*media.Second {
			t.Errorf("segment %s has a duration of %d", seg.Name(), seg.Duration)
		}
	}
}

func TestWindow_FillGapToleratesAClockThatWasSetBack(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(3)
	last := s.w.entries[2].Segment()
	if lost := s.w.FillGap(last.ProgramDateTime.Add(-time.Hour), 3); len(lost) != 3 {
		t.Errorf("%d segments are listed as lost", len(lost))
	}
	empty := newWindowWriter(DefaultConfig())
	if lost := empty.w.FillGap(time.Now(), 3); lost != nil {
		t.Errorf("an empty window lists %d segments as lost, want none", len(lost))
	}
}
