package ingest

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math"
	list "slices" // slices is a constant here
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/codec/aac"
	"golive/media"
)

// arriving is an access unit with its arrival time.
type arriving struct {
	media.AccessUnit
	arrives time.Duration // since the beginning
}

// script is what an encoder sends: units in the order of their arrival.
type script []arriving

// pictures returns the video of an encoder whose frame rate and bit rate vary with time, in seconds.
// Every two seconds there is a key frame, which is five times as large as other pictures.
func pictures(seconds float64, fps, bitrate func(at float64) float64) (p script) {
	track := &media.Track{Codec: media.H264, CodecString: "avc1.64001f", Width: 1280, Height: 720}
	key := 0.0
	for at := 0.0; at < seconds; at += 1 / fps(at) {
		rate := fps(at)
		size := bitrate(at) / 8 / rate * rate / (rate + 2) // of a picture that is no key frame
		u := arriving{AccessUnit: media.AccessUnit{Track: track, DTS: media.Ticks(math.Round(at*1000)) * media.Millisecond}}
		u.PTS = u.DTS
		if at >= key {
			u.Key, u.Access, size, key = true, media.AccessClosed, size*5, key+2
		}
		u.Data = make([]byte, int(size)+1)
		u.arrives = u.DTS.Duration()
		p = append(p, u)
	}
	return p
}

// always returns a function that always returns v.
func always(v float64) func(float64) float64 { return func(float64) float64 { return v } }

// camera returns video of a constant frame rate at 3 Mbit/s.
func camera(seconds, fps float64) script { return pictures(seconds, always(fps), always(3e6)) }

// reordered returns p with two B-frames after each other picture.
func reordered(p script) script {
	for i := range p {
		if i%3 == 0 {
			p[i].PTS += 100 * media.Millisecond
		}
	}
	return p
}

// uneven returns p with uneven timestamps, as from a phone.
func uneven(p script) script {
	for i := range p {
		p[i].DTS += media.Ticks(i*7919%20) * media.Millisecond
		p[i].PTS = p[i].DTS
	}
	return p
}

// sound returns AAC-LC, which is digital silence where silent returns true.
func sound(seconds float64, silent func(at float64) bool) (p script) {
	track := &media.Track{Codec: media.AAC, CodecString: aac.CodecLC, SampleRate: 48000, Channels: 2, SamplesPerUnit: 1024}
	noise := make([]byte, 300)
	copy(noise, "\x21\x1a\x8f\xff\xff\xff\xe0\x00")
	for i := 0; float64(i)*1024/48000 < seconds; i++ {
		dts := media.Ticks(i) * 1024 * media.Second / 48000
		data := noise
		if silent(dts.Seconds()) {
			data = []byte("\x21\x10\x04\x60\x8c\x1c")
			if i%256 == 0 { // FFmpeg puts its name into a fill element
				data = []byte("\xde\x02\x00Lavc59.37.100\x00B \x08\xc1\x18")
			}
		}
		p = append(p, arriving{AccessUnit: media.AccessUnit{Track: track, DTS: dts, PTS: dts, Key: true, Data: data}, arrives: dts.Duration()})
	}
	return p
}

// never is for sound that is not silent.
func never(float64) bool { return false }

// and returns both in the order of arrival.
func (p script) and(others script) script {
	all := append(list.Clone(p), others...)
	list.SortStableFunc(all, func(a, b arriving) int { return cmp.Compare(a.arrives, b.arrives) })
	return all
}

// arrives returns the same units with other arrival times, in the same order.
func (p script) arrives(at func(d time.Duration) time.Duration) script {
	all, last := list.Clone(p), time.Duration(0)
	for i := range all {
		last = max(last, at(all[i].arrives))
		all[i].arrives = last
	}
	return all
}

// without returns the units for which drop returns false.
func (p script) without(drop func(at float64, u *arriving) bool) script {
	return list.DeleteFunc(list.Clone(p), func(u arriving) bool { return drop(u.DTS.Seconds(), &u) })
}

// paused returns a script that is interrupted at from for as long as pause. If stands is true, its
// timestamps do not advance meanwhile.
func (p script) paused(from, pause time.Duration, stands bool) script {
	all := list.Clone(p)
	for i := range all {
		if u := &all[i]; u.arrives >= from {
			u.arrives += pause
			if !stands {
				u.DTS += media.TicksFromDuration(pause)
				u.PTS += media.TicksFromDuration(pause)
			}
		}
	}
	return all
}

