package disk

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golive/storage"
	"golive/storage/storagetest"
)

func open(tb testing.TB, dir string) *Bucket {
	tb.Helper()
	b, err := New(dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	return b
}

func object(key, text string) storage.Object {
	return storage.Object{Key: key, Slabs: [][]byte{[]byte(text)}}
}

func TestBucket_KeepsTheContract(t *testing.T) {
	storagetest.Test(t, func(t *testing.T) storage.Bucket {
		t.Helper()
		return open(t, filepath.Join(t.TempDir(), "not", "created", "yet"))
	})
}

func TestNew_KeepsObjectsAndSweepsTemporaryFiles(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	if err := b.Put(t.Context(), object("live/a/1.ts", "kept")); err != nil {
		t.Fatal(err)
	}
	left := filepath.Join(dir, tempDir, "77")
	if err := os.WriteFile(left, []byte("half a segm"), 0o600); err != nil {
		t.Fatal(err)
	}
	b = open(t, dir)
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
	r, err := b.Get(t.Context(), "live/a/1.ts", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
}

func TestDelete_RemovesEmptyDirectories(t *testing.T) {
	dir := t.TempDir()
	b := open(t, dir)
	for _, key := range []string{"live/a/source/1.ts", "live/a/source/2.ts", "live/b/1.ts"} {
		if err := b.Put(t.Context(), object(key, "x")); err != nil {
			t.Fatal(err)
		}
	}
	exists := func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	}
	if err := b.Delete(t.Context(), "live/a/source/1.ts"); err != nil || !exists("live/a/source") {
		t.Errorf("a directory with an object in it: exists %t, error %v", exists("live/a/source"), err)
	}
	if err := b.Delete(t.Context(), "live/a/source/2.ts"); err != nil || exists("live/a") || !exists("live/b") {
		t.Errorf("after the last object of live/a: live/a exists %t, live/b %t, error %v", exists("live/a"), exists("live/b"), err)
	}
	if err := b.Delete(t.Context(), "live/b/1.ts"); err != nil || exists("live") {
		t.Errorf("after the last object: live exists %t, error %v", exists("live"), err)
	}
	if err := b.Put(t.Context(), object("live/a/source/3.ts", "x")); err != nil {
		t.Errorf("put after all was removed: %v", err)
	}
}

func TestGet_ReturnsAFileForSendfile(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Put(t.Context(), object("k", "0123456789")); err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(t.Context(), "k", 2, 5)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	l, ok := r.Body.(*io.LimitedReader)
	if !ok {
		t.Fatalf("body is a %T, want an *io.LimitedReader", r.Body)
	}
	if _, ok := l.R.(*os.File); !ok || l.N != 5 {
		t.Errorf("body is %d bytes of a %T, want 5 of an *os.File", l.N, l.R)
	}
}

func TestBucket_DoesNotFollowLinksOutside(t *testing.T) {
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	b := open(t, dir)
	if err := os.Symlink(outside, filepath.Join(dir, "link")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, filepath.Join(dir, "file")); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"link/secret", "file"} {
		if r, err := b.Get(t.Context(), key, 0, -1); err == nil {
			_ = r.Close()
			t.Errorf("get %s followed a link", key)
		}
	}
	if err := b.Put(t.Context(), object("link/new", "x")); err == nil {
		t.Error("put followed a link")
	}
	_ = b.Delete(t.Context(), "link/secret")
	if _, err := os.Stat(secret); err != nil {
		t.Errorf("delete followed a link: %v", err)
	}
	for info, err := range b.List(t.Context(), "") {
		t.Errorf("list followed a link: %s, error %v", info.Key, err)
	}
}

func TestPut_KeepsTheOldObjectIfItCannotSync(t *testing.T) {
	b := open(t, t.TempDir())
	if err := b.Put(t.Context(), object("k", "old")); err != nil {
		t.Fatal(err)
	}
	b.sync = func(*os.File) error { return syscall.ENOSPC }
	err := b.Put(t.Context(), object("k", "new"))
	e, ok := errors.AsType[*storage.Error](err)
	if !ok || !errors.Is(err, syscall.ENOSPC) || !strings.Contains(e.Hint, "the disk is full") || !e.Retryable() {
		t.Errorf("error is %v, want a retryable one that says the disk is full", err)
	}
	r, err := b.Get(t.Context(), "k", 0, -1)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Close() }()
	if got, _ := io.ReadAll(r.Body); string(got) != "old" {
		t.Errorf("object is %q, want the old one", got)
	}
	left, err := os.ReadDir(filepath.Join(b.root().Name(), tempDir))
	if err != nil || len(left) != 0 {
		t.Errorf("temporary files are left: %v, error %v", left, err)
	}
}

func TestPut_RefusesAKeyThatIsBothFileAndDirectory(t *testing.T) {
	b := open(t, t.TempDir())
	for _, key := range []string{"a", "b/c"} {
		if err := b.Put(t.Context(), object(key, "x")); err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a/b", "b"} {
		err := b.Put(t.Context(), object(key, "x"))
		e, ok := errors.AsType[*storage.Error](err)
		if !ok || e.Retryable() || !strings.Contains(e.Hint, "files cannot hold both") {
			t.Errorf("put %s: error is %v, want a permanent one with a hint", key, err)
		}
	}
}

func TestWrap_AddsAHintToSystemErrors(t *testing.T) {
	for errno, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "the disk is full: free space under data_dir, or shorten storage.retention.replay or playlist.window",
		syscall.EDQUOT: "the disk is full",
		syscall.EACCES: "the user that runs golive must be able to read and write data_dir",
		syscall.EROFS:  "read-only",
		syscall.EMFILE: "open files",
		syscall.EIO:    "kernel's log",
		syscall.ENOENT: "data_dir was removed",
		syscall.EXDEV:  "one file system",
	} {
		err := wrap(storage.OpPut, "k", &os.PathError{Op: "openat", Path: "k", Err: errno})
		e, ok := errors.AsType[*storage.Error](err)
		if !ok || !strings.Contains(e.Hint, want) {
			t.Errorf("%v: error is %v, want the hint %q", errno, err, want)
		}
		if e.Retryable() != (errno != syscall.EXDEV) {
			t.Errorf("%v: retryable is %t", errno, e.Retryable())
		}
		if !errors.Is(err, errno) {
			t.Errorf("%v does not wrap %v", err, errno)
		}
	}
}

func TestNew_FailsInsideAFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if b, err := New(filepath.Join(file, "data")); err == nil {
		_ = b.Close()
		t.Error("New made a directory inside a file")
	}
}

func TestGet_ServesTheWholeRangeOverHTTP(t *testing.T) {
	b := open(t, t.TempDir())
	want := strings.Repeat("0123456789", 50_000)
	if err := b.Put(t.Context(), object("k", want)); err != nil {
		t.Fatal(err)
	}
	get := http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r, err := b.Get(req.Context(), "k", 10, 400_000)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer func() { _ = r.Close() }()
		w.Header().Set("Content-Length", fmt.Sprint(400_000))
		_, _ = io.Copy(w, r.Body)
	})
	if got := serve(t, get); got != want[10:400_010] {
		t.Errorf("got %d bytes that differ from the 400000 of the range", len(got))
	}
}
