package segmenter

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"golive/container/fmp4"
	"golive/container/mpegts"
	"golive/internal/mediatest"
	"golive/media"
)

// leaderAndFollower is a Segmenter and a Follower of it.
type leaderAndFollower struct {
	t                *testing.T
	leader           *Segmenter
	cuts             *Cuts
	follower         *Follower
	source, followed *recorder
	taken            []media.AccessUnit // units in the follower's parts
}

// unitRecorder is a Packaging that keeps the units of all parts.
type unitRecorder struct{ units *[]media.AccessUnit }

func (unitRecorder) Open(media.Segment) {}
func (t unitRecorder) Part(c *Cut)      { *t.units = append(*t.units, c.Units...) }
func (unitRecorder) Close()             {}
func (unitRecorder) Drop()              {}

func newLeaderAndFollower(t *testing.T, cfg Config) *leaderAndFollower {
	l := &leaderAndFollower{t: t, cuts: NewCuts(), source: &recorder{t: t}, followed: &recorder{t: t}}
	l.leader = New(cfg, Resume{}, NewPackager(media.MPEGTS, mpegts.NewMuxer(), l.source), l.cuts)
	return l
}

// startFollower starts the follower, from the leader's next segment on.
func (l *leaderAndFollower) startFollower(s mediatest.Stream) {
	if l.follower == nil {
		l.follower = Follow(l.cuts, NewPackager(media.MPEGTS, mpegts.NewMuxer(), l.followed), unitRecorder{&l.taken})
	}
	l.follower.Start(s.Video, s.Audio, l.leader.NextMSN())
}

// write writes source to the leader and rung to the follower, whose units come later by late.
func (l *leaderAndFollower) write(source, rung []media.AccessUnit, late media.Ticks) {
	for _, u := range source {
		l.leader.Write(u)
		for len(rung) > 0 && rung[0].DTS+late <= u.DTS {
			l.follower.Write(rung[0])
			rung = rung[1:]
		}
	}
	for _, u := range rung {
		l.follower.Write(u)
	}
}

// segmentProperties are the properties of a segment that must be the same in both playlists.
type segmentProperties struct {
	MSN             int64
	Publication     string
	Start           media.Ticks
	ProgramDateTime time.Time
	Discontinuity   bool
	Independent     bool
}

// checkSameSegments checks that the follower's segments are the leader's, from its first one on,
// with the same durations.
func (l *leaderAndFollower) checkSameSegments() {
	l.t.Helper()
	list := func(segments []*media.Segment) (all []segmentProperties) {
		for _, s := range segments {
			all = append(all, segmentProperties{s.MSN, s.Publication, s.Start, s.ProgramDateTime, s.Discontinuity, s.Independent})
		}
		return all
	}
	if len(l.followed.segments) == 0 {
		l.t.Fatal("the follower made no segment")
	}
	same := l.source.segments
	for len(same) > 0 && same[0].MSN != l.followed.segments[0].MSN {
		same = same[1:]
	}
	if diff := cmp.Diff(list(same), list(l.followed.segments)); diff != "" {
		l.t.Errorf("segments (-leader +follower):\n%s", diff)
	}
	for i, s := range l.followed.segments {
		tolerance := jitter
		if i == len(l.followed.segments)-1 || l.followed.segments[i+1].Discontinuity {
			tolerance = media.Second / 20 // its audio may last longer
		}
		if i < len(same) && (s.Duration-same[i].Duration > tolerance || same[i].Duration-s.Duration > tolerance) {
			l.t.Errorf("segment %d lasts %d, the leader's %d", s.MSN, s.Duration, same[i].Duration)
		}
	}
	f, _ := l.follower.Format()
	l.followed.checkTargets(f)
}

