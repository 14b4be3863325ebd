package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
)

// maxPage bounds a page that is read, in bytes: a record takes some 250.
const maxPage = 4 << 20

// Page is what could be read of a page.
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
// the error, which wraps ErrVersion, says that a later program wrote the page.
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

// readPage reads a page from the local disk.
func readPage(root *os.Root, key string, number int) (Page, error) {
	f, err := root.Open(key)
	if err != nil {
		return Page{}, fmt.Errorf("read log: %w", err)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxPage))
	if err = errors.Join(err, f.Close()); err != nil {
		return Page{}, fmt.Errorf("read %s: %w", key, err)
	}
	p, err := ParsePage(number, text)
	if err != nil {
		return p, fmt.Errorf("read %s: %w", key, err)
	}
	return p, nil
}

// pageNumbers lists the pages of a log on the local disk, in order.
func pageNumbers(root *os.Root, folder string) ([]int, error) {
	entries, err := fs.ReadDir(root.FS(), folder)
	if err != nil {
		return nil, fmt.Errorf("list log: %w", err)
	}
	var numbers []int
	for _, e := range entries {
		if n, _, ok := parsePageName(e.Name()); ok && e.Type().IsRegular() {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}
