package spool

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golive/internal/rootdir"
	"golive/media"
	"golive/storage"
)

// What waits may be of a broadcast that few may watch: only the user that runs
// golive reads it.
const (
	dirMode  fs.FileMode = 0o700
	fileMode fs.FileMode = 0o600
)

// Spool is a storage.Spool.
type Spool struct {
	dir *rootdir.Dir
	max int64

	mu      sync.Mutex
	bytes   int64 // of the files, and of those being written
	entries map[string]*storage.Spooled
	number  uint64 // of the newest file
	damaged int

	// sync is (*os.File).Sync; the benchmark shows what it costs.
	sync func(*os.File) error
}

// Open opens the Spool in dir, which is made if it is not there. It holds at most
// maxBytes of files; what an earlier run left counts, and is kept even when it is
// more. Files that are torn or damaged are removed and counted. Close releases the
// Spool.
func Open(dir string, maxBytes int64) (*Spool, error) {
	opened, err := rootdir.Open(dir, dirMode)
	if err != nil {
		return nil, wrap(opOpen, dir, err)
	}
	s := &Spool{
		dir:     opened,
		max:     maxBytes,
		entries: make(map[string]*storage.Spooled),
		sync:    (*os.File).Sync,
	}
	if err := s.scan(); err != nil {
		return nil, wrap(opOpen, dir, errors.Join(err, s.Close()))
	}
	return s, nil
}

// Close lets go of the directory; the files stay.
func (s *Spool) Close() error { return s.dir.Close() }

// root is the directory as it is open now.
func (s *Spool) root() *os.Root { return s.dir.Root() }

// Broadcasts are the names of the broadcasts that have something in the spool.
func (s *Spool) Broadcasts() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	names := make(map[string]struct{})
	for _, e := range s.entries {
		names[e.Broadcast] = struct{}{}
	}
	return slices.Sorted(maps.Keys(names))
}

// Load is what the spool holds of a broadcast, in the order of MSN; those of one
// MSN in the order they were offered.
func (s *Spool) Load(broadcast string) []*storage.Spooled {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []*storage.Spooled
	for _, e := range s.entries {
		if e.Broadcast == broadcast {
			found = append(found, e)
		}
	}
	slices.SortFunc(found, func(a, b *storage.Spooled) int {
		return cmp.Or(
			cmp.Compare(a.Segment.MSN, b.Segment.MSN),
			a.Offered.Compare(b.Offered),
			strings.Compare(a.Name, b.Name),
		)
	})
	return found
}

// Bytes is how much the spool holds, with what is being written.
func (s *Spool) Bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Segments is how many segments the spool holds.
func (s *Spool) Segments() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.entries)
}

// Damaged is how many times a file was found torn or damaged.
func (s *Spool) Damaged() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.damaged
}

// Add writes the segment and its header to a temporary file, and then renames it.
func (s *Spool) Add(broadcast, rendition string, seg *media.Segment, offered time.Time) (*storage.Spooled, error) {
	key := broadcast + "/" + rendition + "/" + seg.Name()
	slabs := seg.Slabs()
	if slabs == nil {
		panic("spool: segment added without its bytes")
	}
	h := newHeader(broadcast, rendition, seg, slabs, offered)
	if err := h.check(); err != nil {
		return nil, wrap(opAdd, key, err)
	}
	begin, err := h.encode()
	if err != nil {
		return nil, wrap(opAdd, key, err)
	}
	size := int64(len(begin)) + h.Body
	name, err := s.reserve(key, size)
	if err != nil {
		return nil, err
	}
	all := append([][]byte{begin}, slabs...)
	err = s.write(name, all)
	if errors.Is(err, fs.ErrNotExist) { // somebody removed the directory by hand
		if renewed, _ := s.dir.Renew(); renewed {
			err = s.write(name, all)
		}
	}
	if err != nil {
		s.release(size)
		return nil, wrap(opAdd, key, err)
	}
	e := &storage.Spooled{
		Name: name, Broadcast: broadcast, Rendition: rendition,
		Segment: seg.WithoutData(), Offered: offered, Bytes: size,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.entries[name] = e
	return e, nil
}

// reserve takes size of the spool's bytes, and gives the file a name.
func (s *Spool) reserve(key string, size int64) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if size > s.max-s.bytes {
		return "", &storage.Error{
			Op: opAdd, Key: key, Permanent: size > s.max,
			Err:  fmt.Errorf("%w: %d of %d bytes are taken, need %d", storage.ErrSpoolFull, s.bytes, s.max, size),
			Hint: "raise storage.spool.max_bytes",
		}
	}
	s.bytes += size
	s.number++
	return fileName(s.number), nil
}

func (s *Spool) release(size int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= size
}

// write makes the file, whole and durable. What it leaves of a failure is removed
// now, or else by the next Open.
func (s *Spool) write(name string, slabs [][]byte) error {
	temp := name + tempSuffix
	err := s.fill(temp, slabs)
	if err == nil {
		err = s.root().Rename(temp, name)
	}
	if err != nil {
		_ = s.root().Remove(temp)
		return err
	}
	if err := s.dir.Sync(s.sync); err != nil {
		_ = s.root().Remove(name)
		return err
	}
	return nil
}

func (s *Spool) fill(temp string, slabs [][]byte) (err error) {
	f, err := s.root().OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, slab := range slabs {
		if _, err := f.Write(slab); err != nil {
			return err
		}
	}
	return s.sync(f)
}

// Read reads the file, and checks that it is as it was written.
func (s *Spool) Read(e *storage.Spooled) ([]byte, error) {
	body, err := s.read(e.Name)
	if err != nil {
		if errors.Is(err, storage.ErrSpoolDamaged) {
			s.countDamaged()
		}
		return nil, wrap(opRead, keyOf(e), err)
	}
	return body, nil
}

func (s *Spool) countDamaged() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.damaged++
}

func (s *Spool) read(name string) (body []byte, err error) {
	f, err := s.root().Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(-h.Body, io.SeekEnd); err != nil {
		return nil, err
	}
	body = make([]byte, h.Body)
	if _, err := io.ReadFull(f, body); err != nil {
		return nil, err
	}
	if checksum(0, body) != h.Sum {
		return nil, fmt.Errorf("%w: wrong checksum of the bytes", storage.ErrSpoolDamaged)
	}
	return body, nil
}

// Remove removes the file. It does not wait for the disk: a file that comes back
// after a loss of power is put into the bucket once more.
func (s *Spool) Remove(e *storage.Spooled) error {
	s.mu.Lock()
	_, there := s.entries[e.Name]
	delete(s.entries, e.Name)
	s.mu.Unlock()
	if !there {
		return nil
	}
	err := s.root().Remove(e.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.entries[e.Name] = e
		return wrap(opRemove, keyOf(e), err)
	}
	s.bytes -= e.Bytes
	return nil
}

func keyOf(e *storage.Spooled) string {
	return e.Broadcast + "/" + e.Rendition + "/" + e.Segment.Name()
}
