package broadcast

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"golive/ingest"
)

func TestRow66_PublisherWithoutMediaMakesNoBroadcast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		for _, cause := range []error{nil, errReset, nil, errReset, nil} {
			e := s.mustPublish("b")
			synctest.Wait()
			if n := len(s.List()); n != 0 {
				t.Errorf("%d broadcasts are listed before any media, want 0", n)
			}
			e.sink.Close(cause)
			synctest.Wait()
			if keys := s.keys(""); len(s.List()) != 0 || s.state("b") != "forgotten" || len(keys) != 0 {
				t.Errorf("after %v: %d broadcasts, state %s, objects %q", cause, len(s.List()), s.state("b"), keys)
			}
		}
		<-time.After(2 * time.Hour) // fake time
		if _, ok := s.Past(t.Context(), "b"); ok || len(s.keys("")) != 0 {
			t.Errorf("a replay is left, objects %q", s.keys(""))
		}
	})
}

func TestRow66_EndedBroadcastStaysAvailableWhenItsPublisherReturnsWithoutMedia(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHubIn(t, t.TempDir(), time.Hour)
		e := s.mustPublish("b")
		e.play(t, 10*time.Second)
		e.sink.Close(nil)
		synctest.Wait()
		before := s.keys("")
		for range 5 {
			e := s.mustPublish("b")
			synctest.Wait()
			if text := s.tsPlaylist("b"); !strings.Contains(text, "#EXT-X-ENDLIST") || len(s.List()) != 1 {
				t.Errorf("while another starts, %d broadcasts are listed, and the playlist is\n%s", len(s.List()), text)
			}
			e.sink.Close(nil)
			synctest.Wait()
		}
		if text := s.tsPlaylist("b"); !strings.Contains(text, "#EXT-X-ENDLIST") || s.state("b") != "ended" {
			t.Errorf("state %s, playlist\n%s", s.state("b"), text)
		}
		if now := s.keys(""); strings.Join(now, " ") != strings.Join(before, " ") {
			t.Errorf("objects %q, want %q", now, before)
		}
		// A publisher with media continues the numbers.
		e = s.mustPublish("b")
		e.play(t, 10*time.Second)
		if text := s.tsPlaylist("b"); strings.Contains(text, "#EXT-X-MEDIA-SEQUENCE:1\n") {
			t.Errorf("the numbers do not continue:\n%s", text)
		}
		e.sink.Close(nil)
		<-time.After(2 * time.Minute) // fake time
		if s.state("b") != "forgotten" {
			t.Errorf("state %s, want forgotten", s.state("b"))
		}
	})
}

func TestRow66_LingerMayEndWhileAnotherPublisherStarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		e.play(t, 10*time.Second)
		e.sink.Close(nil)
		<-time.After(DefaultConfig().Linger - time.Second) // fake time
		e = s.mustPublish("b")
		<-time.After(5 * time.Second)
		e.sink.Close(nil)
		synctest.Wait()
		if n := len(s.List()); n != 0 || s.state("b") != "forgotten" {
			t.Errorf("%d broadcasts, state %s; want 0, forgotten", n, s.state("b"))
		}
		<-time.After(10 * time.Minute)
		if keys := s.keys(""); len(keys) != 0 {
			t.Errorf("objects left: %q", keys)
		}
	})
}

func TestReconnectWindow_IsExtendedWhenItPassedDuringAPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := Settings{ReconnectWindow: 15 * time.Second, Takeover: ingest.TakeoverSilent}
		h := NewHub(cfg, Stores{}, discard(), NewMetrics(prometheus.NewRegistry()))
		for _, late := range []time.Duration{0, 500 * time.Millisecond, 3 * time.Second, 40 * time.Second} {
			b := newBroadcast("b", h, opening{})
			s := &supervisor{Broadcast: b, window: time.NewTimer(time.Hour)}
			s.wait(15 * time.Second)
			<-s.window.C
			<-time.After(late) // the process is stopped
			if extended, want := s.extendAfterPause(), late >= maxWindowDelay; extended != want {
				t.Errorf("timer %v late: extended %v, want %v", late, extended, want)
			} else if !extended {
				continue
			}
			again := time.Now()
			<-s.window.C
			if took, want := time.Since(again), min(late, cfg.ReconnectWindow); took != want || s.extendAfterPause() {
				t.Errorf("timer %v late: the window was extended by %v, want %v, and only once", late, took, want)
			}
		}
	})
}
