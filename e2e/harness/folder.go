package harness

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

const lockSuffix = ".lock"

// runFolder makes a folder for this process, and removes those of processes that did not remove
// theirs. remove removes the folder.
func runFolder() (dir string, remove func() error, err error) {
	parent := filepath.Join(os.TempDir(), "golive-e2e-runs")
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", nil, err
	}
	if err := removeAbandoned(parent); err != nil {
		return "", nil, err
	}
	dir = filepath.Join(parent, strconv.Itoa(os.Getpid()))
	lock, err := tryLock(dir + lockSuffix)
	if err == nil && lock == nil {
		err = fmt.Errorf("%s is locked", dir)
	}
	if err != nil {
		return "", nil, err
	}
	remove = func() error { return errors.Join(os.RemoveAll(dir), lock.remove()) }
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", nil, errors.Join(err, remove())
	}
	return dir, remove, nil
}

// removeAbandoned removes the folders in parent whose lock nobody has.
func removeAbandoned(parent string) error {
	locks, err := filepath.Glob(filepath.Join(parent, "*"+lockSuffix))
	if err != nil {
		return err
	}
	for _, name := range locks {
		lock, err := tryLock(name)
		if err != nil {
			return err
		}
		if lock == nil {
			continue // its process is running
		}
		if err := errors.Join(os.RemoveAll(strings.TrimSuffix(name, lockSuffix)), lock.remove()); err != nil {
			return err
		}
	}
	return nil
}
