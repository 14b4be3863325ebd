package disk

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golive/storage"
)

// smallDisk mounts a file system of a size, such as "4m", or skips the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

func put(t *testing.T, b *Bucket, key string, size int) error {
	t.Helper()
	return b.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{bytes.Repeat([]byte{'x'}, size)}})
}

func TestPut_WorksAgainWhenAFullDiskHasSpace(t *testing.T) {
	dir := smallDisk(t, "4m")
	b, err := New(filepath.Join(dir, "media"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	ballast := filepath.Join(dir, "ballast")
	for range 3 {
		if err := os.WriteFile(ballast, make([]byte, 3<<20), 0o600); err != nil {
			t.Fatal(err)
		}
		for range 20 { // failed puts must leave nothing on the disk
			err = put(t, b, "live/a/1.ts", 2<<20)
		}
		if err == nil || !strings.Contains(err.Error(), "the disk is full") {
			t.Fatalf("put on a full disk: error is %v, want one that says the disk is full", err)
		}
		if _, err := New(filepath.Join(dir, "media")); err != nil {
			t.Errorf("New on the full disk: %v", err)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		if err := put(t, b, "live/a/1.ts", 2<<20); err != nil {
			t.Errorf("put with free space again: %v", err)
		}
		if err := b.Delete(t.Context(), "live/a/1.ts"); err != nil {
			t.Fatal(err)
		}
	}
}

func TestPut_WorksAgainWhenAReadOnlyDiskIsWritable(t *testing.T) {
	dir := smallDisk(t, "4m")
	b, err := New(filepath.Join(dir, "media"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skip(err)
	}
	if err := put(t, b, "live/a/1.ts", 10); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("put on a read-only disk: error is %v, want one that says so", err)
	}
	if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT, ""); err != nil {
		t.Fatal(err)
	}
	if err := put(t, b, "live/a/1.ts", 10); err != nil {
		t.Error(err)
	}
}

func TestPut_CreatesRemovedFoldersAgain(t *testing.T) {
	for _, removed := range []string{".", "media", "media/.tmp", "media/live", "media/live/a"} {
		t.Run(removed, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "data")
			b, err := New(filepath.Join(dir, "media"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = b.Close() }()
			if err := put(t, b, "live/a/1.ts", 10); err != nil {
				t.Fatal(err)
			}
			if err := os.RemoveAll(filepath.Join(dir, removed)); err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"live/a/2.ts", "live/b/1.ts"} {
				if err := put(t, b, key, 10); err != nil {
					t.Error(err)
				}
				if _, err := os.Stat(filepath.Join(dir, "media", key)); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestPut_WorksAgainAfterAnErrorOfTheDisk(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EIO, syscall.EDQUOT, syscall.ENOSPC, syscall.EROFS} {
		b, err := New(t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		failing := true
		b.sync = func(f *os.File) error {
			if failing {
				return &fs.PathError{Op: "sync", Path: f.Name(), Err: errno}
			}
			return f.Sync()
		}
		err = put(t, b, "live/a/1.ts", 10)
		if e, ok := err.(*storage.Error); !ok || !e.Retryable() || e.Hint == "" {
			t.Errorf("%v: %v", errno, err)
		}
		failing = false
		if err := put(t, b, "live/a/1.ts", 10); err != nil {
			t.Errorf("%v: %v", errno, err)
		}
		_ = b.Close()
	}
}
