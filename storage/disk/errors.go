package disk

import (
	"errors"
	"syscall"

	"golive/storage"
)

const (
	opPut    = "put"
	opGet    = "get"
	opDelete = "delete"
	opList   = "list"
)

// wrap says in the house's words what the file system said.
func wrap(op, key string, err error) error {
	e := storage.FileError(op, key, err, "data_dir", "shorten storage.retention.replay or playlist.window")
	var errno syscall.Errno
	errors.As(err, &errno)
	switch errno {
	case syscall.EXDEV:
		e.Hint, e.Permanent = "data_dir and all in it must be one file system", true
	case syscall.ENAMETOOLONG:
		e.Hint, e.Permanent = "the file system bears no name so long", true
	case syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.ENOTEMPTY:
		if op != opPut {
			e.Err = storage.ErrNotExist
		} else {
			e.Hint, e.Permanent = "another object's key begins with this one, or this one's with it: files cannot hold both", true
		}
	case syscall.ENOENT:
		if op != opPut {
			e.Err = storage.ErrNotExist
		} else {
			e.Hint = "data_dir was removed while golive ran, and cannot be made again"
		}
	}
	return e
}