// checkNoneLost checks that the follower lost and repaired nothing.
func (l *leaderAndFollower) checkNoneLost(rung []media.AccessUnit) {
	l.t.Helper()
	var lost int
	seen := map[[2]any]bool{}
	for _, u := range l.taken {
		seen[[2]any{u.Track.Video(), u.PTS}] = true
	}
	for _, u := range rung {
		if !seen[[2]any{u.Track.Video(), u.PTS}] {
			lost++
		}
	}
	// Audio that ends after the last picture may be left out.
	if lost > 2 || len(l.taken)+lost != len(rung) {
		l.t.Errorf("%d of %d units are missing, %d were taken", lost, len(rung), len(l.taken))
	}
	if s := l.follower.Stats(); s != (Stats{}) {
		l.t.Errorf("repaired: %+v", s)
	}
}

// rungOf returns the same stream in another size.
func rungOf(s mediatest.Stream) mediatest.Stream {
	s.BitRate = 150_000
	if s.Video != nil {
		s.Video = mediatest.H264(320, 18)
	}
	if s.Audio != nil {
		s.Audio = mediatest.AAC()
	}
	return s
}

func TestFollower_CutsWhereItsLeaderDoes(t *testing.T) {
	short, long, film, silent, radio := stream(15*time.Second), stream(20*time.Second), stream(15*time.Second), stream(15*time.Second), stream(15*time.Second)
	short.GOP, long.GOP = 15, 250
	film.FPS, film.GOP = 24000.0/1001, 48
	silent.Audio, radio.Video = nil, nil
	for name, source := range map[string]mediatest.Stream{
		"2 s": stream(15 * time.Second), "half a second": short, "8.3 s": long, "film": film, "video only": silent, "audio only": radio,
	} {
		for _, late := range []media.Ticks{0, 50 * media.Millisecond, media.Second, 7 * media.Second} {
			t.Run(fmt.Sprint(name, ", ", late.Duration(), " late"), func(t *testing.T) {
				l := newLeaderAndFollower(t, DefaultConfig())
				l.leader.Start("aaaa")
				rung := rungOf(source)
				l.startFollower(rung)
				units := rung.Units()
				l.write(source.Units(), units, late)
				l.leader.Finish()
				l.follower.Finish()
				l.checkSameSegments()
				l.checkNoneLost(units)
				if a, b := l.source.segments[1].Size, l.followed.segments[1].Size; source.Video != nil && 2*a < 3*b {
					t.Errorf("segments of %d and %d bytes", a, b)
				}
			})
		}
	}
}

func TestFollower_KeepsPicturesThatAreDecodedLaterThanThoseOfItsLeader(t *testing.T) {
	source := stream(15 * time.Second)
	rung := rungOf(source).Units()
	const later = 80 * media.Millisecond // the leader's pictures are reordered
	for i := range rung {
		if rung[i].Track.Video() {
			rung[i].DTS += later
			rung[i].PTS += later
		}
	}
	l := newLeaderAndFollower(t, DefaultConfig())
	l.leader.Start("aaaa")
	l.startFollower(mediatest.Stream{Video: rung[0].Track, Audio: rung[1].Track})
	l.write(source.Units(), rung, 200*media.Millisecond)
	l.leader.Finish()
	l.follower.Finish()
	l.checkSameSegments()
	l.checkNoneLost(rung)
	for _, s := range l.followed.segments {
		if !s.Parts[0].Independent {
			t.Errorf("segment %d does not begin with a key frame", s.MSN)
		}
	}
}

