package playlist

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	grafov "github.com/grafov/m3u8"

	"golive/media"
)

func TestReplay_ListsTheWholeBroadcast(t *testing.T) {
	r := NewReplay(Constants{Target: 2}, "source/")
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range int64(3) {
		r.Add(&media.Segment{
			Session: "aaaa", MSN: 7 + i, Duration: 2 * media.Second, Size: 1, Independent: true,
			Discontinuity: i != 1, ProgramDateTime: date.Add(time.Duration(2*i) * time.Second),
		}, i == 1)
	}
	want := `#EXTM3U
#EXT-X-VERSION:6
#EXT-X-PLAYLIST-TYPE:VOD
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:05.000Z
#EXTINF:2.00000,
source/aaaa-7.ts
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:07.000Z
#EXT-X-GAP
#EXTINF:2.00000,
source/aaaa-8.ts
#EXT-X-DISCONTINUITY
#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.000Z
#EXTINF:2.00000,
source/aaaa-9.ts
#EXT-X-ENDLIST
`
	got := string(r.Render())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if began, ended := Span([]byte(got)); !began.Equal(date) || !ended.Equal(date.Add(6*time.Second)) {
		t.Errorf("it is from %v to %v", began, ended)
	}
	list, kind, err := grafov.DecodeFrom(strings.NewReader(got), true)
	if err != nil || kind != grafov.MEDIA {
		t.Fatalf("grafov: %v, kind %d", err, kind)
	}
	if p := list.(*grafov.MediaPlaylist); p.MediaType != grafov.VOD || !p.Closed || p.Count() != 3 {
		t.Errorf("grafov read type %d, closed %t, %d segments", p.MediaType, p.Closed, p.Count())
	}
}

// A server that was killed reads the pages back, and goes on where they end.
func TestReplay_JournalIsReadBackWhole(t *testing.T) {
	constants := Constants{Target: 2, PartTarget: media.Second / 4}
	whole := NewReplay(constants, "source/")
	pages := map[int]string{}
	written := int64(-1)
	for i := range 1300 {
		s := segmentOf(300 + i)
		s.Session = []string{"aaaa", "bbbb", "aaaa"}[i/500]
		s.Discontinuity = i%500 == 0
		s.Independent = i < 1000
		whole.Add(s, i%7 == 3)
		if i%20 == 19 || i == 1299 {
			for _, p := range whole.PagesAfter(written) {
				pages[p.Number] = string(p.Text)
			}
			written = whole.Last()
		}
	}
	if len(pages) != 4 || pages[0] == "" || pages[3] == "" {
		t.Fatalf("%d pages", len(pages))
	}
	again := NewReplay(constants, "source/")
	for n := range 4 {
		r, err := ParseArchive([]byte(pages[n]))
		if err != nil {
			t.Fatalf("page %d: %v", n, err)
		}
		for _, s := range r.Segments {
			again.Add(s, len(s.Parts) == 0)
			again.Add(s, false) // what is there already is ignored
		}
	}
	if diff := cmp.Diff(string(whole.Render()), string(again.Render())); diff != "" {
		t.Error(diff)
	}
}

func TestReplay_TrimKeepsWhatIsListedLive(t *testing.T) {
	r := NewReplay(Constants{Target: 2}, "source/")
	for i := range 10 {
		r.Add(segmentOf(i), false)
	}
	length := 10 * segmentOf(0).Duration.Duration()
	if got := r.Trim(length-5*time.Second, 9); !cmp.Equal(got, []string{"aaaa-0.ts", "aaaa-1.ts"}) {
		t.Errorf("trimmed %q", got)
	}
	if got := r.Trim(0, 5); !cmp.Equal(got, []string{"aaaa-2.ts", "aaaa-3.ts", "aaaa-4.ts"}) || r.First() != 5 || r.Last() != 9 {
		t.Errorf("trimmed %q, left %d to %d", got, r.First(), r.Last())
	}
	if text := string(r.Render()); !strings.Contains(text, "MEDIA-SEQUENCE:5\n") {
		t.Error(text)
	}
}

func TestReplay_ClockThatJumpsMakesNothingOld(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		r := NewReplay(Constants{Target: 2}, "source/")
		for i := range 10 {
			s := *segmentOf(i)
			if i >= 5 {
				s.ProgramDateTime = s.ProgramDateTime.Add(jump)
			}
			r.Add(&s, false)
			if got := r.Trim(30*time.Minute, 100); len(got) > 0 {
				t.Errorf("a jump of %s takes out %q", jump, got)
			}
		}
		if began, ended := Span(r.Render()); ended.Before(began.Add(10 * time.Second)) {
			t.Errorf("a jump of %s: from %s to %s", jump, began, ended)
		}
	}
}
