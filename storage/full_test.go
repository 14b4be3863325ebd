package storage_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"golive/storage"
	"golive/storage/disk"
	"golive/storage/spool"
)

// smallDisk mounts a file system of so many bytes, or skips the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a small disk cannot be mounted: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	return dir
}

// fill leaves room for no segment on the disk, until the file is removed.
func fill(t *testing.T, dir string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(dir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = f.Write(make([]byte, 64<<10))
	}
	_ = f.Close()
	return ballast
}

func TestArchiver_GoesOnWhenAFullDiskHasSpaceAgain(t *testing.T) {
	dir := smallDisk(t, "8m")
	synctest.Test(t, func(t *testing.T) {
		b, err := disk.New(filepath.Join(dir, "media"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = b.Close() }()
		x := newIndex()
		h := newHouseOn(storage.ArchiverConfig{}, b, x)
		h.run(t)
		h.Offer("source", segment(0, 100_000))
		after(2 * time.Second)
		ballast := fill(t, dir)
		for msn := range 10 {
			h.Offer("source", segment(msn+1, 100_000))
			after(2 * time.Second)
		}
		if s := h.Status(); !strings.Contains(s.Error, "the disk is full") || s.Segments != 10 || time.Since(s.FailingSince) < 15*time.Second {
			t.Errorf("on a full disk the status is %+v", s)
		}
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		after(10 * time.Second)
		if s := h.Status(); s.Error != "" || s.Segments != 0 || s.Lost != 0 {
			t.Errorf("with space again the status is %+v", s)
		}
		if len(h.log.with("storage operations failed")) == 0 || len(h.log.with("storage recovered")) != 1 {
			t.Errorf("log is %q", h.log.all)
		}
		h.Finish()
		if err := <-h.ended; err != nil {
			t.Fatal(err)
		}
		if got := x.told(); len(got) != 11 || got[10] != "source s-10.ts" {
			t.Errorf("told %q", got)
		}
	})
}

func TestSpool_GoesOnWhenAFullDiskHasSpaceAgain(t *testing.T) {
	for name, trouble := range map[string]func(t *testing.T, dir string) (end func()){
		"full": func(t *testing.T, dir string) func() {
			ballast := fill(t, dir)
			return func() { _ = os.Remove(ballast) }
		},
		"read-only": func(t *testing.T, dir string) func() {
			if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Skip(err)
			}
			return func() { _ = syscall.Mount("", dir, "", syscall.MS_REMOUNT, "") }
		},
		"removed": func(t *testing.T, dir string) func() {
			if err := os.RemoveAll(filepath.Join(dir, "spool")); err != nil {
				t.Fatal(err)
			}
			return func() {}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := smallDisk(t, "8m")
			synctest.Test(t, func(t *testing.T) {
				s, err := spool.Open(filepath.Join(dir, "spool"), 1<<30)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				b, x := newFaulty(), newIndex()
				back := b.goAway()
				h := start(t, storage.ArchiverConfig{Spool: s}, b, x)
				end := trouble(t, dir)
				for msn := range 5 {
					h.Offer("source", segment(msn, 100_000))
					after(2 * time.Second)
				}
				if st := h.Status(); name != "removed" && (st.SpoolError == "" || st.SpoolSegments != 0 || st.Lost != 0) {
					t.Errorf("in trouble the status is %+v", st)
				}
				end()
				after(10 * time.Second)
				if st := h.Status(); st.SpoolError != "" || st.SpoolSegments != 5 || st.QueueBytes != 0 {
					t.Errorf("after it the status is %+v", st)
				}
				back()
				h.Finish()
				if err := <-h.ended; err != nil {
					t.Fatal(err)
				}
				if got := x.told(); len(got) != 5 || h.Status().Lost != 0 || s.Bytes() != 0 {
					t.Errorf("told %q, %d bytes are left", got, s.Bytes())
				}
			})
		})
	}
}
