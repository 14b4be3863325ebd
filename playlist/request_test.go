package playlist

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestWindow_RespondReturnsTheRequestedPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		if r, err := s.w.Respond(t.Context(), Directives{}); !errors.Is(err, ErrNotFound) || r.Target != 2*time.Second {
			t.Errorf("before the first part: response %+v, error %v", r, err)
		}
		s.addSegments(20)
		s.openSegment(false)
		now := s.w.Snapshot()
		for name, c := range map[string]struct {
			d        Directives
			text     *Text
			blocking bool
		}{
			"any":            {Directives{}, now.Full, false},
			"a delta":        {Directives{Skip: true}, now.Delta, false},
			"a past segment": {Directives{Block: true, Position: Position{MSN: 3, Part: -1}}, now.Full, true},
			"the last part":  {Directives{Block: true, Position: Position{MSN: 19, Part: 7}, Skip: true}, now.Delta, true},
		} {
			r, err := s.w.Respond(t.Context(), c.d)
			if err != nil || r.Text != c.text || r.Blocking != c.blocking || !r.Arrived.IsZero() || r.Target != 2*time.Second {
				t.Errorf("%s: response %+v, error %v", name, r, err)
			}
		}
		time.AfterFunc(time.Second, func() { s.addPart(); s.w.Commit() })
		r, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 20, Part: 0}})
		if err != nil || !strings.Contains(string(r.Text.Plain), "aaaa.160.m4s") || !r.Arrived.Equal(s.open.Parts[0].Arrived) {
			t.Errorf("the next part: response %+v, error %v", r, err)
		}
	})
}

// hls.js treats a playlist that has parts, but no segment, as empty.
func TestWindow_RespondWaitsForTheFirstSegment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		s.openSegment(false)
		s.addPart()
		s.w.Commit()
		began := time.Now()
		time.AfterFunc(2*time.Second, func() { s.closeSegment(); s.w.Commit() })
		r, err := s.w.Respond(t.Context(), Directives{})
		if err != nil || !strings.Contains(string(r.Text.Plain), "aaaa-0.m4s") || r.Blocking || time.Since(began) != 2*time.Second {
			t.Errorf("response %+v, error %v after %s", r, err, time.Since(began))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		s.openSegment(false)
		s.addPart()
		s.w.Commit()
		began := time.Now()
		if r, err := s.w.Respond(t.Context(), Directives{}); err != nil || !strings.Contains(string(r.Text.Plain), "aaaa.0.m4s") || time.Since(began) != 6*time.Second {
			t.Errorf("a segment that does not end: response %+v, error %v after %s", r, err, time.Since(began))
		}
		left := errors.New("left")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, left)
		defer cancel()
		if _, err := s.w.Respond(ctx, Directives{}); !errors.Is(err, left) {
			t.Errorf("after the client has left: error %v, want %v", err, context.Canceled)
		}
	})
}

func TestWindow_RespondRefusesDistantPositionsAndTimesOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		s.addSegments(3)
		began := time.Now()
		if r, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 9, Part: -1}}); !errors.Is(err, ErrTooFarAhead) || time.Since(began) != 0 || r.Target == 0 {
			t.Errorf("a distant position: error %v after %s", err, time.Since(began))
		}
		if _, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 3, Part: -1}}); !errors.Is(err, ErrTimeout) || time.Since(began) != 6*time.Second {
			t.Errorf("without a publisher: error %v after %s", err, time.Since(began))
		}
		left := errors.New("left")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, left)
		defer cancel()
		if _, err := s.w.Respond(ctx, Directives{Block: true, Position: Position{MSN: 3, Part: -1}}); !errors.Is(err, left) {
			t.Errorf("after the client has left: error %v, want %v", err, context.Canceled)
		}
		s.w.End()
		s.w.Commit()
		if r, err := s.w.Respond(t.Context(), Directives{Block: true, Position: Position{MSN: 9, Part: -1}}); err != nil || r.Blocking {
			t.Errorf("after the end: response %+v, error %v", r, err)
		}
	})
}

