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
	r := NewReplay(Constants{Target: 2})
	date := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range int64(3) {
		r.Add(&media.Segment{
			Publication: "aaaa", MSN: 7 + i, Duration: 2 * media.Second, Size: 1, Independent: true,
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
	got := string(r.Render("source/"))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("replay playlist (-want +got):\n%s", diff)
	}
	list, kind, err := grafov.DecodeFrom(strings.NewReader(got), true)
	if err != nil || kind != grafov.MEDIA {
		t.Fatalf("grafov: %v, kind %d", err, kind)
	}
	if p := list.(*grafov.MediaPlaylist); p.MediaType != grafov.VOD || !p.Closed || p.Count() != 3 {
		t.Errorf("grafov read type %d, closed %t, %d segments", p.MediaType, p.Closed, p.Count())
	}
}

func TestReplay_TrimKeepsSegmentsOfTheLivePlaylist(t *testing.T) {
	r := NewReplay(Constants{Target: 2})
	for i := range 10 {
		r.Add(segmentOf(i), false)
	}
	length := 10 * segmentOf(0).Duration.Duration()
	if got := r.Trim(length-5*time.Second, 9); !cmp.Equal(got, []string{"aaaa-0.ts", "aaaa-1.ts"}) {
		t.Errorf("trimmed %q, want aaaa-0.ts and aaaa-1.ts", got)
	}
	if got := r.Trim(0, 5); !cmp.Equal(got, []string{"aaaa-2.ts", "aaaa-3.ts", "aaaa-4.ts"}) || r.First() != 5 {
		t.Errorf("trimmed %q, first left is %d; want aaaa-2.ts to aaaa-4.ts, and 5", got, r.First())
	}
	if text := string(r.Render("source/")); !strings.Contains(text, "MEDIA-SEQUENCE:5\n") {
		t.Errorf("the playlist does not begin with segment 5:\n%s", text)
	}
}

func TestReplay_ClockJumpTrimsNothing(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		r := NewReplay(Constants{Target: 2})
		for i := range 10 {
			s := *segmentOf(i)
			if i >= 5 {
				s.ProgramDateTime = s.ProgramDateTime.Add(jump)
			}
			r.Add(&s, false)
			if got := r.Trim(30*time.Minute, 100); len(got) > 0 {
				t.Errorf("a jump of %s trims %q, want none", jump, got)
			}
		}
	}
}

func TestReplay_LateRenditionBeginsWithGaps(t *testing.T) {
	leader, late := NewReplay(Constants{Target: 2}), NewReplay(Constants{Target: 2})
	for i := range 6 {
		s := *segmentOf(i)
		s.Discontinuity = i == 2 || i == 4
		s.Independent = i != 1 // the first segments of the late rendition are gaps, which need not be independent
		if i < 2 {
			s.Publication = "before"
		}
		leader.Add(&s, false)
		if i >= 3 {
			late.Add(&s, i == 5)
		}
	}
	got := string(late.BeginningWith(leader).Render(""))
	want := strings.ReplaceAll(string(leader.Render("")), "INDEPENDENT-SEGMENTS\n", "")
	want = strings.Replace(want, "VOD\n", "VOD\n#EXT-X-INDEPENDENT-SEGMENTS\n", 1)
	for _, msn := range []string{"before-0", "before-1", "aaaa-2", "aaaa-5"} {
		i := strings.Index(want, msn)
		i = strings.LastIndex(want[:i], "#EXTINF")
		want = want[:i] + "#EXT-X-GAP\n" + want[i:]
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("replay of the late rendition (-want +got):\n%s", diff)
	}
	if same := leader.BeginningWith(late); !cmp.Equal(same.Render(""), leader.Render("")) {
		t.Errorf("the replay that begins first was changed:\n%s", same.Render(""))
	}
	if late.Len() != 3 || late.First() != 3 {
		t.Errorf("BeginningWith changed its receiver: %d segments from %d, want 3 from 3", late.Len(), late.First())
	}
}
