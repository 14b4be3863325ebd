package archive

import (
	"maps"
	"time"
)

// state is what a log says, up to a record.
type state struct {
	meta      Meta
	ended     time.Time
	positions map[string]Position
}

func newState(m Meta) state { return state{meta: m, positions: map[string]Position{}} }

// header is the header of the page that begins here.
func (s *state) header(page int) Record {
	return Record{Kind: KindPage, Header: &Header{
		Version: Version, Page: page, Meta: s.meta, Positions: maps.Clone(s.positions), Ended: s.ended,
	}}
}

// adopt takes over what a header says.
func (s *state) adopt(h *Header) {
	s.meta, s.ended = h.Meta, h.Ended
	s.positions = maps.Clone(h.Positions)
	if s.positions == nil {
		s.positions = map[string]Position{}
	}
}

// apply takes in a record.
func (s *state) apply(r *Record) {
	if r.Kind == KindEnded {
		s.ended = r.At
	}
	if r.Rendition == "" {
		return
	}
	p, known := s.positions[r.Rendition]
	switch r.Kind {
	case KindRendition:
		if !known {
			p = newPosition(0)
		}
		p.Description = *r.Description
	case KindSegment:
		if !known {
			p = newPosition(r.MSN)
		}
		p.Next = max(p.Next, r.MSN+1)
		if r.Discontinuity {
			p.Discontinuities++
		}
	case KindStored:
		p.Stored = max(p.Stored, *r.Through)
	case KindRemoved:
		p.Removed = max(p.Removed, *r.Through)
	default:
		return
	}
	s.positions[r.Rendition] = p
}
