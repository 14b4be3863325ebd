package ingest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"golive/media"
)

// stream passes the units of a stream to a LimitChecker and keeps its findings.
type stream struct {
	checker *LimitChecker
	video   *media.Track
	epoch   time.Time
	data    []byte   // the bytes of all units, as many as the longest has
	found   []string // such as "12.0s bitrate", with "!" if it is final
	last    *LimitFinding
}

func newStream(change func(*LimitsConfig)) *stream {
	var l LimitsConfig
	change(&l)
	return &stream{checker: NewLimitChecker(l), video: &media.Track{Codec: media.H264, Width: 1280, Height: 720}, epoch: time.Unix(1_700_000_000, 0)}
}

// unit passes a unit to the checker. It returns false if the session must end.
func (s *stream) unit(track *media.Track, at media.Ticks, key bool, size int) bool {
	if size > len(s.data) {
		s.data = make([]byte, size)
	}
	f := s.checker.Check(&media.AccessUnit{Track: track, DTS: at, PTS: at, Key: key, Data: s.data[:size], Arrived: s.epoch.Add(at.Duration())})
	if f == nil {
		return true
	}
	s.last = f
	mark := ""
	if f.Final {
		mark = "!"
	}
	s.found = append(s.found, fmt.Sprintf("%.1fs %s%s", at.Seconds(), f.Err.Limit, mark))
	return !f.Final
}

// play passes pictures to the checker. from and to are in seconds; a key frame has ten times the size
// of other pictures.
func (s *stream) play(from, to float64, fps, gop int, bitrate float64) bool {
	perGOP := float64(gop) / float64(fps) * bitrate / 8
	small := perGOP / float64(gop+9)
	for i := int(from * float64(fps)); i < int(to*float64(fps)); i++ {
		size := small
		if i%gop == 0 {
			size *= 10
		}
		if !s.unit(s.video, media.Ticks(i)*media.Second/media.Ticks(fps), i%gop == 0, int(size)) {
			return false
		}
	}
	return true
}

func (s *stream) want(t *testing.T, found ...string) {
	t.Helper()
	if fmt.Sprint(s.found) != fmt.Sprint(found) {
		t.Errorf("found %q, want %q", s.found, found)
	}
}

func TestLimitChecker_BitrateIsAveragedSoThatKeyFramesPass(t *testing.T) {
	for _, gop := range []int{30, 60, 90, 120, 240} {
		s := newStream(func(l *LimitsConfig) { l.Bitrate = 5_100_000 })
		s.play(0, 120, 30, gop, 5_000_000)
		s.want(t)
	}
}

func TestLimitChecker_BitrateOverTheLimitWarnsThenEnds(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Bitrate = 4_000_000 })
	s.play(0, 120, 30, 30, 5_000_000)
	s.want(t, "8.0s bitrate", "16.0s bitrate!")
	const want = "limit reached: the bit rate is 5 Mbit/s; the limit is 4 Mbit/s (ingest.limits.bitrate)"
	if got := s.last.Err.Error(); got != want || !errors.Is(s.last.Err, ErrLimit) {
		t.Errorf("error %q, want %q", got, want)
	}
}

func TestLimitChecker_BitrateThatFallsInTimeDoesNotEnd(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Bitrate = 4_000_000 })
	s.play(0, 12, 30, 30, 5_000_000)
	s.play(12, 30, 30, 30, 3_000_000)
	s.play(30, 40, 30, 30, 5_000_000)
	s.want(t, "8.0s bitrate", "36.0s bitrate")
}

func TestLimitChecker_SixSecondsOfBytesInOneEndTheSessionAtOnce(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Bitrate = 4_000_000 })
	s.play(0, 10, 30, 30, 30_000_000)
	s.want(t, "0.7s bitrate!")
}

func TestLimitChecker_BitrateIsLimitedWhileTimestampsStandStill(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Bitrate = 4_000_000 })
	n := 0
	for s.unit(s.video, media.Ticks(n), n == 0, 10_000) {
		if n++; n > 1000 {
			t.Fatal("the session was not ended")
		}
	}
	s.want(t, "0.0s bitrate!")
	if n != 300 {
		t.Errorf("%d units of 10 kB passed, want 300", n)
	}
}

