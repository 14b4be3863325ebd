package archive

import (
	"maps"
	"slices"
)

// A Header is also the state of a broadcast after a record of its log.

// newHeader returns the state of a new broadcast.
func newHeader(m Meta) Header {
	return Header{Version: Version, Meta: m, Positions: map[string]Position{}}
}

// clone returns a copy that shares nothing that is written to.
func (h *Header) clone() Header {
	c := *h
	c.Version, c.Page = Version, 0
	c.Publications, c.Positions = slices.Clone(h.Publications), maps.Clone(h.Positions)
	if c.Positions == nil {
		c.Positions = map[string]Position{}
	}
	return c
}

// record returns the header of the page that begins here.
func (h *Header) record(page int) Record {
	c := h.clone()
	c.Page = page
	return Record{Kind: KindPage, Header: &c}
}

// apply applies a record.
func (h *Header) apply(r *Record) {
	switch r.Kind {
	case KindEnded:
		h.Ended = r.At
	case KindArchived:
		h.Archived = true
	case KindPublication:
		if !slices.Contains(h.Publications, r.Published) {
			h.Publications = append(h.Publications, r.Published)
		}
	default: // of a rendition
	}
	if r.Rendition == "" {
		return
	}
	p, known := h.Positions[r.Rendition]
	switch r.Kind {
	case KindRendition:
		if !known {
			p = newPosition(0)
			p.Discontinuities = r.DiscontinuitySequence
		}
		p.Description = *r.Description
	case KindSegment:
		if known && r.MSN < p.Next {
			return // uploaded again after a restart
		}
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
	h.Positions[r.Rendition] = p
}
