package playlist

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/Eyevinn/hls-m3u8/m3u8"
	"github.com/google/go-cmp/cmp"
	grafov "github.com/grafov/m3u8"

	"golive/media"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// windowWriter adds segments of 2 s with parts of 0.25 s to a Window.
type windowWriter struct {
	w     *Window
	clock media.Ticks
	msn   int64
	parts int64
	open  *media.Segment
	early time.Duration // how far media is ahead of real time

	container media.Container
	init      *media.Init
}

func newWindowWriter(cfg Config, others ...OtherRendition) *windowWriter {
	s := &windowWriter{w: NewWindow(cfg, Constants{Target: 2, PartTarget: media.Second / 4}, Start{}, func() []OtherRendition { return others })}
	if cfg.LowLatency {
		s.container = media.CMAF
	}
	return s
}

func (s *windowWriter) openSegment(discontinuity bool) {
	if s.container == media.CMAF && (s.init == nil || discontinuity) {
		s.init = &media.Init{Name: fmt.Sprintf("aaaa-%d.mp4", s.msn), Data: fmt.Appendf(nil, "init %d;", s.msn)}
	}
	s.open = &media.Segment{
		Container: s.container, Init: s.init, Publication: "aaaa", MSN: s.msn, Start: s.clock, Independent: true, Discontinuity: discontinuity,
		ProgramDateTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(s.clock.Duration()),
	}
	s.msn++
	s.w.Open(*s.open)
}

func (s *windowWriter) addPart() {
	p := &media.Part{
		Container: s.container, Publication: "aaaa", MSN: s.open.MSN, Number: s.parts, Offset: s.open.Size,
		Data: fmt.Appendf(nil, "part %d.%d;", s.open.MSN, len(s.open.Parts)), Start: s.clock,
		Duration: media.Second / 4, Independent: len(s.open.Parts) == 0,
	}
	s.parts++
	p.Size = int64(len(p.Data))
	s.clock += p.Duration
	p.Arrived = time.Unix(1_800_000_000, 0).Add(s.clock.Duration() - s.early)
	s.open.Parts = append(s.open.Parts, p)
	s.open.Size += p.Size
	s.open.Duration += p.Duration
	s.w.Part(p)
}

// closeSegment completes the segment, and lets the next Commit list it, as the next part would.
func (s *windowWriter) closeSegment() {
	s.w.Close(s.open)
	s.w.dirty = true
	s.open = nil
}

// addSegments adds n complete segments, and commits after every part.
func (s *windowWriter) addSegments(n int) {
	for range n {
		s.openSegment(false)
		for range 8 {
			s.addPart()
			s.w.Commit()
		}
		s.closeSegment()
		s.w.Commit()
	}
}

func (s *windowWriter) text() string { return string(s.w.Snapshot().Full.Plain) }

