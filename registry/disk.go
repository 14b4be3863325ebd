package registry

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// disk makes what the embedded server has acknowledged in a stream survive a loss of power. The
// server has written it to files by then; it could sync them too, but one write after the other,
// which takes fifty callers fifty times as long. Here one sync is for all that were acknowledged
// before it begins, and it begins a little later for writes that are about to be: so there are fewer
// syncs, and a write seldom just misses one and has to wait for two.
type disk struct {
	dir string // has the stream's blocks

	mu      sync.Mutex
	writing int                    // the writes that are not acknowledged
	idle    chan struct{}          // closed when writing is 0; nil unless a caller waits for that
	next    *syncRound             // for which callers wait; nil for none
	busy    bool                   // a caller syncs, or is about to
	took    time.Duration          // the last sync
	synced  map[string]fs.FileInfo // by name; replaced by the caller that syncs, and never changed
}

// syncRound is one sync of the files, by one of the callers that wait for it.
type syncRound struct {
	lead chan struct{} // holds a token when one of the callers is to sync
	done chan struct{} // closed when err is valid
	err  error
}

// maxGather bounds how long a sync waits for writes that are not acknowledged. It does not wait longer
// than two syncs take: without it a write would wait for one more.
const maxGather = 5 * time.Millisecond

func newDisk(storeDir, stream string) *disk {
	return &disk{dir: filepath.Join(storeDir, "$G", "streams", stream, "msgs"), synced: map[string]fs.FileInfo{}}
}

// write calls do, which writes to the stream, and returns when that is on the disk. A nil disk is that
// of another server.
func (d *disk) write(do func() error) error {
	if d == nil {
		return do()
	}
	d.mu.Lock()
	d.writing++
	d.mu.Unlock()
	err := do()
	d.mu.Lock()
	if d.writing--; d.writing == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
	if err != nil {
		d.mu.Unlock()
		return err
	}
	if d.next == nil {
		d.next = &syncRound{lead: make(chan struct{}, 1), done: make(chan struct{})}
	}
	r, lead := d.next, !d.busy
	d.busy = true
	d.mu.Unlock()
	if !lead {
		select {
		case <-r.done:
			return r.err
		case <-r.lead:
		}
	}
	d.run(r)
	return r.err
}

// run syncs for the callers that wait for r, and has another caller do that for those who came too
// late.
func (d *disk) run(r *syncRound) {
	d.gather()
	d.mu.Lock()
	d.next = nil
	d.mu.Unlock()
	began := time.Now()
	r.err = d.syncBlocks()
	d.mu.Lock()
	d.took = time.Since(began)
	if d.busy = d.next != nil; d.busy {
		d.next.lead <- struct{}{}
	}
	d.mu.Unlock()
	close(r.done)
}

// gather waits until all writes are acknowledged, but not for long.
func (d *disk) gather() {
	d.mu.Lock()
	most := min(2*d.took, maxGather)
	if d.writing == 0 || most == 0 {
		d.mu.Unlock()
		return
	}
	idle := make(chan struct{})
	d.idle = idle
	d.mu.Unlock()
	limit := time.NewTimer(most)
	defer limit.Stop()
	select {
	case <-idle:
	case <-limit.C:
	}
}

// errNoBlocks is the error of a version of the server that has its files elsewhere.
var errNoBlocks = errors.New("the registry's files are not where they are expected")

// syncBlocks syncs the blocks that have changed since they were synced, and the directory if there
// are new ones. Only the caller that is busy calls it.
func (d *disk) syncBlocks() error {
	names, err := d.blocks()
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%w: %s", errNoBlocks, d.dir)
	}
	if err != nil {
		return err
	}
	files, renewed := make(map[string]fs.FileInfo, len(names)), false
	for _, name := range names {
		name = filepath.Join(d.dir, name)
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

// blocks returns the names of the files that have the stream's messages.
func (d *disk) blocks() ([]string, error) {
	dir, err := os.Open(d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	names, err := dir.Readdirnames(-1)
	return slices.DeleteFunc(names, func(name string) bool { return filepath.Ext(name) != ".blk" }), errors.Join(err, dir.Close())
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