func TestFollower_ThatJoinsLateBeginsWithTheLeadersNumberAndAGap(t *testing.T) {
	source := stream(20 * time.Second)
	rung := rungOf(source)
	l := newLeaderAndFollower(t, DefaultConfig())
	l.leader.Start("aaaa")
	all := source.Units()
	const joined = 9 * media.Second
	others := rung.Units()
	for _, u := range all {
		if u.DTS < joined {
			l.leader.Write(u)
		}
	}
	l.startFollower(rung)
	var rest, late []media.AccessUnit
	for i, u := range all {
		if u.DTS >= joined {
			rest = append(rest, u)
		}
		// A transcoder takes a second to start, and its first picture is a key frame.
		if v := others[i]; v.DTS >= 10*media.Second+300*media.Millisecond {
			late = append(late, v)
		}
	}
	for i := range late {
		if late[i].Track.Video() {
			late[i].Key = true
			break
		}
	}
	l.write(rest, late, media.Second)
	l.leader.Finish()
	l.follower.Finish()
	if got, want := l.followed.segments[0].MSN, l.source.segments[4].MSN; got != want {
		t.Errorf("begins with segment %d, want %d", got, want)
	}
	first := l.followed.segments[0] // from 8 s to 10 s there were no units
	if first.Size != 0 || first.Duration != 2*media.Second {
		t.Errorf("the first segment lasts %d and has %d bytes", first.Duration, first.Size)
	}
	second := l.followed.segments[1] // from 10.3 s on there were units
	var gap media.Ticks
	for _, p := range second.Parts {
		if p.Gap {
			gap += p.Duration
		}
	}
	f, _ := l.follower.Format() // a gap shorter than a part is not a separate part
	if gap < 300*media.Millisecond-f.PartTarget || gap > 340*media.Millisecond || second.Size == 0 {
		t.Errorf("%d ticks of the second segment are a gap, and it has %d bytes", gap, second.Size)
	}
	l.source.segments[4].Independent = false // it is a gap here
	l.checkSameSegments()
}

// The units of a transcoder that takes so long to start that the leader has completed the segment with
// which they begin are not put into the next one: it would begin before its time.
func TestFollower_UnitsOfACompletedSegmentAreNotPutIntoTheNextOne(t *testing.T) {
	for _, c := range []struct {
		joins   bool
		earlier media.Ticks // with more reordered pictures it is decoded sooner
	}{{joins: true}, {joins: false}, {joins: true, earlier: 2 * media.Second / 30}, {joins: false, earlier: 2 * media.Second / 30}} {
		source := stream(20 * time.Second)
		rung := rungOf(source)
		l := newLeaderAndFollower(t, DefaultConfig())
		l.leader.Start("aaaa")
		all, units := source.Units(), rung.Units()
		for i := range units {
			if units[i].Track.Video() {
				units[i].DTS -= c.earlier
			}
		}
		if !c.joins { // it was there before
			l.startFollower(rung)
			l.write(before(all, 3*media.Second), before(units, 3*media.Second), 0)
			all = all[len(before(all, 3*media.Second)):]
		}
		now := before(all, 10500*media.Millisecond) // 8 s to 10 s are complete
		for _, u := range now {
			l.leader.Write(u)
		}
		if c.joins {
			l.startFollower(rung)
			l.follower.Skip()
		}
		l.follower.Finish()
		l.follower.Start(rung.Video, rung.Audio, FirstMSN+4)
		l.write(all[len(now):], units[len(before(units, 8*media.Second)):], 0)
		l.leader.Finish()
		l.follower.Finish()
		previous, most := media.Ticks(-1), int64(40_000)
		if c.earlier > 0 {
			most = 50_000 // the first part has two more pictures
		}
		for _, seg := range l.followed.segments {
			for _, p := range seg.Parts {
				if p.Size > most {
					t.Errorf("%+v: part %s has %d bytes", c, p.Name(), p.Size)
				}
			}
		}
		for _, u := range l.taken {
			if u.Track.Video() && u.DTS > 3*media.Second {
				if previous < 0 && (u.PTS != 10*media.Second || !u.Key) {
					t.Errorf("%+v: begins with a picture at %d (key frame %t), want a key frame at 10 s", c, u.PTS, u.Key)
				}
				previous = u.DTS
			}
		}
		if previous < 19*media.Second {
			t.Errorf("%+v: ends at %d, want 20 s", c, previous)
		}
		if n := l.follower.Stats().ForcedCuts; n > 0 && c.earlier == 0 {
			t.Errorf("%+v: %d forced cuts", c, n)
		}
	}
}

