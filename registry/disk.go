package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// disk makes what the embedded server has acknowledged in a stream survive a loss of power. The
// server has written it to files by then; it could sync them too, but one write after the other,
// which takes fifty callers fifty times as long. Here one sync is for all that were acknowledged
// before it begins.
type disk struct {
	dir string // has the stream's blocks

	mu     sync.Mutex
	next   *syncRound             // for which callers wait; nil for none
	busy   bool                   // a caller syncs
	synced map[string]fs.FileInfo // by name; replaced by the caller that syncs, and never changed
}

// syncRound is one sync of the files, by one of the callers that wait for it.
type syncRound struct {
	lead chan struct{} // holds a token when one of the callers is to sync
	done chan struct{} // closed when err is valid
	err  error
}

func newDisk(storeDir, stream string) *disk {
	return &disk{dir: filepath.Join(storeDir, "$G", "streams", stream, "msgs"), synced: map[string]fs.FileInfo{}}
}

// sync returns when all that was written before the call is on the disk. A nil disk is that of
// another server.
func (d *disk) sync() error {
	if d == nil {
		return nil
	}
	d.mu.Lock()
	if d.next == nil {
		d.next = &syncRound{lead: make(chan struct{}, 1), done: make(chan struct{})}
	}
	r := d.next
	if d.busy {
		d.mu.Unlock()
		select {
		case <-r.done:
			return r.err
		case <-r.lead:
		}
		d.mu.Lock()
	}
	d.busy, d.next = true, nil
	d.mu.Unlock()
	r.err = d.syncBlocks()
	d.mu.Lock()
	if d.busy = d.next != nil; d.busy {
		d.next.lead <- struct{}{}
	}
	d.mu.Unlock()
	close(r.done)
	return r.err
}

// errNoBlocks is the error of a version of the server that has its files elsewhere.
var errNoBlocks = errors.New("the registry's files are not where they are expected")

// syncBlocks syncs the blocks that have changed since they were synced, and the directory if there
// are new ones. Only the caller that is busy calls it.
func (d *disk) syncBlocks() error {
	names, err := filepath.Glob(filepath.Join(d.dir, "*.blk"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%w: %s", errNoBlocks, d.dir)
	}
	if err != nil {
		return err
	}
	files, renewed := make(map[string]fs.FileInfo, len(names)), false
	for _, name := range names {
		info, err := os.Stat(name)
		if errors.Is(err, fs.ErrNotExist) {
			continue // the server has removed it
		}
		if err != nil {
			return err
		}
		before := d.synced[name]
		same := before != nil && os.SameFile(before, info)
		if !same || before.Size() != info.Size() || !before.ModTime().Equal(info.ModTime()) {
			if err := syncFile(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		renewed = renewed || !same
		files[name] = info
	}
	if renewed {
		err = syncFile(d.dir)
	}
	if err == nil {
		d.mu.Lock()
		d.synced = files
		d.mu.Unlock()
	}
	return err
}

// syncFile syncs a file or a directory.
func syncFile(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// syncTree syncs all files and directories in dir.
func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = syncFile(name)
		}
		if errors.Is(err, fs.ErrNotExist) { // the server has removed it
			return nil
		}
		return err
	})
}
