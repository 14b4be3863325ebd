package archive

import (
	"bytes"
	"errors"
	"slices"
)

// maxPage bounds a page that is read, in bytes: a record takes some 250.
const maxPage = 4 << 20

// Page is the readable part of a page.
type Page struct {
	Number int
	// Header is nil when it is damaged.
	Header *Header
	// Records are those after the header that could be read, in order.
	Records []Record
	// Damaged counts the lines that could not be read.
	Damaged int
}

// ParsePage reads a page. Lines that are torn or damaged are passed over and counted;
// the error wraps ErrVersion when a later version wrote the page.
func ParsePage(number int, text []byte) (Page, error) {
	p := Page{Number: number}
	first := true
	for line := range bytes.Lines(text) {
		line = bytes.TrimSpace(line)
		if len(line) == 0 {
			continue
		}
		r, err := parseRecord(line)
		switch {
		case errors.Is(err, ErrVersion):
			return p, err
		case err != nil:
			p.Damaged++
		case r.Kind == KindPage && first:
			p.Header = r.Header
		case r.Kind != KindPage:
			p.Records = append(p.Records, r)
		}
		first = false
	}
	return p, nil
}

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