func TestLimitChecker_GapCountsAsEmpty(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Bitrate = 4_000_000 })
	s.play(0, 4, 30, 30, 3_900_000)
	s.play(10_000, 10_003, 30, 30, 3_900_000)
	s.play(10_003, 10_013, 30, 30, 5_000_000)
	if len(s.found) != 1 || s.last.Final {
		t.Errorf("found %q, want one warning", s.found)
	}
}

func TestLimitChecker_PictureSizeIsThatOfTheBitstream(t *testing.T) {
	for _, tt := range []struct {
		width, height int
		want          string
	}{
		{1920, 1080, ""},
		{1922, 1080, "the picture is 1922×1080 pixels; the limit is a width of 1920 (ingest.limits.width)"},
		{1080, 1920, "the picture is 1080×1920 pixels; the limit is a height of 1080 (ingest.limits.height)"},
	} {
		s := newStream(func(l *LimitsConfig) { l.Width, l.Height = 1920, 1080 })
		ok := s.unit(s.video, 0, true, 100)
		ok = ok && s.unit(&media.Track{Codec: media.H264, Width: tt.width, Height: tt.height}, media.Second, true, 100)
		switch {
		case ok != (tt.want == ""):
			t.Errorf("%d×%d: allowed %v, want %v", tt.width, tt.height, ok, tt.want == "")
		case !ok && s.last.Err.Reason() != tt.want:
			t.Errorf("%d×%d: %q, want %q", tt.width, tt.height, s.last.Err.Reason(), tt.want)
		}
	}
}

func TestLimitChecker_FrameRateIsMeasured(t *testing.T) {
	exact := newStream(func(l *LimitsConfig) { l.FrameRate = 60 })
	exact.play(0, 60, 60, 120, 1_000_000)
	exact.want(t)
	s := newStream(func(l *LimitsConfig) { l.FrameRate = 50 })
	s.play(0, 60, 60, 120, 1_000_000)
	s.want(t, "8.0s frame_rate", "16.0s frame_rate!")
	if got := s.last.Err.Measured; got != "the frame rate is 60/s" {
		t.Errorf("measured %q, want 60/s", got)
	}
}

func TestLimitChecker_LongGOPWarnsOncePerGOPThenEnds(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.GOPWarn, l.GOPMax = 4*time.Second, 10*time.Second })
	s.play(0, 20, 30, 120, 1_000_000)
	s.want(t) // exactly 4 s is not longer than 4 s
	s = newStream(func(l *LimitsConfig) { l.GOPWarn, l.GOPMax = 4*time.Second, 10*time.Second })
	s.play(0, 25, 30, 250, 1_000_000)
	s.want(t, "5.0s gop_warn", "13.0s gop_warn", "21.0s gop_warn")
	s = newStream(func(l *LimitsConfig) { l.GOPWarn, l.GOPMax = 4*time.Second, 10*time.Second })
	s.play(0, 60, 30, 1800, 1_000_000)
	s.want(t, "5.0s gop_warn", "11.0s gop_max!")
}

func TestLimitChecker_StoppedVideoIsNotALongGOP(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.GOPWarn, l.GOPMax = 2*time.Second, 4*time.Second })
	audio := &media.Track{Codec: media.AAC}
	s.play(0, 2, 30, 30, 1_000_000)
	for at := 2 * media.Second; at < 60*media.Second; at += media.Second / 50 {
		s.unit(audio, at, true, 100)
	}
	s.want(t)
}

func TestLimitChecker_DurationEndsASession(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Duration = 90 * time.Second })
	s.play(0, 200, 30, 60, 1_000_000)
	s.want(t, "90.0s duration!")
}

func TestLimitChecker_WithoutLimitsFindsNothing(t *testing.T) {
	s := newStream(func(*LimitsConfig) {})
	s.play(0, 30, 300, 9000, 500_000_000)
	s.want(t)
}