func TestWindow_MediaWaitsForTheHintedPartOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		s.addSegments(3)
		s.openSegment(false)
		s.addPart()
		s.w.Commit()
		for name, want := range map[string]error{"aaaa.24.m4s": nil, "aaaa-2.m4s": nil, "aaaa.26.m4s": ErrNotFound, "aaaa-3.m4s": ErrNotFound, "x": ErrNotFound} {
			if m, err := s.w.Media(t.Context(), name); !errors.Is(err, want) || err == nil && !m.Arrived.IsZero() {
				t.Errorf("%s: media %+v, error %v, want error %v", name, m, err, want)
			}
		}
		time.AfterFunc(time.Second, func() { s.addPart(); s.w.Commit() })
		m, err := s.w.Media(t.Context(), "aaaa.25.m4s")
		if err != nil || string(m.Slabs[0]) != "part 3.1;" || !m.Arrived.Equal(s.open.Parts[1].Arrived) {
			t.Errorf("the hinted part: media %+v, error %v", m, err)
		}
		began := time.Now()
		if _, err := s.w.Media(t.Context(), "aaaa.26.m4s"); !errors.Is(err, ErrTimeout) || time.Since(began) != 6*time.Second {
			t.Errorf("without a publisher: error %v after %s", err, time.Since(began))
		}
	})
}

// A low-latency playlist never ends with a complete segment while more media will follow.
func TestWindow_ShowsACompleteSegmentWithTheNextPart(t *testing.T) {
	s := newWindowWriter(DefaultConfig())
	s.addSegments(1)
	s.openSegment(false)
	for range 8 {
		s.addPart()
		s.w.Commit()
	}
	before := s.w.Snapshot()
	s.w.Close(s.open)
	s.w.Commit()
	if s.w.Snapshot() != before {
		t.Error("the segment is listed before the next part")
	}
	s.openSegment(false)
	s.addPart()
	s.w.Commit()
	if text := s.text(); !strings.Contains(text, "aaaa-1.m4s\n#EXT-X-PROGRAM-DATE-TIME:2026-01-02T03:04:09.000Z\n#EXT-X-PART:") {
		t.Errorf("the segment is not listed with the next part:\n%s", text)
	}
	s.w.Close(s.open)
	s.w.Pause()
	s.w.Commit()
	if text := s.text(); !strings.HasSuffix(text, "aaaa-2.m4s\n# more to come\n") {
		t.Errorf("the segment is not listed when the publisher has left:\n%s", text)
	}
}

// A pending request for a rendition that is no longer made is refused, so that the player switches
// to another one.
func TestWindow_RespondRefusesASuspendedPlaylist(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newWindowWriter(DefaultConfig())
		s.addSegments(3)
		s.openSegment(false)
		s.addPart()
		s.w.Commit()
		began := time.Now()
		time.AfterFunc(100*time.Millisecond, func() { s.w.Suspend(true); s.w.Commit() })
		next := s.w.Snapshot().Next()
		if _, err := s.w.Respond(t.Context(), Directives{Block: true, Position: next}); !errors.Is(err, ErrNotFound) || time.Since(began) != 100*time.Millisecond {
			t.Errorf("a pending request: error %v after %s", err, time.Since(began))
		}
		if _, err := s.w.Respond(t.Context(), Directives{}); !errors.Is(err, ErrNotFound) {
			t.Errorf("any request: error %v", err)
		}
		if _, err := s.w.Media(t.Context(), "aaaa-2.m4s"); err != nil {
			t.Errorf("an existing segment: error %v", err)
		}
		s.w.Suspend(false)
		s.w.Commit()
		if r, err := s.w.Respond(t.Context(), Directives{}); err != nil || r.Text == nil {
			t.Errorf("after the rendition has resumed: error %v", err)
		}
		s.w.Suspend(true)
		s.closeSegment()
		s.w.End()
		s.w.Commit()
		if r, err := s.w.Respond(t.Context(), Directives{}); err != nil || !strings.Contains(string(r.Text.Plain), "ENDLIST") {
			t.Errorf("after the end: error %v", err)
		}
	})
}