// warningLog is a Sink that keeps the history of warnings.
type warningLog struct {
	began time.Time
	lines []string // "+code" and "-code"
	texts map[WarningCode]string
	times map[string]time.Duration // when a line was last added
}

func (s *warningLog) Publish(context.Context, string, Publisher) (Sink, error) { return s, nil }
func (s *warningLog) WriteUnit(media.AccessUnit) error                         { return nil }
func (s *warningLog) Close(error)                                              {}

func (s *warningLog) Warn(w Warning) {
	if s.texts[w.Code] == "" {
		s.note("+" + string(w.Code))
	}
	s.texts[w.Code] = w.Text
}

func (s *warningLog) ClearWarning(code WarningCode) {
	delete(s.texts, code)
	s.note("-" + string(code))
}

func (s *warningLog) note(line string) {
	s.lines = append(s.lines, line)
	s.times[line] = time.Since(s.began)
}

// noConn is a Conn without a connection.
type noConn struct{}

func (noConn) Count(*Tally)               {}
func (noConn) Hold(d time.Duration) error { <-time.After(d); return nil }
func (noConn) Established()               {}

// publish publishes a script in a session, and returns the warnings.
func publish(t *testing.T, p script, declared float64) (s *warningLog) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s = &warningLog{began: time.Now(), texts: map[WarningCode]string{}, times: map[string]time.Duration{}}
		log := slog.New(slog.DiscardHandler)
		auth, err := NewAuthorizer(PublishConfig{Open: true}, s, log)
		if err != nil {
			t.Fatal(err)
		}
		all := NewSessions(DefaultConfig(), auth, log, NewMetrics(prometheus.NewRegistry()))
		session, err := all.Publish(t.Context(), Request{Protocol: "rtmp", Remote: "192.0.2.1:1", App: "live", Name: "studio"}, func(error) {}, noConn{}, log)
		if err != nil {
			t.Fatal(err)
		}
		session.SetVideoBitRate(declared)
		for _, u := range p {
			<-time.After(time.Until(s.began.Add(u.arrives)))
			u.Arrived = time.Now()
			if err := session.Write(u.AccessUnit); err != nil {
				t.Fatal(err)
			}
		}
		session.End(nil)
	})
	return s
}

