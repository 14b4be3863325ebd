package disk

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"strconv"
	"sync/atomic"

	"golive/internal/rootdir"
	"golive/storage"
)

// tempDir holds the files that are being written. No key reaches it: no segment
// of a key begins with a dot.
const tempDir = ".tmp"

// Objects are public media, and a static server under another account may serve
// the directory: the process's umask removes permissions.
const (
	dirMode  fs.FileMode = 0o755
	fileMode fs.FileMode = 0o644
)

// Bucket keeps objects as files.
type Bucket struct {
	dir  *rootdir.Dir
	temp atomic.Uint64 // the last temporary file's number

	// sync is (*os.File).Sync; the benchmark shows what it costs.
	sync func(*os.File) error
}

// New opens the Bucket in dir, which is made if it is not there, and removes the
// temporary files that a crash left. Close releases it.
func New(dir string) (*Bucket, error) {
	opened, err := rootdir.Open(dir, dirMode)
	if err != nil {
		return nil, wrap("open", dir, err)
	}
	b := &Bucket{dir: opened, sync: (*os.File).Sync}
	if err := b.clearTemp(); err != nil {
		return nil, errors.Join(wrap("open", dir, err), b.Close())
	}
	return b, nil
}

// Dir returns the directory of the files. Files that are written there without Put can be
// read, listed and deleted as well.
func (b *Bucket) Dir() *rootdir.Dir { return b.dir }

func (b *Bucket) root() *os.Root { return b.dir.Root() }

// clearTemp empties the directory of temporary files, or makes it. It does not replace one
// that exists: the disk may be full.
func (b *Bucket) clearTemp() error {
	root := b.root()
	err := root.Mkdir(tempDir, 0o700)
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := root.Open(tempDir)
	if err != nil {
		return err
	}
	left, err := f.ReadDir(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	for _, e := range left {
		err = errors.Join(err, root.RemoveAll(tempDir+"/"+e.Name()))
	}
	return err
}

// renew makes the directory, or the one of temporary files, again if it was removed by
// hand. It reports whether that may have helped.
func (b *Bucket) renew() bool {
	renewed, err := b.dir.Renew()
	if err != nil {
		return false
	}
	made := b.root().Mkdir(tempDir, 0o700) == nil
	return renewed || made
}

// Close closes the directory. Files opened by Get stay readable.
func (b *Bucket) Close() error { return b.dir.Close() }

// Put writes the object whole to a temporary file, and then renames it.
func (b *Bucket) Put(ctx context.Context, o storage.Object) error {
	if err := storage.CheckCall(ctx, o.Key); err != nil {
		return wrap(storage.OpPut, o.Key, err)
	}
	err := b.create(ctx, o)
	if errors.Is(err, fs.ErrNotExist) && b.renew() {
		err = b.create(ctx, o)
	}
	if err != nil {
		return wrap(storage.OpPut, o.Key, err)
	}
	if o.Volatile {
		return nil
	}
	// After a rename the directories must be synced too, or a loss of power can bring the
	// old entry back.
	if err := b.dir.Sync(); err != nil {
		return wrap(storage.OpPut, o.Key, err)
	}
	return nil
}

// create writes the object's file and puts it in its place.
func (b *Bucket) create(ctx context.Context, o storage.Object) error {
	name := tempDir + "/" + strconv.FormatUint(b.temp.Add(1), 10)
	err := b.write(ctx, name, o)
	if err == nil {
		_, err = b.inDirectory(o.Key, func() error { return b.root().Rename(name, o.Key) })
	}
	if err != nil {
		// A file that cannot be removed now is removed by the next New.
		_ = b.root().Remove(name)
	}
	return err
}

// write makes the temporary file, durable in its content unless that is volatile.
func (b *Bucket) write(ctx context.Context, name string, o storage.Object) (err error) {
	f, err := b.root().OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for _, slab := range o.Slabs {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if _, err := f.Write(slab); err != nil {
			return err
		}
	}
	if o.Volatile {
		return nil
	}
	return b.sync(f)
}

// Get opens the file at the offset.
func (b *Bucket) Get(ctx context.Context, key string, offset, length int64) (*storage.Reader, error) {
	if err := storage.CheckCall(ctx, key); err != nil {
		return nil, wrap(storage.OpGet, key, err)
	}
	f, err := b.root().Open(key)
	if err != nil {
		return nil, wrap(storage.OpGet, key, err)
	}
	r, err := reader(f, key, offset, length)
	if err != nil {
		return nil, wrap(storage.OpGet, key, errors.Join(err, f.Close()))
	}
	return r, nil
}

func reader(f *os.File, key string, offset, length int64) (*storage.Reader, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, storage.ErrNotExist
	}
	n, err := storage.CheckRange(offset, length, info.Size())
	if err != nil {
		return nil, err
	}
	if offset > 0 {
		if _, err := f.Seek(offset, io.SeekStart); err != nil {
			return nil, err
		}
	}
	return &storage.Reader{
		Info:  storage.Info{Key: key, Size: info.Size()},
		Body:  &io.LimitedReader{R: f, N: n},
		Close: f.Close,
	}, nil
}

