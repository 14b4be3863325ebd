package disk

import (
	"errors"
	"syscall"

	"golive/storage"
)

// wrap describes an error of the file system, with a hint for the operator.
func wrap(op, key string, err error) error {
	e := &storage.Error{Op: op, Key: key, Err: err}
	var errno syscall.Errno
	errors.As(err, &errno)
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT:
		e.Hint = "the disk is full: free space under data_dir, or shorten storage.retention.replay or playlist.window"
	case syscall.EACCES, syscall.EPERM:
		e.Hint = "the user that runs golive must be able to read and write data_dir and all in it"
	case syscall.EROFS:
		e.Hint = "data_dir is on a file system that is mounted read-only, or was remounted so after an I/O error: see the kernel's log"
	case syscall.EMFILE, syscall.ENFILE:
		e.Hint = "raise the limit of open files (ulimit -n, or LimitNOFILE in systemd)"
	case syscall.EIO:
		e.Hint = "the disk fails: see the kernel's log"
	case syscall.EXDEV:
		e.Hint, e.Permanent = "data_dir and all in it must be one file system", true
	case syscall.ENAMETOOLONG:
		e.Hint, e.Permanent = "the file system does not allow a name of that length", true
	case syscall.ENOTDIR, syscall.EISDIR, syscall.EEXIST, syscall.ENOTEMPTY:
		if op != storage.OpPut {
			e.Err = storage.ErrNotExist
		} else {
			e.Hint, e.Permanent = "another object's key begins with this one, or this one's with it: files cannot hold both", true
		}
	case syscall.ENOENT:
		if op != storage.OpPut {
			e.Err = storage.ErrNotExist
		} else {
			e.Hint = "data_dir was removed while golive ran, and cannot be made again"
		}
	}
	return e
}