func TestFlow_HealthyStreamsCauseNoWarning(t *testing.T) {
	t.Parallel()
	const minutes = 120
	radio := sound(minutes, never)
	// Slides with 5 s of motion in 20 s, as from x264 with a maximum of 6 Mbit/s.
	slides := func(at float64) float64 {
		if math.Mod(at, 20) < 5 {
			return 6e6
		}
		return 0.2e6
	}
	for name, tt := range map[string]struct {
		script   script
		declared float64
	}{
		"24 pictures a second":     {camera(minutes, 24000./1001).and(radio), 0},
		"25 pictures a second":     {camera(minutes, 25).and(radio), 0},
		"29.97 pictures a second":  {camera(minutes, 30000./1001).and(radio), 0},
		"30 pictures a second":     {camera(minutes, 30).and(radio), 0},
		"60 pictures a second":     {camera(minutes, 60).and(radio), 0},
		"120 pictures a second":    {camera(minutes, 120), 0},
		"15 pictures a second":     {camera(minutes, 15).and(radio), 0},
		"pictures out of order":    {reordered(camera(minutes, 30)).and(radio), 0},
		"times that vary by 10 ms": {uneven(camera(minutes, 30)).and(radio), 0},
		"a picture a second":       {camera(minutes, 1), 0},
		"a picture in 5 s":         {camera(minutes, 0.2).and(radio), 0},
		"only sound":               {radio, 0},
		"an inaccurate clock": {camera(minutes, 30).and(radio).arrives(func(d time.Duration) time.Duration {
			return d + d/1000
		}), 0},
		"variable bit rate within its maximum": {pictures(minutes, always(30), func(at float64) float64 {
			return 3.5e6 + 2.5e6*math.Sin(at) // 1 to 6 Mbit/s
		}), 0},
		"slides, with a maximum that is declared": {pictures(minutes, always(30), slides), 3e6},
		"slides with little motion": {pictures(minutes, always(30), func(at float64) float64 {
			return slides(at) / 4
		}), 0},
		"jitter of a phone": {camera(minutes, 30).and(radio).arrives(func(d time.Duration) time.Duration {
			return d + time.Duration(d.Nanoseconds()*7919%300)*time.Millisecond
		}), 0},
		"another rate in the second half, as of a phone in the dark": {pictures(minutes, func(at float64) float64 {
			if at < minutes/2 {
				return 30
			}
			return 24
		}, always(3e6)).and(radio), 0},
		"a burst of 4 s at the beginning": {camera(minutes, 30).and(radio).arrives(func(d time.Duration) time.Duration {
			return max(0, d-4*time.Second)
		}), 0},
		"a burst of a minute, which is throttled": {camera(minutes, 30).and(radio).arrives(func(d time.Duration) time.Duration {
			return max(0, d-time.Minute)
		}), 0},
		"a burst, and then an upload slower than real time": {camera(minutes, 30).and(radio).arrives(func(d time.Duration) time.Duration {
			return min(d, d*21/20-4*time.Second)
		}), 0},
		"sent as fast as it is read": {camera(minutes, 30).and(radio).arrives(func(time.Duration) time.Duration {
			return 0
		}), 0},
		"a pause and return":               {camera(minutes, 30).and(radio).paused(time.Minute, 8*time.Second, false), 0},
		"a pause of the timestamps too":    {camera(minutes, 30).and(radio).paused(time.Minute, 8*time.Second, true), 0},
		"two pauses of the timestamps too": {camera(minutes, 30).and(radio).paused(time.Minute, 3*time.Second, true).paused(70*time.Second, 4*time.Second, true), 0},
		"an outage, and then a burst":      {camera(minutes, 30).and(radio).arrives(func(d time.Duration) time.Duration { return max(d, min(65*time.Second, d+5*time.Second)) }), 0},
		"segments of two seconds":          {camera(minutes, 30).and(radio).arrives(func(d time.Duration) time.Duration { return d.Truncate(2*time.Second) + 2*time.Second }), 0},
		"a few pictures are missing":       {camera(minutes, 30).and(radio).without(func(at float64, u *arriving) bool { return u.Track.Video() && at > 60 && at < 60.7 }), 0},
		"silence for 9 s and for 4 s":      {camera(minutes, 30).and(sound(minutes, func(at float64) bool { return at > 20 && at < 29 || at > 29.1 && at < 33 })), 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := publish(t, tt.script, tt.declared)
			for _, code := range []WarningCode{WarnSlowUpload, WarnFrameRateOdd, WarnFrameRateUnsteady, WarnBitrateUnstable, WarnAudioMuted} {
				if _, came := s.times["+"+string(code)]; came {
					t.Errorf("warnings %v %v, want none", s.lines, s.texts)
				}
			}
		})
	}
}

