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
	e := storage.FileError(op, key, err, "storage.spool.path", "lower storage.spool.max_bytes")
	switch missing := errors.Is(err, fs.ErrNotExist); {
	case missing && op == opAdd:
		e.Hint = "storage.spool.path was removed while golive ran, and cannot be made again"
	case missing && op == opRead:
		e.Err = storage.ErrNotExist
	}
	// Everything else waits behind a segment that cannot be read: the disk has had
	// its tries.
	e.Permanent = errors.Is(err, storage.ErrSpoolDamaged) || op == opRead && errors.Is(err, syscall.EIO)
	return e
}