// before returns the units before a time.
func before(units []media.AccessUnit, at media.Ticks) []media.AccessUnit {
	n := slices.IndexFunc(units, func(u media.AccessUnit) bool { return u.DTS >= at })
	return units[:n]
}

func TestFollower_KeepsTheLeadersDiscontinuitiesAndDates(t *testing.T) {
	l := newLeaderAndFollower(t, DefaultConfig())
	for i, offset := range []media.Ticks{50 * media.Second, 0, 7 * media.Second} { // the times run back
		source := stream(7 * time.Second)
		source.Offset, source.Epoch = offset, epoch().Add(time.Duration(i)*20*time.Second)
		rung := rungOf(source)
		l.leader.Start(fmt.Sprint("session", i))
		l.startFollower(rung)
		l.write(source.Units(), rung.Units(), 300*media.Millisecond)
		l.leader.Finish()
		l.follower.Finish()
	}
	l.checkSameSegments()
	if n := l.followed.discontinuities(); n != 2 {
		t.Errorf("%d discontinuities", n)
	}
}

func TestFollower_ChangeOfTheLeadersTracksIsADiscontinuity(t *testing.T) {
	source := stream(12 * time.Second)
	units := source.Units()
	other := mediatest.H264(1280, 72)
	for i := range units {
		if units[i].Track.Video() && units[i].DTS >= 6*media.Second {
			units[i].Track = other
		}
	}
	rung := rungOf(source)
	l := newLeaderAndFollower(t, DefaultConfig())
	l.leader.Start("aaaa")
	l.startFollower(rung)
	l.write(units, rung.Units(), 500*media.Millisecond)
	l.leader.Finish()
	l.follower.Finish()
	l.checkSameSegments()
	if n := l.followed.discontinuities(); n != 1 {
		t.Errorf("%d discontinuities", n)
	}
}

func TestFollower_RestartLeavesAGap(t *testing.T) {
	source := stream(24 * time.Second)
	rung := rungOf(source)
	l := newLeaderAndFollower(t, DefaultConfig())
	l.leader.Start("aaaa")
	l.startFollower(rung)
	all := rung.Units()
	var before, after []media.AccessUnit
	for _, u := range all {
		switch {
		case u.DTS < 5*media.Second:
			before = append(before, u)
		case u.DTS >= 14*media.Second:
			after = append(after, u)
		}
	}
	var first, second []media.AccessUnit
	for _, u := range source.Units() {
		if u.DTS < 13*media.Second {
			first = append(first, u)
		} else {
			second = append(second, u)
		}
	}
	l.write(first, before, 100*media.Millisecond)
	l.follower.Finish()
	if n := l.followed.segments[len(l.followed.segments)-1].MSN; n != 6 {
		t.Errorf("completed up to segment %d", n)
	}
	l.startFollower(rung)
	l.write(second, after, 100*media.Millisecond)
	l.leader.Finish()
	l.follower.Finish()
	for _, i := range []int{3, 4, 5} {
		l.source.segments[i].Independent = false // gaps here
		if s := l.followed.segments[i]; s.Size != 0 {
			t.Errorf("segment %d has %d bytes", s.MSN, s.Size)
		}
	}
	l.source.segments[6].Independent = false
	l.followed.segments[6].Independent = false
	l.checkSameSegments()
}

func TestFollower_IsCutWhereItsLeaderIsEvenWithoutAKeyFrame(t *testing.T) {
	source := stream(15 * time.Second)
	rung := rungOf(source)
	units := rung.Units()
	for i := range units {
		units[i].Key = units[i].Key && (!units[i].Track.Video() || units[i].DTS == 0)
	}
	l := newLeaderAndFollower(t, DefaultConfig())
	l.leader.Start("aaaa")
	l.startFollower(rung)
	l.write(source.Units(), units, 100*media.Millisecond)
	l.leader.Finish()
	l.follower.Finish()
	for i := range l.source.segments {
		l.source.segments[i].Independent = i == 0
	}
	l.checkSameSegments()
	if n := l.follower.Stats().ForcedCuts; n < 5 {
		t.Errorf("%d forced cuts", n)
	}
}

