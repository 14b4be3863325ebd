package archive

import "slices"

// pageEnds remembers how far the full pages of a log come, so that those of which nothing
// is kept any longer can go.
type pageEnds []pageEnd

// pageEnd is where a page ends: the number of the next segment of each rendition.
type pageEnd struct {
	page int
	next map[string]int64
}

// add notes that a page ends where the log stands.
func (e *pageEnds) add(page int, s *state) {
	next := make(map[string]int64, len(s.positions))
	for name, p := range s.positions {
		next[name] = p.Next
	}
	*e = append(*e, pageEnd{page, next})
}

// removed takes away the pages whose segments are all removed, oldest first.
func (e *pageEnds) removed(s *state) (pages []int) {
	for len(*e) > 0 {
		for name, next := range (*e)[0].next {
			if s.positions[name].Removed < next-1 {
				return pages
			}
		}
		pages = append(pages, (*e)[0].page)
		*e = slices.Delete(*e, 0, 1)
	}
	return pages
}
