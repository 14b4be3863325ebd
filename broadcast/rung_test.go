package broadcast

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/archive"
	"golive/internal/hlscheck"
	"golive/playlist"
)

// listedSegment is what the playlists of all renditions must say about a segment.
type listedSegment struct {
	date, end       time.Time
	discontinuities int64 // EXT-X-DISCONTINUITY-SEQUENCE at the segment
	discontinuity   bool
}

// listedSegments returns the segments of a rendition's playlist by number, and how many are gaps.
func (s *testHub) listedSegments(rendition string) (all map[int64]listedSegment, gaps int) {
	s.t.Helper()
	m, wrong := hlscheck.ParseMedia("", []byte(s.renditionPlaylist("b", rendition)))
	if len(wrong) > 0 {
		s.t.Errorf("%s: %v", rendition, wrong)
	}
	all = map[int64]listedSegment{}
	breaks := m.DiscontinuitySequence
	for _, seg := range m.Segments {
		if seg.Discontinuity {
			breaks++
		}
		if seg.Gap {
			gaps++
		}
		all[seg.MSN] = listedSegment{
			date: seg.ProgramDateTime.Round(10 * time.Millisecond), end: seg.ProgramDateTime.Add(seg.Duration).Round(50 * time.Millisecond),
			discontinuities: breaks, discontinuity: seg.Discontinuity,
		}
	}
	return all, gaps
}

// checkAligned checks that the small rendition's playlist has the source's numbers, dates and
// discontinuities in at least that many segments. It returns how many of its segments are gaps.
func (s *testHub) checkAligned(least int) (gaps int) {
	s.t.Helper()
	source, _ := s.listedSegments(SourceRendition)
	rung, gaps := s.listedSegments(smallRendition)
	common := 0
	for msn, want := range source {
		got, ok := rung[msn]
		if !ok {
			continue
		}
		common++
		if got != want {
			s.t.Errorf("segment %d: the source has %+v, the rung %+v", msn, want, got)
		}
	}
	if common < least {
		s.t.Errorf("%d segments in common, want %d:\n%s\n%s", common, least, s.renditionPlaylist("b", SourceRendition), s.renditionPlaylist("b", smallRendition))
	}
	return gaps
}

func (s *testHub) isListed() bool {
	text, _ := s.Multivariant("b")
	return text != nil && strings.Contains(string(text.Plain), smallRendition+"/")
}

// rungError returns the error of a request for the rung's playlists, or nil if they are served.
func (s *testHub) rungError() error {
	_, live := s.Playlist(s.t.Context(), "b", smallRendition, archive.PlaylistName, playlist.Directives{})
	_, plain := s.Playlist(s.t.Context(), "b", smallRendition, playlist.PlainName, playlist.Directives{})
	if (live == nil) != (plain == nil) {
		s.t.Errorf("low latency: %v, plain: %v", live, plain)
	}
	return live
}

func TestRung_ThatStopsHasGapsAndIsNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		e := s.mustPublish("b")
		e.playTwoTracks(t, 8*time.Second)
		if gaps := s.checkAligned(3); gaps != 0 || !s.isListed() {
			t.Errorf("%d gaps, listed %t", gaps, s.isListed())
		}
		e.play(t, 12*time.Second)
		if gaps := s.checkAligned(8); gaps < 2 || s.isListed() {
			t.Errorf("%d gaps, listed %t", gaps, s.isListed())
		}
		if err := s.rungError(); !errors.Is(err, playlist.ErrNotFound) {
			t.Errorf("error %v, want not found, so that players switch", err)
		}
		e.playTwoTracks(t, 8*time.Second)
		if gaps := s.checkAligned(12); gaps < 2 || gaps > 6 || !s.isListed() {
			t.Errorf("%d gaps, listed %t", gaps, s.isListed())
		}
		if err := s.rungError(); err != nil {
			t.Errorf("after the rung has resumed: %v", err)
		}
		e.sink.Close(nil)
		<-time.After(5 * time.Second)
		if replay := s.object("live/b/replay.m3u8"); !strings.Contains(replay, smallRendition+"/replay-") {
			t.Errorf("the rung is not in the replay:\n%s", replay)
		}
	})
}