func TestWindow_RendersTheGoldenPlaylists(t *testing.T) {
	low, plain := DefaultConfig(), DefaultConfig()
	low.Window, plain.Window = 12*time.Second, 12*time.Second
	plain.LowLatency = false
	for name, play := range map[string]func() []byte{
		"first_part": func() []byte {
			s := newWindowWriter(low)
			s.openSegment(false)
			s.addPart()
			s.w.Commit()
			return s.w.Snapshot().Full.Plain
		},
		"rolling": func() []byte {
			s := newWindowWriter(low)
			s.addSegments(9)
			s.openSegment(false)
			s.addPart()
			s.w.Commit()
			return s.w.Snapshot().Full.Plain
		},
		"delta": func() []byte {
			s := newWindowWriter(DefaultConfig())
			s.addSegments(20)
			return s.w.Snapshot().Delta.Plain
		},
		"pause": func() []byte {
			s := newWindowWriter(low)
			s.addSegments(2)
			s.w.Pause()
			s.w.Commit()
			return s.w.Snapshot().Full.Plain
		},
		"reconnect": func() []byte {
			s := newWindowWriter(low)
			s.addSegments(2)
			s.w.Pause()
			s.w.Commit()
			s.openSegment(true)
			s.addPart()
			s.w.Commit()
			return s.w.Snapshot().Full.Plain
		},
		"ended": func() []byte {
			s := newWindowWriter(low)
			s.addSegments(3)
			s.w.End()
			s.w.Commit()
			return s.w.Snapshot().Full.Plain
		},
		"plain": func() []byte {
			s := newWindowWriter(plain)
			s.addSegments(8)
			return s.w.Snapshot().Full.Plain
		},
	} {
		t.Run(name, func(t *testing.T) {
			golden := filepath.Join("testdata", name+".m3u8")
			got := play()
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), string(got)); diff != "" {
				t.Errorf("playlist differs from its golden file, which -update rewrites (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWindow_IsReadByIndependentDecoders(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(40)
	list, kind, err := grafov.DecodeFrom(strings.NewReader(s.text()), true)
	if err != nil || kind != grafov.MEDIA {
		t.Fatalf("grafov: kind %d, %v", kind, err)
	}
	g := list.(*grafov.MediaPlaylist)
	if g.SeqNo != 25 || g.Count() != 15 || g.TargetDuration != 2 {
		t.Errorf("grafov read sequence %d, %d segments, target %g", g.SeqNo, g.Count(), g.TargetDuration)
	}
	other, kind2, err := m3u8.DecodeFrom(strings.NewReader(s.text()), true)
	if err != nil || kind2 != m3u8.MEDIA {
		t.Fatalf("hls-m3u8: kind %d, %v", kind2, err)
	}
	e := other.(*m3u8.MediaPlaylist)
	if e.SeqNo != 25 || e.PartTargetDuration != 0.25 || e.ServerControl == nil || !e.ServerControl.CanBlockReload {
		t.Errorf("hls-m3u8 read %+v", e)
	}
}

// Rules 5, 6, 13 and 14 of package hlscheck: the window slides by whole segments, numbers only grow.
func TestWindow_SlidesAndCountsDiscontinuities(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Window = 12 * time.Second
	s := newWindowWriter(cfg)
	for i := range 30 {
		s.openSegment(i%4 == 3)
		for range 8 {
			s.addPart()
		}
		s.closeSegment()
		s.w.Commit()
		text := s.text()
		listed := strings.Count(text, "#EXTINF")
		if want := min(i+1, 6); listed != want {
			t.Fatalf("after %d segments %d are listed, want %d", i+1, listed, want)
		}
		if want := fmt.Sprintf("#EXT-X-MEDIA-SEQUENCE:%d\n", max(0, i-5)); !strings.Contains(text, want) {
			t.Fatalf("after segment %d there is no %q in\n%s", i, want, text)
		}
		left := 0 // discontinuities of removed segments
		for j := range max(0, i-5) {
			if j%4 == 3 {
				left++
			}
		}
		if want := fmt.Sprintf("#EXT-X-DISCONTINUITY-SEQUENCE:%d\n", left); !strings.Contains(text, want) {
			t.Fatalf("after segment %d there is no %q", i, want)
		}
	}
}

// Rule 15 of package hlscheck: a removed segment stays available for its duration plus that of
// the longest playlist, and no longer.
func TestWindow_RemovedSegmentsStayFetchableForTheirGrace(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Window = 12 * time.Second
	s := newWindowWriter(cfg)
	s.addSegments(7) // segment 0 has left the list
	since := 0
	for ; since < 100; since++ {
		if _, ok := s.w.Snapshot().Find("aaaa-0.m4s"); !ok {
			break
		}
		s.addSegments(1)
	}
	if since*2 < 2+12 || since*2 > 2+12+4 {
		t.Errorf("segment 0 was available for %d s after its removal, longer than its grace", since*2)
	}
}

// A segment that no player may request any more is garbage collected: the array of the
// window's entries must not refer to it.
func TestWindow_ReleasesTheBytesOfSegmentsPastTheirGrace(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Window = 12 * time.Second
	s := newWindowWriter(cfg)
	var first []weak.Pointer[media.Part] // of each segment
	for range 200 {
		s.addSegments(1)
		last := s.w.entries[len(s.w.entries)-1]
		first = append(first, weak.Make(last.Segment().Parts[0]))
		if len(first)%7 != 0 {
			continue
		}
		runtime.GC()
		held := 0
		for _, p := range first {
			if p.Value() != nil {
				held++
			}
		}
		if held != len(s.w.entries) {
			t.Fatalf("after %d segments the bytes of %d are in memory, want those of the %d that can be requested", len(first), held, len(s.w.entries))
		}
	}
}

// When a stalled uplink recovers, media arrives faster than real time, but players need as much
// time to request it. A publisher that is always too fast must not make the window keep
// everything.
func TestWindow_GraceLastsInRealTime(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Window = 12 * time.Second
	s := newWindowWriter(cfg)
	s.addSegments(7) // segment 0 has left the list
	for range 10 {
		s.early += 2 * time.Second
		s.addSegments(1)
	}
	if _, ok := s.w.Snapshot().Find("aaaa-0.m4s"); !ok {
		t.Error("segment 0 was released although no time has passed")
	}
	for range 100 {
		s.early += 2 * time.Second
		s.addSegments(1)
	}
	if n := len(s.w.entries); n > 40 {
		t.Errorf("the window holds %d segments", n)
	}
}

// Rule 39 of package hlscheck: the hinted part is the next part, also at the end of a segment.
// Only an unexpected end of a segment cannot be predicted.
func TestWindow_PreloadHintNamesTheNextPart(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	hint := ""
	for _, parts := range []int{8, 8, 8, 3, 8, 8} {
		s.openSegment(false)
		for range parts {
			s.addPart()
			s.w.Commit()
			name := s.open.Parts[len(s.open.Parts)-1].Name()
			if hint != "" && name != hint {
				t.Errorf("the next part is %s, the hint was %s", name, hint)
			}
			if hint = s.w.Snapshot().hint; hint == "" || !strings.Contains(s.text(), `TYPE=PART,URI="`+hint+`"`) {
				t.Fatalf("after %s there is no hint:\n%s", name, s.text())
			}
		}
		s.closeSegment()
	}
}

func TestWindow_StoredSegmentsAreReleasedFromMemory(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(3)
	for _, e := range s.w.entries {
		e.Stored()
	}
	s.addSegments(1)
	for i, e := range s.w.entries {
		m, ok := s.w.Snapshot().Find(e.Segment().Name())
		if !ok || m.Size == 0 {
			t.Fatalf("segment %d is not found", i)
		}
		if inMem := m.Slabs != nil; inMem != (i == 3) {
			t.Errorf("segment %d is in memory: %t, want %t", i, inMem, i == 3)
		}
		part, ok := s.w.Snapshot().Find(e.Segment().Parts[2].Name())
		if !ok || part.Object != e.Segment().Name() || part.Offset != e.Segment().Parts[2].Offset || part.Size == 0 {
			t.Errorf("part 2 of segment %d is %+v, want a range of the segment's object", i, part)
		}
	}
}

// Without low latency there is nothing to play before the first segment is complete.
func TestWindow_PlainPlaylistBeginsWithASegment(t *testing.T) {
	cfg := DefaultConfig()
	cfg.LowLatency = false
	s := newWindowWriter(cfg)
	s.openSegment(false)
	for range 8 {
		s.addPart()
		s.w.Commit()
		if full := s.w.Snapshot().Full; full != nil {
			t.Fatalf("the playlist is rendered without a segment:\n%s", full.Plain)
		}
	}
	s.closeSegment()
	s.w.Commit()
	before := s.w.Snapshot()
	if before.Full == nil || !strings.Contains(string(before.Full.Plain), "aaaa-0.ts") {
		t.Fatal("the first segment is not listed")
	}
	s.openSegment(false)
	s.addPart()
	s.w.Commit()
	if s.w.Snapshot() != before {
		t.Error("a playlist was rendered although nothing has changed")
	}
}

func TestWindow_AwaitReturnsWhenThePartIsPublished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		s.addSegments(2)
		s.openSegment(false)
		got := make(chan *Snapshot)
		go func() {
			snapshot, err := s.w.Await(t.Context(), Position{MSN: 2, Part: 1})
			if err != nil {
				t.Error(err)
			}
			got <- snapshot
		}()
		for want := range 2 {
			synctest.Wait()
			select {
			case <-got:
				t.Fatalf("Await returned before part %d was published", want)
			default:
			}
			s.addPart()
			s.w.Commit()
		}
		if snapshot := <-got; !strings.Contains(string(snapshot.Full.Plain), "aaaa.17.m4s") {
			t.Error("the part is not in the snapshot")
		}
	})
}

func TestWindow_AwaitReturnsWhenTheClientLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		left := errors.New("left")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, left)
		defer cancel()
		if _, err := s.w.Await(ctx, Position{MSN: 0, Part: 0}); !errors.Is(err, left) {
			t.Errorf("error is %v, want that of the context", err)
		}
	})
}

func TestWindow_AwaitReturnsWhenTheBroadcastEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		s.addSegments(1)
		done := make(chan bool)
		go func() {
			snapshot, err := s.w.Await(t.Context(), Position{MSN: 1, Part: -1})
			done <- err == nil && snapshot.Ended
		}()
		synctest.Wait()
		s.w.End()
		s.w.Commit()
		if !<-done {
			t.Error("Await did not return the ended snapshot")
		}
	})
}

// Rules 32 and 33 of package hlscheck: a part past the end of a segment is the first of the next one.
func TestSnapshot_HasReportsPositionsUpToTheLastPart(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(3)
	s.openSegment(false)
	s.addPart()
	s.w.Commit()
	for _, c := range []struct {
		p    Position
		want bool
	}{
		{Position{0, -1}, true},
		{Position{2, -1}, true},
		{Position{3, -1}, false},
		{Position{2, 7}, true},
		{Position{2, 8}, true},
		{Position{3, 0}, true},
		{Position{3, 1}, false},
		{Position{4, 0}, false},
	} {
		if got := s.w.Snapshot().Has(c.p); got != c.want {
			t.Errorf("Has(%+v) = %t, want %t", c.p, got, c.want)
		}
	}
}

