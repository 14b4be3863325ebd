package hlscheck

import (
	"context"
	"errors"
	"time"
)

// fetch does the jobs in order until there are no more.
func (n *run) fetch(ctx context.Context) {
	for j := range n.jobs {
		switch {
		case j.segment != nil:
			n.fetchSegment(ctx, j.segment)
		case j.part != nil:
			n.fetchPart(ctx, j.part)
		default:
			if err := n.exists(ctx, j.removal.url); err != nil && ctx.Err() == nil {
				n.fetcher.add(j.removal.rule, j.removal.url, "%s: %v", j.removal.text, err)
			}
		}
	}
}

// exists requests a resource's first byte, and returns an error if it is not available.
func (n *run) exists(ctx context.Context, u string) error {
	_, err := n.get(ctx, request{url: u, kind: kindProbe})
	return err
}

// checkRemoved checks the second half of rule 50 when the playlist was removed: its segments
// must still be available.
func (n *run) checkRemoved(ctx context.Context) {
	segments := n.r.Segments
	if len(segments) == 0 {
		return
	}
	for _, s := range []*FetchedSegment{segments[len(segments)-1], segments[max(0, len(segments)-3)]} {
		if s.Gap || s.URL == "" {
			continue
		}
		if err := n.exists(ctx, s.URL); err != nil && ctx.Err() == nil {
			n.fetcher.add(50, s.URL, "a segment of a playlist that was just removed must stay available for the playlist's duration: %v", err)
		}
	}
}

// mediaState is the state of a rendition's media in the fetching goroutine.
type mediaState struct {
	// segments checks the segments, parts the parts.
	segments, parts *analyser
	// inits are the initialization segments so far.
	inits map[Map]initSegment
	// next is the position after the last part, and summed the duration of the parts of its
	// segment so far.
	next   position
	summed time.Duration
	// newest is the last segment that was listed.
	newest *FetchedSegment
	// pending are the parts of segments that were not fetched yet, by MSN.
	pending map[int64][]*piece
}

// initSegment is the result of fetching an initialization segment.
type initSegment struct {
	data []byte
	err  error
}

func newMediaState() mediaState {
	return mediaState{
		segments: newAnalyser(nil), parts: newAnalyser(nil),
		inits: map[Map]initSegment{}, pending: map[int64][]*piece{},
	}
}

// fetchInit fetches an initialization segment once.
func (n *run) fetchInit(ctx context.Context, m Map) ([]byte, error) {
	if m.URI == "" {
		return nil, nil
	}
	got, ok := n.media.inits[m]
	if !ok {
		u, err := resolve(n.base, m.URI)
		got.data, got.err = n.fetchMedia(ctx, u, m.Bytes, 0, err)
		n.media.inits[m] = got
	}
	return got.data, got.err
}

// fetchSegment fetches a segment as soon as it is listed (rule 10) and checks its bytes.
func (n *run) fetchSegment(ctx context.Context, s *FetchedSegment) {
	a := n.media.segments
	a.add = func(rule int, format string, args ...any) { n.fetcher.add(rule, s.URL, format, args...) }
	n.media.newest = s
	parts := n.media.pending[s.MSN]
	delete(n.media.pending, s.MSN)
	if s.Gap {
		s.Err = errGap
		a.gap()
		return
	}
	var initErr error
	s.Init, initErr = n.fetchInit(ctx, s.Map)
	s.Data, s.Err = n.fetchMedia(ctx, s.URL, s.Bytes, s.Duration, s.Err)
	if s.Err != nil || initErr != nil {
		a.gap()
		return
	}
	p := &piece{
		init: s.Init, data: s.Data, mapped: s.Map.URI != "", duration: s.Duration, date: s.ProgramDateTime,
		discontinuity: s.Discontinuity, independent: s.Independent,
	}
	s.Size, s.Start = len(s.Data), a.check(ctx, p)
	n.r.Codecs = a.codecs
	if len(parts) > 0 && len(parts) == len(s.Parts) {
		a.compareParts(ctx, p, parts)
	}
	if n.f.opts.Discard {
		s.Data = nil
	}
}

// partSumTolerance is how far the sum of the durations of a segment's parts may be from its own
// duration: all are rounded.
const partSumTolerance = 20 * time.Millisecond

// follows reports whether a part is the one after the last, as far as is known.
func (m *mediaState) follows(f *FetchedPart) bool {
	at := position{f.MSN, int64(f.Index)}
	if at == m.next {
		return true
	}
	if at != (position{m.next.msn + 1, 0}) {
		return false
	}
	whole := m.newest
	return whole == nil || whole.MSN != m.next.msn || (whole.Duration-m.summed).Abs() < partSumTolerance
}

// fetchPart fetches a part as soon as it is listed, and checks its bytes.
func (n *run) fetchPart(ctx context.Context, f *FetchedPart) {
	a := n.media.parts
	a.add = func(rule int, format string, args ...any) { n.fetcher.add(rule, f.URL, format, args...) }
	if !n.media.follows(f) {
		a.gap() // there are parts between that were not listed
	}
	if f.MSN != n.media.next.msn {
		n.media.summed = 0
	}
	n.media.summed += f.Duration
	n.media.next = position{f.MSN, int64(f.Index) + 1}
	if f.Gap {
		f.Err = errGap
		a.gap()
		return
	}
	var initErr error
	f.Init, initErr = n.fetchInit(ctx, f.Map)
	f.Data, f.Err = n.fetchMedia(ctx, f.URL, f.Bytes, f.Duration, f.Err)
	if f.Err != nil || initErr != nil {
		a.gap()
		return
	}
	p := &piece{
		part: true, init: f.Init, data: f.Data, mapped: f.Map.URI != "", duration: f.Duration,
		discontinuity: f.Discontinuity, independent: f.Independent,
	}
	a.check(ctx, p)
	n.media.pending[f.MSN] = append(n.media.pending[f.MSN], p)
	delete(n.media.pending, f.MSN-8) // of a segment that was missed
	if n.f.opts.Discard {
		f.Data = nil
	}
}

// fetchMedia fetches a resource with a duration of d. One that takes longer than d to fetch
// was not available immediately or at full speed.
func (n *run) fetchMedia(ctx context.Context, u string, bytes ByteRange, d time.Duration, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	reply, err := n.get(ctx, request{url: u, kind: kindMedia, bytes: bytes, limit: max(defaultTimeout, 3*d)})
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		n.fetcher.add(10, u, "a named resource could not be fetched: %v", err)
		return nil, err
	}
	if limit := max(d, time.Second); reply.took > limit {
		n.fetcher.add(10, u, "%v of media took %v to fetch", d, reply.took.Round(time.Millisecond))
	}
	n.checkMediaCache(u, reply, n.target())
	return reply.body, nil
}

// errGap is the Err of a segment or part that is listed as a gap.
var errGap = errors.New("the resource is a gap")
