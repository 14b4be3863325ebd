package hlscheck

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// fetchSegment gets a segment as soon as it is listed (rule 10) and checks its
// bytes.
func (n *run) fetchSegment(ctx context.Context, s *FetchedSegment) {
	if n.analyser == nil {
		n.analyser = newAnalyser(nil)
	}
	n.analyser.add = func(rule int, format string, args ...any) {
		n.f.found.add(Violation{Rule: rule, URL: s.URL, Text: fmt.Sprintf(format, args...)})
	}
	if s.Gap {
		s.Err = errGap
		n.analyser.gap()
		return
	}
	s.Data, s.Err = n.fetchMedia(ctx, s.URL, s.Duration, s.Err)
	if s.Err != nil {
		n.analyser.gap()
		return
	}
	n.analyser.segment(ctx, &s.Segment, s.Data)
	if n.f.opts.Discard {
		s.Data = nil
	}
}

func (n *run) fetchPart(ctx context.Context, p *FetchedPart) {
	if p.Gap {
		p.Err = errGap
		return
	}
	p.Data, p.Err = n.fetchMedia(ctx, p.URL, p.Duration, p.Err)
	if n.f.opts.Discard {
		p.Data = nil
	}
}

// fetchMedia gets the bytes of a resource that lasts d. A resource slower than it
// plays was not there at once, or not at full speed.
func (n *run) fetchMedia(ctx context.Context, u string, d time.Duration, err error) ([]byte, error) {
	if err != nil {
		return nil, err
	}
	reply, err := n.f.get(ctx, u, kindMedia)
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		n.f.found.add(Violation{Rule: 10, URL: u, Text: "a named resource could not be fetched: " + err.Error()})
		return nil, err
	}
	if limit := max(d, time.Second); reply.took > limit {
		n.f.found.add(Violation{Rule: 10, URL: u, Text: fmt.Sprintf("%v of media took %v to fetch", d, reply.took.Round(time.Millisecond))})
	}
	return reply.body, nil
}

// errGap is the Err of what a playlist says is missing.
var errGap = errors.New("the resource is a gap")
