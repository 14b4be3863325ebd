package spool

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"golive/storage"
)

// Files are named by number, so that a listing shows them in the order they came.
const (
	fileSuffix = ".segment"
	tempSuffix = ".tmp"
)

func fileName(number uint64) string { return fmt.Sprintf("%012d", number) + fileSuffix }

// fileNumber is the number of a file named by fileName.
func fileNumber(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, fileSuffix)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 64)
	return n, err == nil && fileName(n) == name
}

// scan takes up what an earlier run left. Files that are not the spool's stay as
// they are.
func (s *Spool) scan() error {
	dir, err := s.root().Open(".")
	if err != nil {
		return err
	}
	files, err := dir.ReadDir(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return err
	}
	for _, f := range files {
		name, unfinished := strings.CutSuffix(f.Name(), tempSuffix)
		number, ok := fileNumber(name)
		if !ok || !f.Type().IsRegular() {
			continue
		}
		if unfinished {
			// A write that a crash cut short: the segment was never said to be kept.
			if err := s.root().Remove(f.Name()); err != nil {
				return err
			}
			continue
		}
		s.number = max(s.number, number)
		if err := s.take(name); err != nil {
			return err
		}
	}
	return nil
}

// take enters the file into the spool, or removes it if it is damaged.
func (s *Spool) take(name string) error {
	e, err := s.describe(name)
	switch {
	case errors.Is(err, storage.ErrSpoolDamaged):
		s.damaged++
		return s.root().Remove(name)
	case err != nil:
		return err
	}
	s.entries[name] = e
	s.bytes += e.Bytes
	return nil
}

func (s *Spool) describe(name string) (e *storage.Spooled, err error) {
	f, err := s.root().Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	return &storage.Spooled{
		Name: name, Broadcast: h.Broadcast, Rendition: h.Rendition,
		Segment: h.segment(), Offered: h.Offered, Bytes: info.Size(),
	}, nil
}

// firstRead is how much of a file is read to find its header: nearly always all
// of it.
const firstRead = 4 << 10

// readHeader reads what describes the segment; if it cannot be, or if the file is
// not as long as it says, the file is damaged.
func readHeader(f *os.File) (*header, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	begin, err := readBegin(f, firstRead)
	if err != nil {
		return nil, err
	}
	if n, err := headerSize(begin); err == nil && preludeSize+n > len(begin) {
		if begin, err = readBegin(f, preludeSize+n); err != nil {
			return nil, err
		}
	}
	h, err := decode(begin, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", storage.ErrSpoolDamaged, err)
	}
	return h, nil
}

// readBegin reads n bytes from the beginning, or what there is.
func readBegin(f *os.File, n int) ([]byte, error) {
	b := make([]byte, n)
	n, err := f.ReadAt(b, 0)
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return b[:n], err
}
