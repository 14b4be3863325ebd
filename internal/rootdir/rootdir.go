package rootdir

import (
	"io/fs"
	"os"
	"sync"
	"sync/atomic"
)

// Dir is an open directory. Its methods may be called from many goroutines.
type Dir struct {
	path string
	mode fs.FileMode
	root atomic.Pointer[os.Root]
	mu   sync.Mutex // held while the directory is reopened
}

// Open opens the directory at path, creating it with that mode if it does not exist.
func Open(path string, mode fs.FileMode) (*Dir, error) {
	d := &Dir{path: path, mode: mode}
	root, err := d.open()
	if err != nil {
		return nil, err
	}
	d.root.Store(root)
	return d, nil
}

func (d *Dir) open() (*os.Root, error) {
	if err := os.MkdirAll(d.path, d.mode); err != nil {
		return nil, err
	}
	return os.OpenRoot(d.path)
}

// Root returns the directory as it was last opened.
func (d *Dir) Root() *os.Root { return d.root.Load() }

// Renew reopens the directory if its path leads to another one or to none, and reports
// whether it did.
func (d *Dir) Renew() (renewed bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := d.root.Load()
	is, err := old.Stat(".")
	if err == nil {
		if at, err := os.Stat(d.path); err == nil && os.SameFile(is, at) {
			return false, nil
		}
	}
	root, err := d.open()
	if err != nil {
		return false, err
	}
	d.root.Store(root)
	_ = old.Close() // it is not reachable any more
	return true, nil
}

// Close closes the directory.
func (d *Dir) Close() error { return d.Root().Close() }
