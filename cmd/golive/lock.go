package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"golive/internal/config"
)

// lockFile is the name of the lock file in each folder that golive writes to. It holds the
// process that has the lock, and is not removed: a file that is removed while another
// process opens it could be locked twice.
const lockFile = "golive.lock"

// ownerFormat is the content of a lock file: a process id and a host name.
const ownerFormat = "%d %s\n"

// maxLockOwner is the number of bytes of a lock file that are read.
const maxLockOwner = 256

// lockedError reports that another process has locked a folder.
type lockedError struct {
	key, folder string
	owner       string // its process and host; empty if not known
}

// Error implements error.
func (e *lockedError) Error() string {
	owner := "another golive"
	if e.owner != "" {
		owner += ", " + e.owner
	}
	return fmt.Sprintf("%s %q is used by %s (stop it, or give each its own %s)", e.key, e.folder, owner, e.key)
}

// folderLocks are the locked folders of this process.
type folderLocks []*os.File

// lockFolders locks every folder that golive writes to, creating missing ones. It logs a
// warning for a folder on a file system without locks.
func lockFolders(cfg config.Config, log *slog.Logger) (locks folderLocks, err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, locks.release())
			locks = nil
		}
	}()
	for _, folder := range writtenFolders(cfg) {
		f, err := lockFolder(folder, locks, log)
		if _, locked := errors.AsType[*lockedError](err); err != nil && folder.optional && !locked {
			log.Warn("folder cannot be used", "key", folder.key, "err", err, "hint", "the registry inside golive needs it, or set registry.url")
			continue
		}
		if err != nil {
			return locks, err
		}
		locks = append(locks, f)
	}
	return locks, nil
}

// release unlocks all folders.
func (l folderLocks) release() error {
	var errs []error
	for _, f := range l {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// writtenFolder is a folder that golive writes to, and the setting that names it.
type writtenFolder struct {
	key, path string
	// optional is true if golive goes on when the folder cannot be made: only an embedded
	// registry needs it.
	optional bool
}

// writtenFolders returns the folders that only one process may use.
func writtenFolders(cfg config.Config) (folders []writtenFolder) {
	needed := cfg.Storage.Backend != "memory" || cfg.Origin.TLS.Listen != "" && len(cfg.Origin.TLS.Auto.Domains) > 0
	if needed || cfg.Registry.URL == "" {
		folders = append(folders, writtenFolder{"data_dir", cfg.DataDir, !needed})
	}
	if spool := cfg.Storage.Spool; cfg.Storage.Backend == "s3" && spool.Path != "" {
		folders = append(folders, writtenFolder{"storage.spool.path", spool.Dir(cfg.DataDir), false})
	}
	return folders
}

// lockFolder locks a folder and writes the owner to the lock file. Two settings may name the
// same folder: those in held are locked by this process.
func lockFolder(folder writtenFolder, held folderLocks, log *slog.Logger) (*os.File, error) {
	if err := os.MkdirAll(folder.path, 0o755); err != nil { //nolint:gosec // a static server under another account may serve what is in it
		return nil, fmt.Errorf("%s: %w", folder.key, err)
	}
	f, err := os.OpenFile(filepath.Join(folder.path, lockFile), os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // the owner is not secret
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", folder.key, err)
	}
	locked, err := tryLock(f)
	switch {
	case err != nil:
		log.Warn("folder lock failed", "key", folder.key, "path", folder.path, "err", err, "hint", "make sure that no other golive uses it")
	case !locked && held.contains(f):
		return f, nil
	case !locked:
		return nil, errors.Join(&lockedError{folder.key, folder.path, ownerOf(f)}, f.Close())
	}
	if err := writeOwner(f); err != nil {
		// The lock is valid without it.
		log.Warn("lock file write failed", "key", folder.key, "err", err)
	}
	return f, nil
}

// contains reports whether f is the same file as one of l.
func (l folderLocks) contains(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && slices.ContainsFunc(l, func(held *os.File) bool {
		other, err := held.Stat()
		return err == nil && os.SameFile(info, other)
	})
}

// writeOwner writes this process to the lock file.
func writeOwner(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	_, err = fmt.Fprintf(f, ownerFormat, os.Getpid(), host)
	return err
}

// ownerOf reads the owner from a lock file. In containers that share a folder only the host
// name identifies it.
func ownerOf(f *os.File) string {
	var (
		pid  int
		host string
	)
	if _, err := fmt.Fscanf(io.NewSectionReader(f, 0, maxLockOwner), ownerFormat, &pid, &host); err != nil {
		return ""
	}
	return fmt.Sprintf("process %d on %q", pid, host)
}
