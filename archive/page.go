package archive

import (
	"bytes"
	"errors"
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
