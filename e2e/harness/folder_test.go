package harness

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestRunFolder_RemovesFoldersOfAbortedRuns(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	parent := filepath.Join(os.TempDir(), "golive-e2e-runs")
	aborted, running := filepath.Join(parent, "1"), filepath.Join(parent, "2")
	for _, dir := range []string{aborted, running} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(dir+lockSuffix, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	lock, err := tryLock(running + lockSuffix)
	if err != nil || lock == nil {
		t.Fatal(lock, err)
	}
	defer func() { _ = lock.remove() }()

	dir, remove, err := runFolder()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(aborted); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder of an aborted run: %v", err)
	}
	for _, kept := range []string{running, dir} {
		if _, err := os.Stat(kept); err != nil {
			t.Error(err)
		}
	}
	if err := remove(); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(parent)
	if err != nil || len(left) != 2 {
		t.Errorf("left %v, %v; want the running one and its lock", left, err)
	}
}

func TestReserve_LeavesNoFile(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	const port = 12345
	t.Run("one", func(t *testing.T) {
		if !reserve(t, port) {
			t.Error("a free port cannot be reserved")
		}
		if reserve(t, port) {
			t.Error("a port is reserved twice")
		}
	})
	if _, err := os.Stat(filepath.Join(os.TempDir(), "golive-e2e-ports", strconv.Itoa(port))); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the lock file: %v", err)
	}
}