// An expected rung gets no units: its source is too small for it, or there is no ffmpeg.
func TestRung_WithoutUnitsIsNotListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		e := s.mustPublish("b")
		b := s.broadcast("b")
		b.rung(smallRendition).expect()
		e.play(t, time.Minute)
		if _, ok := s.Window("b", smallRendition); ok || s.isListed() {
			t.Error("there is a rung without units")
		}
		e.playTwoTracks(t, 8*time.Second) // late, within a segment
		if gaps := s.checkAligned(3); gaps > 1 || !s.isListed() {
			t.Errorf("%d gaps, listed %t", gaps, s.isListed())
		}
		e.sink.Close(nil)
	})
}

func TestRung_ThatBeginsAfterDiscontinuitiesCountsThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		var e *encoder
		for range 3 {
			e = s.mustPublish("b")
			e.play(t, 7*time.Second)
			e.sink.Close(errors.New("connection reset"))
			<-time.After(time.Second)
		}
		e = s.mustPublish("b")
		e.playTwoTracks(t, 7*time.Second)
		s.checkAligned(3)
		e.sink.Close(errors.New("connection reset"))
		<-time.After(time.Second)
		if !s.isListed() {
			t.Error("the rung is not listed while the publisher may return")
		}
		e = s.mustPublish("b")
		e.playTwoTracks(t, 7*time.Second)
		if gaps := s.checkAligned(6); gaps > 0 {
			t.Errorf("%d gaps, want none", gaps)
		}
		e.sink.Close(nil)
	})
}

func TestRung_ContinuesAfterAKillWhereItsSourceDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		old := newTestHubIn(t, dir, time.Hour)
		e := old.mustPublish("b")
		e.playTwoTracks(t, 12*time.Second)
		e.play(t, 3*time.Second) // the rung is behind
		synctest.Wait()
		killed := t.TempDir()
		copyDir(t, dir, killed)
		e.sink.Close(nil)

		s := newTestHubIn(t, killed, time.Hour)
		synctest.Wait()
		s.checkAligned(6)
		e = s.mustPublish("b")
		e.playTwoTracks(t, 8*time.Second)
		s.checkAligned(9)
		e.sink.Close(nil)
	})
}

func TestRung_OfTheNextBroadcastHasItsSourcesNumbers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		e := s.mustPublish("b")
		e.playTwoTracks(t, 8*time.Second)
		e.sink.Close(nil)
		synctest.Wait()
		e = s.mustPublish("b")
		e.playTwoTracks(t, 8*time.Second)
		s.checkAligned(3)
		e.sink.Close(nil)
	})
}

// The replay of a rung that came late has its source's segments, those before it as gaps.
func TestRung_ThatComesLateHasTheWholeReplay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		e := s.mustPublish("b")
		e.play(t, 9*time.Second)
		e.sink.Close(errors.New("connection reset"))
		<-time.After(time.Second)
		e = s.mustPublish("b")
		e.play(t, 9*time.Second)
		e.playTwoTracks(t, 9*time.Second)
		e.sink.Close(nil)
		<-time.After(5 * time.Second)
		var lists [2]*hlscheck.Media
		for line := range strings.Lines(s.object("live/b/replay.m3u8")) {
			for i, name := range []string{SourceRendition, smallRendition} {
				if strings.HasPrefix(line, name+"/") {
					lists[i], _ = hlscheck.ParseMedia("", []byte(s.object("live/b/"+strings.TrimSpace(line))))
				}
			}
		}
		source, rung := lists[0].Segments, lists[1].Segments
		if len(rung) != len(source) {
			t.Fatalf("%d segments, the source has %d", len(rung), len(source))
		}
		gaps := 0
		for i, got := range rung {
			want := source[i]
			if got.MSN != want.MSN || !got.ProgramDateTime.Equal(want.ProgramDateTime) || got.Duration != want.Duration || got.Discontinuity != want.Discontinuity {
				t.Errorf("segment %+v, the source has %+v", got, want)
			}
			if got.Gap {
				gaps++
			}
		}
		if last := rung[len(rung)-1]; gaps < 7 || last.Gap {
			t.Errorf("%d gaps of %d segments, the last is one: %t; want 7 at least, false", gaps, len(rung), last.Gap)
		}
	})
}