// As in Has, a part past the end of a segment is the first of the next one.
func TestSnapshot_ArrivedReturnsWhenAPartArrived(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(3)
	s.openSegment(false)
	s.addPart()
	s.w.Part(&media.Part{Publication: "aaaa", MSN: 3, Duration: media.Second / 4, Gap: true})
	s.w.Commit()
	for p, parts := range map[Position]int{
		{0, 0}: 1, {2, 7}: 24, {2, 8}: 25, {3, 0}: 25,
		{-1, 0}: 0, {1, -1}: 0, {3, -1}: 0, {3, 1}: 0, {3, 2}: 0, {4, 0}: 0,
	} {
		var want time.Time
		if parts > 0 {
			want = time.Unix(1_800_000_000, 0).Add(time.Duration(parts) * 250 * time.Millisecond)
		}
		if got := s.w.Snapshot().Arrived(p); !got.Equal(want) {
			t.Errorf("Arrived(%+v) = %v, want %v", p, got, want)
		}
	}
}

func TestSnapshot_FindAcceptsOnlyNamesOfTheWindow(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(2)
	s.openSegment(false)
	s.addPart()
	s.w.Commit()
	for name, want := range map[string]bool{
		"aaaa-0.m4s": true, "aaaa.15.m4s": true, "aaaa.16.m4s": true, "aaaa-0.mp4": true,
		"aaaa-0.ts": false, "aaaa.15.ts": false, "aaaa-1.mp4": false, "aaaa.0.mp4": false, "aaaa.15": false,
		"aaaa-2.m4s": false, "aaaa.17.m4s": false, "aaaa-1.8.m4s": false, "bbbb-0.m4s": false, "bbbb.0.m4s": false,
		"aaaa-00.m4s": false, "aaaa-+1.m4s": false, "aaaa--1.m4s": false, "aaaa.07.m4s": false,
		"aaaa-9223372036854775807.m4s": false, "aaaa-99999999999999999999.m4s": false,
		"": false, "-": false, ".ts": false, "aaaa-1.": false, "../aaaa-1.m4s": false,
	} {
		if _, got := s.w.Snapshot().Find(name); got != want {
			t.Errorf("Find(%q) = %t, want %t", name, got, want)
		}
	}
}

