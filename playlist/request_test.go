package playlist

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWindow_RespondReturnsThePlaylistThatARequestNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(DefaultConfig())
		if r, err := s.w.Respond(t.Context(), Directives{}); !errors.Is(err, ErrNotFound) || r.Target != 2*time.Second {
			t.Errorf("before the first part: %+v, %v", r, err)
		}
		s.segments(20)
		s.begin(false)
		now := s.w.Snapshot()
		for name, c := range map[string]struct {
			d        Directives
			text     *Text
			blocking bool
		}{
			"any":           {Directives{}, now.Full, false},
			"a delta":       {Directives{Skip: true}, now.Delta, false},
			"a past one":    {Directives{Block: true, Position: Position{MSN: 3, Part: -1}}, now.Full, true},
			"the last part": {Directives{Block: true, Position: Position{MSN: 19, Part: 7}, Skip: true}, now.Delta, true},
		} {
			r, err := s.w.Respond(t.Context(), c.d)
			if err != nil || r.Text != c.text || r.Blocking != c.blocking || !r.Arrived.IsZero() || r.Target != 2*time.Second {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		time.AfterFunc(time.Second, func() { s.part(); s.w.Commit() })
		r, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 20, Part: 0}})
		if err != nil || !strings.Contains(string(r.Text.Plain), "aaaa.160.m4s") || !r.Arrived.Equal(s.open.Parts[0].Arrived) {
			t.Errorf("the one that comes: %+v, %v", r, err)
		}
	})
}

// hls.js takes a list of parts alone for an empty one.
func TestWindow_RespondWaitsForTheFirstSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(DefaultConfig())
		s.begin(false)
		s.part()
		s.w.Commit()
		began := time.Now()
		time.AfterFunc(2*time.Second, func() { s.close(); s.w.Commit() })
		r, err := s.w.Respond(t.Context(), Directives{})
		if err != nil || !strings.Contains(string(r.Text.Plain), "aaaa-0.m4s") || r.Blocking || time.Since(began) != 2*time.Second {
			t.Errorf("%+v, %v after %s", r, err, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newScript(DefaultConfig())
		s.begin(false)
		s.part()
		s.w.Commit()
		began := time.Now()
		if r, err := s.w.Respond(t.Context(), Directives{}); err != nil || !strings.Contains(string(r.Text.Plain), "aaaa.0.m4s") || time.Since(began) != 6*time.Second {
			t.Errorf("a segment that does not end: %+v, %v after %s", r, err, time.Since(began))
		}
		left := errors.New("left")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, left)
		defer cancel()
		if _, err := s.w.Respond(ctx, Directives{}); !errors.Is(err, left) {
			t.Errorf("the client left: %v", err)
		}
	})
}

func TestWindow_RespondRefusesWhatWillNotComeSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(DefaultConfig())
		s.segments(3)
		began := time.Now()
		if r, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 9, Part: -1}}); !errors.Is(err, ErrTooFarAhead) || time.Since(began) != 0 || r.Target == 0 {
			t.Errorf("far ahead: %v after %s", err, time.Since(began))
		}
		if _, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 3, Part: -1}}); !errors.Is(err, ErrTimeout) || time.Since(began) != 6*time.Second {
			t.Errorf("no publisher: %v after %s", err, time.Since(began))
		}
		left := errors.New("left")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, left)
		defer cancel()
		if _, err := s.w.Respond(ctx, Directives{Block: true, Position: Position{MSN: 3, Part: -1}}); !errors.Is(err, left) {
			t.Errorf("the client left: %v", err)
		}
		s.w.End()
		s.w.Commit()
		if r, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 9, Part: -1}}); err != nil || r.Blocking {
			t.Errorf("after the end: %+v, %v", r, err)
		}
	})
}

func TestWindow_MediaWaitsForTheHintedPartOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(DefaultConfig())
		s.segments(3)
		s.begin(false)
		s.part()
		s.w.Commit()
		for name, want := range map[string]error{"aaaa.24.m4s": nil, "aaaa-2.m4s": nil, "aaaa.26.m4s": ErrNotFound, "aaaa-3.m4s": ErrNotFound, "x": ErrNotFound} {
			if m, err := s.w.Media(t.Context(), name); !errors.Is(err, want) || err == nil && !m.Arrived.IsZero() {
				t.Errorf("%s: %+v, %v", name, m, err)
			}
		}
		time.AfterFunc(time.Second, func() { s.part(); s.w.Commit() })
		m, err := s.w.Media(t.Context(), "aaaa.25.m4s")
		if err != nil || string(m.Slabs[0]) != "part 3.1;" || !m.Arrived.Equal(s.open.Parts[1].Arrived) {
			t.Errorf("%+v, %v", m, err)
		}
		began := time.Now()
		if _, err := s.w.Media(t.Context(), "aaaa.26.m4s"); !errors.Is(err, ErrTimeout) || time.Since(began) != 6*time.Second {
			t.Errorf("no publisher: %v after %s", err, time.Since(began))
		}
	})
}

// A playlist of low latency never ends with a complete segment while more is to come.
func TestWindow_ShowsACompleteSegmentWithTheNextPart(t *testing.T) {
	s := newScript(DefaultConfig())
	s.segments(1)
	s.begin(false)
	for range 8 {
		s.part()
		s.w.Commit()
	}
	before := s.w.Snapshot()
	s.w.Close(s.open)
	s.w.Commit()
	if s.w.Snapshot() != before {
		t.Error("shown by itself")
	}
	s.begin(false)
	s.part()
	s.w.Commit()
	if text := s.text(); !strings.Contains(text, "aaaa-1.m4s\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.000Z\n#EXT-X-PART:") {
		t.Errorf("not shown with the part:\n%s", text)
	}
	s.w.Close(s.open)
	s.w.Pause()
	s.w.Commit()
	if text := s.text(); !strings.HasSuffix(text, "aaaa-2.m4s\n# more to come\n") {
		t.Errorf("not shown when the publisher has left:\n%s", text)
	}
}

// A player that waits for a rendition that is not made any more goes on with another one.
func TestWindow_RespondRefusesASuspendedPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScript(DefaultConfig())
		s.segments(3)
		s.begin(false)
		s.part()
		s.w.Commit()
		began := time.Now()
		time.AfterFunc(100*time.Millisecond, func() { s.w.Suspend(true); s.w.Commit() })
		next := s.w.Snapshot().Next()
		if _, err := s.w.Respond(t.Context(), Directives{Block: true, Position: next}); !errors.Is(err, ErrNotFound) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("a request that waits: %v after %s", err, time.Since(began))
		}
		if _, err := s.w.Respond(t.Context(), Directives{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("any request: %v", err)
		}
		if _, err := s.w.Media(t.Context(), "aaaa-2.m4s"); err != nil {
			t.Errorf("a segment that was made: %v", err)
		}
		s.w.Suspend(false)
		s.w.Commit()
		if r, err := s.w.Respond(t.Context(), Directives{}); err != nil || r.Text == nil {
			t.Errorf("when it is made again: %v", err)
		}
		s.w.Suspend(true)
		s.close()
		s.w.End()
		s.w.Commit()
		if r, err := s.w.Respond(t.Context(), Directives{}); err != nil || !strings.Contains(string(r.Text.Plain), "ENDLIST") {
			t.Errorf("after the end: %v", err)
		}
	})
}
