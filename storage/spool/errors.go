package spool

import (
	"errors"
	"io/fs"
	"syscall"

	"golive/storage"
)

const (
	opOpen   = "open spool"
	opAdd    = "put to spool"
	opRead   = "get from spool"
	opRemove = "delete from spool"
)

// wrap says in the house's words what the file system said.
func wrap(op, key string, err error) error {
	e := &storage.Error{Op: op, Key: key, Err: err}
	var errno syscall.Errno
	errors.As(err, &errno)
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT:
		e.Hint = "the disk is full: free space under storage.spool.path, or lower storage.spool.max_bytes"
	case syscall.EACCES, syscall.EPERM:
		e.Hint = "the user that runs golive must be able to read and write storage.spool.path and all in it"
	case syscall.EROFS:
		e.Hint = "storage.spool.path is on a file system that is mounted read-only, or was remounted so after an I/O error: see the kernel's log"
	case syscall.EMFILE, syscall.ENFILE:
		e.Hint = "raise the limit of open files (ulimit -n, or LimitNOFILE in systemd)"
	case syscall.EIO:
		e.Hint = "the disk fails: see the kernel's log"
	case syscall.ENOENT:
		if op == opAdd {
			e.Hint = "storage.spool.path was removed while golive ran: restart it"
		}
	}
	if op == opRead && errors.Is(err, fs.ErrNotExist) {
		e.Err = storage.ErrNotExist
	}
	// Everything else waits behind a segment that cannot be read: the disk has had
	// its tries.
	e.Permanent = errors.Is(err, storage.ErrSpoolDamaged) || op == opRead && errno == syscall.EIO
	return e
}
