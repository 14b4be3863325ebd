package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golive/storage/disk"
)

// pageRecords is how many records a page has at most, without its header. A restart
// reads one page or two of each broadcast; at 2 s a segment, one holds 4 minutes of a
// rendition.
const pageRecords = 128

// log appends records to the newest page of one broadcast's log. It belongs to one
// goroutine at a time.
type log struct {
	files  *disk.Bucket
	layout Layout
	state  Header
	ends   pageEnds

	page    int      // the number of the next page when there is no file
	file    *os.File // the newest page; nil before the first record
	size    int64    // of the file, in bytes
	records int      // in the file
}

// append writes a record, and begins a page when the newest is full. After an error the record
// was not written, and may be tried again.
func (l *log) append(r *Record) error {
	if l.file == nil || l.records >= pageRecords {
		if err := l.beginPage(); err != nil {
			return err
		}
	}
	if err := l.write(r); err != nil {
		return err
	}
	l.records++
	l.state.apply(r)
	return nil
}

// beginPage begins a page. Pages that another run left are skipped.
func (l *log) beginPage() error {
	file, err := l.create()
	for errors.Is(err, fs.ErrExist) {
		l.page++
		file, err = l.create()
	}
	if err != nil {
		return fmt.Errorf("begin page of log: %w", err)
	}
	header := l.state.record(l.page)
	line := header.append(nil)
	if _, err := file.Write(line); err != nil {
		remove := l.files.Dir().Root().Remove(l.layout.Page(l.state.Meta, l.page))
		return fmt.Errorf("begin page of log: %w", errors.Join(err, file.Close(), remove))
	}
	if l.file != nil {
		// All of it was written; the next sync returns an error of Close, too.
		_ = l.file.Close()
		l.ends.add(l.page-1, &l.state)
	}
	l.file, l.size, l.records = file, int64(len(line)), 0
	l.page++
	return nil
}

func (l *log) create() (*os.File, error) {
	file, _, err := l.files.OpenFile(l.layout.Page(l.state.Meta, l.page), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND)
	return file, err
}

// prune deletes the pages with only removed segments.
func (l *log) prune() {
	for _, page := range l.ends.removed(&l.state) {
		// One that stays costs its bytes until the broadcast is deleted.
		_ = l.files.Dir().Root().Remove(l.layout.Page(l.state.Meta, page))
	}
}

// write writes a line whole. A line that was written only in part is removed again; when
// even that fails the next record begins another page, and readers pass over the torn line.
func (l *log) write(r *Record) error {
	line := r.append(nil)
	n, err := l.file.Write(line)
	if err == nil {
		l.size += int64(n)
		return nil
	}
	if n > 0 && l.file.Truncate(l.size) != nil {
		l.records = pageRecords
	}
	return fmt.Errorf("append to log: %w", err)
}

// close closes the newest page.
func (l *log) close() error {
	if l.file == nil {
		return nil
	}
	err := l.file.Close()
	l.file = nil
	return err
}