func TestFlow_WarningsComeAndGo(t *testing.T) {
	t.Parallel()
	const length, from, to = 240, 40, 100
	radio := sound(length, never)
	during := func(at float64) bool { return at >= from && at < to }
	for name, tt := range map[string]struct {
		script   script
		code     WarningCode
		within   float64 // the warning comes within so many seconds
		gone     float64 // the warning is cleared within so many seconds
		measured string  // is in the text
	}{
		"the upload is at half of real time, and then fast enough": {
			camera(length, 30).and(radio).arrives(func(d time.Duration) time.Duration {
				switch at := d.Seconds(); {
				case at < from:
					return d
				case at < 70: // 60 s for 30 s
					return d + (d - from*time.Second)
				default:
					return d + 30*time.Second // the delay remains
				}
			}), WarnSlowUpload, 8, 25, "50% of real time",
		},
		"the upload is a little slow, and then catches up": {
			camera(length, 30).and(radio).arrives(func(d time.Duration) time.Duration {
				late := max(0, min(d, to*time.Second)-from*time.Second) / 10
				return max(0, d+late-max(0, d-to*time.Second)/20)
			}), WarnSlowUpload, 20, 35, "% of real time",
		},
		"only audio, slowly": {
			radio.arrives(func(d time.Duration) time.Duration {
				return d + max(0, min(d, to*time.Second)-from*time.Second)/5
			}), WarnSlowUpload, 10, 35, "% of real time",
		},
		"27 pictures a second": {
			pictures(length, func(at float64) float64 {
				if during(at) {
					return 27
				}
				return 30
			}, always(3e6)).and(radio), WarnFrameRateOdd, 30, 30, "27.0 frames per second",
		},
		"an encoder that drops pictures": {
			camera(length, 30).and(radio).without(func(at float64, u *arriving) bool {
				return u.Track.Video() && !u.Key && during(at) && math.Mod(at, 4) < 1.2
			}), WarnFrameRateUnsteady, 16, 35, "to 30 frames per second",
		},
		"peaks without a maximum": {
			pictures(length, always(30), func(at float64) float64 {
				if during(at) && math.Mod(at, 20) < 3 {
					return 20e6
				}
				return 1e6
			}).and(radio), WarnBitrateUnstable, 50, 110, "Mbit/s within a minute",
		},
		"the microphone is muted": {
			camera(length, 30).and(sound(length, during)), WarnAudioMuted, 11, 2, "10 s",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := publish(t, tt.script, 0)
			began, over := "+"+string(tt.code), "-"+string(tt.code)
			if want := []string{began, over}; !list.Equal(s.lines, want) {
				t.Fatalf("warnings %v, want %v", s.lines, want)
			}
			if at := s.times[began].Seconds(); at < from+2 || at > from+tt.within {
				t.Errorf("warned after %.1f s, want %d to %.1f s", at, from+2, from+tt.within)
			}
			if at := s.times[over].Seconds(); at > to+tt.gone {
				t.Errorf("cleared after %.1f s, want %.1f s at most", at, to+tt.gone)
			}
			t.Log(s.times)
		})
	}
}

// A problem that lasts is warned of once, and the text of the warning is kept up to date.
func TestFlow_WarningStaysAsLongAsItsCondition(t *testing.T) {
	t.Parallel()
	for code, p := range map[WarningCode]script{
		WarnSlowUpload:        camera(300, 30).arrives(func(d time.Duration) time.Duration { return d + d/4 }),
		WarnFrameRateOdd:      camera(300, 37),
		WarnFrameRateUnsteady: camera(300, 30).without(func(at float64, u *arriving) bool { return !u.Key && math.Mod(at, 4) < 1.2 }),
		WarnBitrateUnstable: pictures(300, always(30), func(at float64) float64 {
			return 1e6 + 200e6*max(0, math.Cos(at/3)-0.8)
		}),
		WarnAudioMuted: sound(300, func(at float64) bool { return math.Mod(at, 60) > 0.5 }),
	} {
		t.Run(string(code), func(t *testing.T) {
			t.Parallel()
			s := publish(t, p, 0)
			if want := []string{"+" + string(code)}; !list.Equal(s.lines, want) {
				t.Errorf("warnings %v, want %v", s.lines, want)
			}
			if code == WarnSlowUpload && !strings.Contains(s.texts[code], "80% of real time") {
				t.Errorf("text %q, want one with 80%% of real time", s.texts[code])
			}
			t.Log(fmt.Sprint(s.texts))
		})
	}
}

// BenchmarkSession_Write writes a second of video and audio per operation.
func BenchmarkSession_Write(b *testing.B) {
	s := &warningLog{texts: map[WarningCode]string{}, times: map[string]time.Duration{}}
	log := slog.New(slog.DiscardHandler)
	auth, err := NewAuthorizer(PublishConfig{Open: true}, s, log)
	if err != nil {
		b.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Limits.Ahead = 0 // the benchmark writes faster than real time
	all := NewSessions(cfg, auth, log, NewMetrics(prometheus.NewRegistry()))
	session, err := all.Publish(b.Context(), Request{Protocol: "rtmp", Remote: "192.0.2.1:1", App: "live", Name: "studio"}, func(error) {}, noConn{}, log)
	if err != nil {
		b.Fatal(err)
	}
	p, began, n := camera(1, 30).and(sound(1, never)), time.Now(), media.Ticks(0)
	b.ReportAllocs()
	for b.Loop() {
		for _, u := range p {
			u.DTS, u.PTS = u.DTS+n*media.Second, u.PTS+n*media.Second
			u.Arrived = began.Add(u.DTS.Duration())
			if err := session.Write(u.AccessUnit); err != nil {
				b.Fatal(err)
			}
		}
		n++
	}
}
