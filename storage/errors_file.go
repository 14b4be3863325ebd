package storage

import (
	"errors"
	"syscall"
)

// FileError is what the file system said about an operation in the folder that a
// setting names. Its hint names the setting, and for a full disk what makes room.
func FileError(op, key string, err error, setting, room string) *Error {
	e := &Error{Op: op, Key: key, Err: err}
	var errno syscall.Errno
	errors.As(err, &errno)
	switch errno {
	case syscall.ENOSPC, syscall.EDQUOT:
		e.Hint = "the disk is full: free space under " + setting + ", or " + room
	case syscall.EACCES, syscall.EPERM:
		e.Hint = "the user that runs golive must be able to read and write " + setting + " and all in it"
	case syscall.EROFS:
		e.Hint = setting + " is on a file system that is mounted read-only, or was remounted so after an I/O error: see the kernel's log"
	case syscall.EMFILE, syscall.ENFILE:
		e.Hint = "raise the limit of open files (ulimit -n, or LimitNOFILE in systemd)"
	case syscall.EIO:
		e.Hint = "the disk fails: see the kernel's log"
	}
	return e
}