// Delete removes the file, and the directories that it leaves empty. It does not
// wait for the disk: a file that comes back after a crash is found and deleted again
// when its broadcast is swept.
func (b *Bucket) Delete(ctx context.Context, key string) error {
	if err := storage.CheckCall(ctx, key); err != nil {
		return wrap(storage.OpDelete, key, err)
	}
	if info, err := b.root().Lstat(key); err == nil && info.IsDir() {
		return nil // a directory is no object
	}
	if err := b.root().Remove(key); err != nil {
		if err = wrap(storage.OpDelete, key, err); errors.Is(err, storage.ErrNotExist) {
			return nil
		}
		return err
	}
	b.prune(key)
	return nil
}

// OpenFile opens the file at key for writing, with the flags of os.OpenFile, and makes the
// directories above it that are missing; made reports that it did.
func (b *Bucket) OpenFile(key string, flags int) (f *os.File, made bool, err error) {
	open := func() (err error) {
		f, err = b.root().OpenFile(key, flags, fileMode)
		return err
	}
	made, err = b.inDirectory(key, open)
	if errors.Is(err, fs.ErrNotExist) && b.renew() {
		made, err = b.inDirectory(key, open)
	}
	return f, made, err
}

// Write writes the slabs to the file at key. Unlike Put it is one write to one file, which
// is not durable, and which readers can see half written: no reader may know its name yet. made
// reports that a directory had to be made.
func (b *Bucket) Write(key string, slabs [][]byte) (made bool, err error) {
	f, made, err := b.OpenFile(key, os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return made, wrap(storage.OpPut, key, err)
	}
	for _, slab := range slabs {
		if _, err = f.Write(slab); err != nil {
			break
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		// A file that cannot be deleted either is overwritten at the next try.
		_ = b.root().Remove(key)
		return made, wrap(storage.OpPut, key, err)
	}
	return made, nil
}

// maxPrunes is how often in a row the directory of a new file may be removed, because it
// is empty, before the file is in it.
const maxPrunes = 100

// inDirectory calls create, which makes the file at key, and makes the directories above
// it when they are missing.
func (b *Bucket) inDirectory(key string, create func() error) (made bool, err error) {
	for range maxPrunes {
		if err = create(); !errors.Is(err, fs.ErrNotExist) {
			return made, err
		}
		if err = b.root().MkdirAll(path.Dir(key), dirMode); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return made, err
		}
		made = true
	}
	return made, err
}

// prune removes the directories above key that are empty.
func (b *Bucket) prune(key string) {
	for dir := path.Dir(key); dir != "."; dir = path.Dir(dir) {
		// rmdir(2) itself refuses a directory that is not empty.
		if err := b.root().Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}
