package playlist

import (
	"sort"
)

// pageSegments is how many segments a page of a journal holds: its page n is of
// the segments from n*512 on. A page is put anew as it fills, so it is small, and a
// day of segments of 2 s has 85.
const pageSegments = 512

// Page is a part of a Replay's journal: a plain playlist that ParseArchive reads
// back after a crash.
type Page struct {
	Number int
	Text   []byte
}

// PageOf is the number of the page that a segment is on.
func PageOf(msn int64) int { return int(msn / pageSegments) }

// PagesAfter are the pages of the segments after that number, rendered.
func (r *Replay) PagesAfter(msn int64) []Page {
	var pages []Page
	from := sort.Search(len(r.kept), func(i int) bool { return r.kept[i].msn > msn })
	for from < len(r.kept) {
		n := PageOf(r.kept[from].msn)
		begin := sort.Search(len(r.kept), func(i int) bool { return PageOf(r.kept[i].msn) >= n })
		end := sort.Search(len(r.kept), func(i int) bool { return PageOf(r.kept[i].msn) > n })
		list := r.kept[begin:end]
		h := plainHeader{constants: r.constants, first: list[0].msn, independent: !anyDependent(list)}
		b := h.append(make([]byte, 0, r.sizeOf(list)))
		pages = append(pages, Page{n, r.appendSegments(b, list, "", false)})
		from = end
	}
	return pages
}