func TestFollower_DropsASegmentThatItsLeaderDropped(t *testing.T) {
	l := newLeaderAndFollower(t, DefaultConfig())
	for i, length := range []time.Duration{6050 * time.Millisecond, 6 * time.Second} {
		source := stream(length)
		source.Offset, source.Epoch = media.Ticks(i)*20*media.Second, epoch().Add(time.Duration(i)*20*time.Second)
		rung := rungOf(source)
		l.leader.Start(fmt.Sprint("session", i))
		l.startFollower(rung)
		l.write(source.Units(), rung.Units(), 0)
		l.leader.FinishLost() // after a picture or two of another segment
		l.follower.Finish()
		if i == 0 {
			last := l.source.segments[len(l.source.segments)-1]
			if end := last.Start + last.Duration; end > 6020*media.Millisecond {
				t.Errorf("the leader's last segment ends at %v, so it dropped nothing", end.Duration())
			}
		}
	}
	l.checkSameSegments()
}

func TestFollower_BoundsItsMemoryWithoutCuts(t *testing.T) {
	l := newLeaderAndFollower(t, DefaultConfig())
	rung := rungOf(stream(5 * time.Minute))
	l.startFollower(rung)
	for _, u := range rung.Units() {
		l.follower.Write(u)
		if n := len(l.follower.waiting); n > maxHeld {
			t.Fatalf("%d units are held", n)
		}
	}
}

// TestFollower_MayRunOnAnotherGoroutine is for the race detector.
func TestFollower_MayRunOnAnotherGoroutine(t *testing.T) {
	source := stream(30 * time.Second)
	rung := rungOf(source)
	l := newLeaderAndFollower(t, DefaultConfig())
	l.leader.Start("aaaa")
	l.startFollower(rung)
	units := make(chan media.AccessUnit, 1)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for u := range units {
			l.follower.Write(u)
		}
	}()
	all := rung.Units()
	for _, u := range source.Units() {
		l.leader.Write(u)
		if len(all) > 0 && all[0].DTS <= u.DTS {
			units <- all[0]
			all = all[1:]
		}
	}
	l.leader.Finish()
	for _, u := range all {
		units <- u
	}
	close(units)
	<-done
	l.follower.Finish()
	l.checkSameSegments()
}

func TestFollower_LatePicturesLeaveNoHoleInASegment(t *testing.T) {
	for _, late := range []media.Ticks{300, 700} {
		for from := media.Ticks(6200); from < 7200; from += 170 {
			t.Run(fmt.Sprintf("%d ms at %d", late, from), func(t *testing.T) {
				source := stream(14 * time.Second)
				rung := rungOf(source)
				cuts, r := NewCuts(), newCMAFRecorder(t)
				leader := New(DefaultConfig(), Resume{}, cuts)
				leader.Start("aaaa")
				follower := Follow(cuts, NewPackager(media.CMAF, fmp4.NewMuxer(), r))
				follower.Start(rung.Video, rung.Audio, leader.NextMSN())
				begin, end := from*media.Millisecond, (from+late)*media.Millisecond
				units := withVideoGap(rung.Units(), begin, end)
				for i, u := range withVideoGap(source.Units(), begin, end) {
					leader.Write(u)
					follower.Write(units[i])
				}
				leader.Finish()
				r.last = true
				follower.Finish()
				if gaps := r.gapsInMedia(); gaps > 0 || len(r.segments) < 6 {
					t.Errorf("%d segments, %d gaps in segments with media", len(r.segments), gaps)
				}
			})
		}
	}
}
