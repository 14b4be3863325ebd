package broadcast

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golive/internal/mediatest"
	"golive/playlist"
)

// answer is what a request for ts.m3u8 was answered with, and after how long.
type answer struct {
	playlist.Response
	err   error
	after time.Duration
}

// requestPlain requests the multivariant playlist of MPEG-TS.
func requestPlain(ctx context.Context, s *testHub) <-chan answer {
	answered, began := make(chan answer, 1), time.Now()
	go func() {
		r, err := s.Playlist(ctx, "b", "", playlist.PlainName, playlist.Directives{})
		answered <- answer{r, err, time.Since(began)}
	}()
	return answered
}

// Whoever is told that a broadcast is live can open it in MPEG-TS too.
func TestMultivariant_InMPEGTSIsWaitedForUntilTheFirstSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTestHub(t)
		e := s.mustPublish("b")
		if a := <-requestPlain(t.Context(), s); !errors.Is(a.err, playlist.ErrNotFound) || a.after > 0 {
			t.Errorf("before any media: %v after %v, want that there is none", a.err, a.after)
		}
		e.play(t, 400*time.Millisecond)
		if s.state("b") != "live" {
			t.Errorf("state %s, want live", s.state("b"))
		}
		impatient, leave := context.WithTimeout(t.Context(), time.Second)
		defer leave()
		left, stays := requestPlain(impatient, s), requestPlain(t.Context(), s)
		e.play(t, 3*time.Second)
		if a := <-left; !errors.Is(a.err, context.DeadlineExceeded) || a.after != time.Second {
			t.Errorf("a client that left was answered %v after %v", a.err, a.after)
		}
		a := <-stays
		if a.err != nil || !strings.Contains(string(a.Text.Plain), "source/ts.m3u8") || a.after > 2*time.Second {
			t.Errorf("%v after %v, want the playlist with the first segment:\n%v", a.err, a.after, a.Text)
		}
		e.sink.Close(nil)
	})
}

func TestMultivariant_InMPEGTSIsNotWaitedForInVain(t *testing.T) {
	for name, c := range map[string]struct {
		play func(t *testing.T, e *encoder)
		want error
		most time.Duration
	}{
		"nothing that MPEG-TS carries": {func(t *testing.T, e *encoder) {
			e.video, e.audio = mediatest.AV1(), mediatest.Opus()
			e.play(t, 400*time.Millisecond)
		}, playlist.ErrNotFound, 0},
		"no more media": {func(t *testing.T, e *encoder) { e.play(t, 400*time.Millisecond) }, playlist.ErrTimeout, 10 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newTestHub(t)
				e := s.mustPublish("b")
				c.play(t, e)
				a := <-requestPlain(t.Context(), s)
				if !errors.Is(a.err, c.want) || a.after > c.most {
					t.Errorf("%v after %v, want %v within %v", a.err, a.after, c.want, c.most)
				}
				e.sink.Close(nil)
			})
		})
	}
}