func FuzzLimitChecker(f *testing.F) {
	f.Add([]byte("\x03\x00\xff\xff\x01\x02\xff\xff\x00\x40\x00\x10"))
	data := make([]byte, 1<<16) // shared by all inputs, because allocating costs more than checking
	f.Fuzz(func(t *testing.T, b []byte) {
		s := newStream(func(l *LimitsConfig) {
			l.Bitrate, l.FrameRate, l.GOPWarn, l.GOPMax, l.Width = 1_000_000, 30, time.Second, 20*time.Second, 2000
		})
		s.data = data
		audio, passed := &media.Track{Codec: media.AAC}, 0
		var at media.Ticks
		for ; len(b) >= 4; b = b[4:] {
			track, size := audio, int(b[2])<<8|int(b[3])
			if b[0]&1 != 0 {
				track = s.video
			}
			at += media.Ticks(b[1])<<(b[0]>>4) + 1 // a Timeline makes times increase
			if !s.unit(track, at, b[0]&2 != 0, size) {
				break
			}
			passed += size
		}
		if most := (int(at/rateInterval) + 1) * averagedIntervals * 1_000_000 / 8; passed > most {
			t.Errorf("%d bytes passed in %v, at most %d may", passed, at.Duration(), most)
		}
	})
}

func BenchmarkLimitChecker(b *testing.B) {
	b.ReportAllocs()
	g := NewLimitChecker(defaultLimits())
	video, audio := &media.Track{Codec: media.H264, Width: 1280, Height: 720}, &media.Track{Codec: media.AAC}
	now, data := time.Now(), make([]byte, 8000)
	for i := 0; b.Loop(); i++ {
		u := media.AccessUnit{Track: video, DTS: media.Ticks(i) * 1500, Key: i%120 == 0, Data: data, Arrived: now}
		if i%2 == 1 {
			u.Track = audio
		}
		if f := g.Check(&u); f != nil {
			b.Fatal(f.Err)
		}
	}
}

// playTracks passes pictures of the default track and of an additional one to the checker.
func (s *stream) playTracks(seconds int, extra *media.Track, fps, extraFPS int, size int) bool {
	const ticks = 600 // a common multiple
	for i := range seconds * ticks {
		at := media.Ticks(i) * media.Second / ticks
		if i%(ticks/fps) == 0 && !s.unit(s.video, at, i%ticks == 0, size) {
			return false
		}
		if i%(ticks/extraFPS) == 0 && !s.unit(extra, at, false, size) {
			return false
		}
	}
	return true
}

func TestLimitChecker_BitrateIsThatOfAllTracks(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Bitrate = 4_000_000 })
	extra := &media.Track{Codec: media.H264, Number: 1, Width: 640, Height: 360}
	s.playTracks(120, extra, 30, 30, 2_500_000/8/30)
	s.want(t, "8.0s bitrate", "16.0s bitrate!")
}

func TestLimitChecker_FrameRateIsThatOfEachTrack(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.FrameRate, l.GOPWarn = 30, 5*time.Second })
	extra := &media.Track{Codec: media.H264, Number: 1, Width: 640, Height: 360}
	s.playTracks(60, extra, 30, 30, 100)
	s.want(t) // although the additional track has no key frames
	s = newStream(func(l *LimitsConfig) { l.FrameRate = 30 })
	s.playTracks(60, extra, 30, 60, 100)
	s.want(t, "8.0s frame_rate", "16.0s frame_rate!")
	if got := s.last.Err.Measured; got != "the frame rate is 60/s" {
		t.Errorf("measured %q, want 60/s", got)
	}
}

func TestLimitChecker_PictureSizeIsThatOfEachTrack(t *testing.T) {
	s := newStream(func(l *LimitsConfig) { l.Width, l.Height = 1280, 720 })
	extra := &media.Track{Codec: media.H264, Number: 1, Width: 1920, Height: 1080}
	s.playTracks(10, extra, 30, 30, 100)
	s.want(t, "0.0s width!")
}
