package broadcast

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/internal/mediatest"
	"golive/media"
)

// playAt sends a stream in real time. The wall clock that dates its units is off by the given time.
func (e *encoder) playAt(t *testing.T, length, off time.Duration) {
	t.Helper()
	units := mediatest.Stream{
		Video: e.video, Audio: e.audio, FPS: 30, GOP: 60, Length: length,
		Offset: media.TicksFromDuration(e.played), Epoch: time.Now(),
	}.Units()
	e.played += length
	for _, u := range units {
		if wait := time.Until(u.Arrived); wait > 0 {
			<-time.After(wait)
		}
		u.Arrived = u.Arrived.Add(off)
		if err := e.sink.WriteUnit(u); err != nil {
			t.Fatal(err)
		}
	}
}

func TestHub_WallClockThatJumpsDeletesNothing(t *testing.T) {
	for _, jump := range []time.Duration{time.Hour, -time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			s := newTestHubIn(t, t.TempDir(), 30*time.Minute)
			e := s.mustPublish("b")
			e.playAt(t, time.Minute, jump) // before the clock is corrected
			e.sink.Close(errors.New("connection lost"))
			<-time.After(time.Second)
			e = s.mustPublish("b")
			e.playAt(t, 2*time.Minute, 0)
			e.sink.Close(nil)
			<-time.After(3 * time.Second)
			text := s.object("live/b/replay.m3u8")
			if n := strings.Count(text, ".ts\n"); n < 90 {
				t.Errorf("after a jump by %s the replay of 3 minutes has %d segments, want 90", -jump, n)
			}
			for name := range strings.Lines(text) {
				if name = strings.TrimSpace(name); strings.HasSuffix(name, ".ts") && s.object("live/b/"+name) == "" {
					t.Errorf("%s is deleted", name)
				}
			}
			b, _ := s.Find("b")
			if st := b.Status(); st.Ended.Before(st.Began) {
				t.Errorf("the broadcast began %s and ended %s", st.Began, st.Ended)
			}
			if past, ok := s.Past(t.Context(), "b"); !ok || past.Ended.Before(past.Began) {
				t.Errorf("the replay began %s and ended %s", past.Began, past.Ended)
			}
		})
	}
}

func TestEndTime_IsNotBeforeTheBeginning(t *testing.T) {
	began := time.Now()
	if got, want := endTime(began, began.Add(time.Minute)), began.Add(time.Minute).Round(0); !got.Equal(want) {
		t.Errorf("end time %s, want %s", got, want)
	}
	// A time without a monotonic clock reading, as from an earlier run.
	if got := endTime(began.Round(0), began.Round(0).Add(-time.Hour)); !got.Equal(began) {
		t.Errorf("end time %s, want the beginning, %s", got, began)
	}
}
