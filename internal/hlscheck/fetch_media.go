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

// exists requests a resource's first byte.
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

// fetchSegment fetches a segment as soon as it is listed (rule 10) and checks its bytes.
func (n *run) fetchSegment(ctx context.Context, s *FetchedSegment) {
	if n.analyser == nil {
		n.analyser = newAnalyser(nil)
	}
	n.analyser.add = func(rule int, format string, args ...any) {
		n.fetcher.add(rule, s.URL, format, args...)
	}
	if s.Gap {
		s.Err = errGap
		n.analyser.gap()
		return
	}
	s.Data, s.Err = n.fetchMedia(ctx, s.URL, s.Bytes, s.Duration, s.Err)
	if s.Err != nil {
		n.analyser.gap()
		return
	}
	s.Size, s.Start = len(s.Data), n.analyser.segment(ctx, &s.Segment, s.Independent, s.Data)
	if n.f.opts.Discard {
		s.Data = nil
	}
}

func (n *run) fetchPart(ctx context.Context, p *FetchedPart) {
	if p.Gap {
		p.Err = errGap
		return
	}
	p.Data, p.Err = n.fetchMedia(ctx, p.URL, p.Bytes, p.Duration, p.Err)
	n.checkPart(ctx, p)
	if n.f.opts.Discard {
		p.Data = nil
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
