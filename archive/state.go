package archive

import (
	"maps"
	"slices"
	"time"
)

// state is what a log says, up to a record.
type state struct {
	meta         Meta
	ended        time.Time
	archived     bool
	publications []string
	positions    map[string]Position
}

func newState(m Meta) state { return state{meta: m, positions: map[string]Position{}} }

// header returns the header of the page that begins here.
func (s *state) header(page int) Record {
	return Record{Kind: KindPage, Header: &Header{
		Version: Version, Page: page, Meta: s.meta, Publications: slices.Clone(s.publications),
		Positions: maps.Clone(s.positions), Ended: s.ended, Archived: s.archived,
	}}
}

// adopt takes over what a header says.
func (s *state) adopt(h *Header) {
	s.meta, s.ended, s.archived, s.publications = h.Meta, h.Ended, h.Archived, slices.Clone(h.Publications)
	s.positions = maps.Clone(h.Positions)
	if s.positions == nil {
		s.positions = map[string]Position{}
	}
}

// apply takes in a record.
func (s *state) apply(r *Record) {
	switch r.Kind {
	case KindEnded:
		s.ended = r.At
	case KindArchived:
		s.archived = true
	case KindPublication:
		if !slices.Contains(s.publications, r.Published) {
			s.publications = append(s.publications, r.Published)
		}
	default: // of a rendition
	}
	if r.Rendition == "" {
		return
	}
	p, known := s.positions[r.Rendition]
	switch r.Kind {
	case KindRendition:
		if !known {
			p = newPosition(0)
			p.Discontinuities = r.DiscontinuitySequence
		}
		p.Description = *r.Description
	case KindSegment:
		if !known {
			p = newPosition(r.MSN)
		} else if p.Next == 0 { // only described so far
			p.Removed = r.MSN - 1
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

// clone returns a copy that shares nothing that is written to.
func (s *state) clone() state {
	c := *s
	c.publications, c.positions = slices.Clone(s.publications), maps.Clone(s.positions)
	return c
}