func FuzzSnapshot_Find(f *testing.F) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(3)
	for _, seed := range []string{"aaaa-0.m4s", "aaaa.10.m4s", "a-b-3.ts", "-.ts", "aaaa.-1.m4s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if m, ok := s.w.Snapshot().Find(name); ok && (m.Size <= 0 || !strings.HasPrefix(name, "aaaa")) {
			t.Errorf("Find(%q) = %+v, want no media for a name of another window", name, m)
		}
	})
}

func TestMultivariant_DeclaresTheRendition(t *testing.T) {
	got := string(Multivariant([]Variant{{
		Name:  "source",
		Video: &media.Track{CodecString: "avc1.64001f", Width: 1280, Height: 720},
		Audio: &media.Track{CodecString: "mp4a.40.2"}, FrameRate: 30, Peak: 5_000_000, Average: 4_500_000,
	}}, true, "index.m3u8"))
	want := `#EXTM3U
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-STREAM-INF:BANDWIDTH=5000000,AVERAGE-BANDWIDTH=4500000,CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=30.000,CLOSED-CAPTIONS=NONE
source/index.m3u8
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("multivariant playlist (-want +got):\n%s", diff)
	}
}

func TestMultivariant_DeclaresClosedCaptions(t *testing.T) {
	video := &media.Track{CodecString: "avc1.64001f"}
	got := string(Multivariant([]Variant{{Name: "source", Video: video, Captions: 1 | 1<<2 | 1<<4 | 1<<63, Peak: 2, Average: 1}}, false, "index.m3u8"))
	want := `#EXTM3U
#EXT-X-VERSION:7
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC1",INSTREAM-ID="CC1",AUTOSELECT=YES
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="CC3",INSTREAM-ID="CC3"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="SERVICE1",INSTREAM-ID="SERVICE1"
#EXT-X-MEDIA:TYPE=CLOSED-CAPTIONS,GROUP-ID="cc",NAME="SERVICE60",INSTREAM-ID="SERVICE60"
#EXT-X-STREAM-INF:BANDWIDTH=2,AVERAGE-BANDWIDTH=1,CODECS="avc1.64001f",CLOSED-CAPTIONS="cc"
source/index.m3u8
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("multivariant playlist (-want +got):\n%s", diff)
	}
	if got := string(Multivariant([]Variant{{Name: "source", Video: video, Captions: 1}}, false, "index.m3u8")); strings.Contains(got, "VERSION") {
		t.Errorf("CEA-608 alone needs no EXT-X-VERSION, got\n%s", got)
	}
}

func BenchmarkWindow_PublishPart(b *testing.B) {
	for _, length := range []time.Duration{30 * time.Second, 20 * time.Minute} {
		b.Run(length.String(), func(b *testing.B) {
			cfg := DefaultConfig()
			cfg.Window = length
			s := newWindowWriter(cfg)
			s.addSegments(int(length/time.Second)/2 + 1)
			s.openSegment(false)
			b.ReportAllocs()
			for b.Loop() {
				s.w.dirty = true
				s.w.Commit()
			}
		})
	}
}
