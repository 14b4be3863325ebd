package archive

import "slices"

// pageEnds holds where the full pages of a log end, so that those whose segments are all
// removed can be deleted.
type pageEnds []pageEnd

// pageEnd is where a page ends: the number of the next segment of each rendition.
type pageEnd struct {
	page int
	next map[string]int64
}

// add notes that a page ends at the log's current state.
func (e *pageEnds) add(page int, h *Header) {
	next := make(map[string]int64, len(h.Positions))
	for name, p := range h.Positions {
		next[name] = p.Next
	}
	*e = append(*e, pageEnd{page, next})
}

// removed removes and returns the pages with only removed segments, oldest first.
func (e *pageEnds) removed(h *Header) (pages []int) {
	for len(*e) > 0 {
		for name, next := range (*e)[0].next {
			if h.Positions[name].Removed < next-1 {
				return pages
			}
		}
		pages = append(pages, (*e)[0].page)
		*e = slices.Delete(*e, 0, 1)
	}
	return pages
}
