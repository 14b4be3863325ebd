package hlscheck

import (
	"fmt"
	"strconv"
)

// position identifies a segment of a rendition, or a part of one.
type position struct {
	msn int64
	// part is -1 for the whole segment.
	part int64
}

func (p position) String() string {
	if p.part < 0 {
		return fmt.Sprintf("segment %d", p.msn)
	}
	return fmt.Sprintf("part %d of segment %d", p.part, p.msn)
}

func (p position) before(o position) bool {
	return p.msn < o.msn || p.msn == o.msn && p.part < o.part
}

// nextPosition returns the position after the last part.
func (m *Media) nextPosition() position {
	return position{msn: m.lastMSN() + 1, part: int64(len(m.Parts))}
}

// has reports whether the playlist has, or has had, the position. A part past the end
// of its segment is the first one of the next (section 6.2.5.2).
func (m *Media) has(p position) bool {
	last := m.lastMSN()
	switch {
	case p.part < 0 || p.msn < last:
		return p.msn <= last
	case p.msn > last:
		return p.msn == last+1 && p.part < int64(len(m.Parts))
	case len(m.Segments) == 0:
		return true
	}
	n := int64(len(m.Segments[len(m.Segments)-1].Parts))
	// The number of parts that are not listed is not known.
	return n == 0 || p.part < n || len(m.Parts) > 0
}

// partAt returns the part at the position, or the first of the next segment when the
// position is past the end of its own; nil if it is not listed.
func (m *Media) partAt(p position) (part *Part, discontinuity bool) {
	for i := range m.Segments {
		s := &m.Segments[i]
		switch count := int64(len(s.Parts)); {
		case s.MSN < p.msn:
		case s.MSN > p.msn || count == 0:
			return nil, false
		case p.part < count:
			return &s.Parts[p.part], s.Discontinuity && p.part == 0
		default:
			p = position{msn: p.msn + 1}
		}
	}
	if p.msn != m.lastMSN()+1 || p.part >= int64(len(m.Parts)) {
		return nil, false
	}
	return &m.Parts[p.part], p.part == 0 && m.OpenDiscontinuity
}

// newest returns the position of the last part, or of the last segment if no part is listed.
func (m *Media) newest() position {
	if n := len(m.Parts); n > 0 {
		return position{m.lastMSN() + 1, int64(n) - 1}
	}
	p := position{m.lastMSN(), -1}
	if n := len(m.Segments); n > 0 {
		p.part = int64(len(m.Segments[n-1].Parts)) - 1
	}
	return p
}

// countPassed counts the listed parts after one position up to another.
func (m *Media) countPassed(from, to position) (count int) {
	note := func(msn int64, parts int) {
		for i := range int64(max(parts, 1)) {
			if p := (position{msn, i}); from.before(p) && !to.before(p) {
				count++
			}
		}
	}
	for i := range m.Segments {
		note(m.Segments[i].MSN, len(m.Segments[i].Parts))
	}
	if len(m.Parts) > 0 {
		note(m.lastMSN()+1, len(m.Parts))
	}
	return count
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
