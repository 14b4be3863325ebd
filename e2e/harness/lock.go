package harness

import (
	"errors"
	"os"
	"syscall"
)

// fileLock is a locked file. The lock ends with the process, however that ends.
type fileLock struct{ file *os.File }

// tryLock locks the file at path, creating it if it does not exist. It returns nil if it is
// locked already.
func tryLock(path string) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if !isLocked(f, path) {
		return nil, f.Close()
	}
	return &fileLock{f}, nil
}

// isLocked locks f, which was opened at path, and reports whether it could. A file that its last
// owner has removed meanwhile does not count.
func isLocked(f *os.File, path string) bool {
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return false
	}
	opened, err := f.Stat()
	if err != nil {
		return false
	}
	current, err := os.Stat(path)
	return err == nil && os.SameFile(opened, current)
}

// remove removes the file and releases the lock, in this order: nobody else can lock a file that
// is removed.
func (l *fileLock) remove() error {
	return errors.Join(os.Remove(l.file.Name()), l.file.Close())
}
