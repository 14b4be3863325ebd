package disk

import (
	"errors"
	"io/fs"
	"os"
	"path"

	"golive/storage"
)

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
		// What cannot be deleted either is written over at the next try.
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
