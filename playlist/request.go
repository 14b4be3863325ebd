package playlist

import (
	"context"
	"errors"
	"io"
	"time"
)

// Why a request for a playlist or for media has no answer.
var (
	ErrNotFound = errors.New("there is nothing at this address")
	// ErrTooFarAhead refuses a request for a position that the playlist will not reach
	// soon.
	ErrTooFarAhead = errors.New("the position is too far ahead of the playlist")
	// ErrTimeout ends a request that waited for three target durations.
	ErrTimeout = errors.New("the broadcast did not advance in time")
)

// Directives are the delivery directives of a request for a media playlist (section
// 6.2.5).
type Directives struct {
	// Position must be in the playlist that is returned, if Block.
	Position Position
	Block    bool // _HLS_msn
	Skip     bool // _HLS_skip: a delta update is accepted
}

// Response is a playlist as the answer to a request.
type Response struct {
	Text *Text
	// Target is the target duration of a live media playlist, also when an error comes
	// with it; 0 for every other playlist.
	Target time.Duration
	// Blocking is true when the request named a position: the same request will always have
	// this answer.
	Blocking bool
	// Arrived is when the last access unit of the part was read that the request waited
	// for; zero when it did not wait.
	Arrived time.Time
}

// Media is a segment or part that can be fetched: its bytes, or how to read them.
type Media struct {
	// Slabs are its bytes in order, or nil when it is not in memory: then it is Size
	// bytes from Offset of the segment Object.
	Slabs  [][]byte
	Object string
	Offset int64
	// Size is media.UnknownSize when only the store knows it.
	Size int64
	// Arrived is when the last access unit of the part was read that the request waited
	// for; zero when it did not wait.
	Arrived time.Time
	// Local opens Object on this machine, and Remote where each read is a request to
	// another one. Either may be nil. Local is tried first.
	Local, Remote Opener
}

// Opener opens length bytes from offset of an object; a length of -1 means to its end.
// size is that of the whole object.
type Opener func(ctx context.Context, offset, length int64) (body io.ReadCloser, size int64, err error)

// Respond returns the playlist that a request asks for, when it has the position that the
// request names (section 6.2.5.2), and not later than after three target durations.
func (w *Window) Respond(ctx context.Context, d Directives) (Response, error) {
	r := Response{Target: time.Duration(w.constants.Target) * time.Second}
	s, waited := w.Snapshot(), false
	if s.Suspended {
		return r, ErrNotFound
	}
	if d.Block && w.cfg.LowLatency && !s.Ended {
		var err error
		if s, waited, err = w.await(ctx, d.Position); err != nil {
			return r, err
		}
		r.Blocking = true
	} else if s.hasOnlyParts() {
		var err error
		if s, err = w.awaitFirst(ctx, s); err != nil {
			return r, err
		}
	}
	if s.Full == nil {
		return r, ErrNotFound
	}
	r.Text = s.Full
	if d.Skip && s.Delta != nil && !s.Ended {
		r.Text = s.Delta
	}
	if waited {
		r.Arrived = s.Arrived(d.Position)
	}
	return r, nil
}

// Media returns a segment or part by its file name. The part that the playlist hints at is
// returned when it exists (section 6.2.6).
func (w *Window) Media(ctx context.Context, name string) (Media, error) {
	s := w.Snapshot()
	if m, ok := s.Find(name); ok {
		return m, nil
	}
	if !s.Hinted(name) {
		return Media{}, ErrNotFound
	}
	next := s.Next()
	s, waited, err := w.await(ctx, next)
	if err != nil {
		return Media{}, err
	}
	m, ok := s.Find(name)
	if !ok {
		return Media{}, ErrNotFound
	}
	if waited {
		m.Arrived = s.Arrived(next)
	}
	return m, nil
}

// awaitFirst waits for the first complete segment. Until then the list has parts only, which
// hls.js takes for an empty one: it requests it again after seconds, or not at all.
func (w *Window) awaitFirst(ctx context.Context, s *Snapshot) (*Snapshot, error) {
	s, _, err := w.await(ctx, Position{MSN: s.next.MSN, Part: -1})
	if errors.Is(err, ErrTimeout) {
		return w.Snapshot(), nil
	}
	return s, err
}

// await waits for a position for three target durations; waited is false when it was there
// already.
func (w *Window) await(ctx context.Context, p Position) (s *Snapshot, waited bool, err error) {
	s = w.Snapshot()
	if s.Has(p) {
		return s, false, nil
	}
	if !s.Near(p, w.constants.PartTarget) {
		return nil, false, ErrTooFarAhead
	}
	ctx, cancel := context.WithTimeoutCause(ctx, 3*time.Duration(w.constants.Target)*time.Second, ErrTimeout)
	defer cancel()
	s, err = w.Await(ctx, p)
	return s, true, err
}
