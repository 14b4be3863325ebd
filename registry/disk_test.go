package registry

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// Every write of the embedded registry is on the disk when it returns: the block files were synced
// with their present sizes.
func TestDisk_SyncsEveryWrite(t *testing.T) {
	t.Parallel()
	r := embedded(t, t.TempDir())
	run(t, r)
	waitForRecords(t, r)
	records, err := r.connected()
	if err != nil {
		t.Fatal(err)
	}
	made, err := r.CreateBroadcast(t.Context(), Broadcast{ID: "studio"})
	if err != nil {
		t.Fatal(err)
	}
	checkSynced(t, "create", records.disk)
	if _, err := records.put(t.Context(), "consumer.x", []byte("{}"), 0, 0); err != nil {
		t.Fatal(err)
	}
	checkSynced(t, "put", records.disk)
	if err := r.RemoveBroadcast(t.Context(), made.ID); err != nil {
		t.Fatal(err)
	}
	checkSynced(t, "remove", records.disk)
}

// An event is on the disk before the record says that it is published. That changes the record once
// more, at any time, so that records are checked without events.
func TestDisk_SyncsEveryEvent(t *testing.T) {
	t.Parallel()
	r := embedded(t, t.TempDir())
	r.cfg.Events = true
	run(t, r)
	waitForRecords(t, r)
	records, err := r.connected()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.CreateBroadcast(t.Context(), Broadcast{ID: "studio"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the event is published", func() bool { return len(r.catalog.noted()) == 0 })
	checkSynced(t, "event", records.events)
}

// checkSynced checks that the block files were synced with their present sizes.
func checkSynced(t *testing.T, what string, d *disk) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	names, err := filepath.Glob(filepath.Join(d.dir, "*.blk"))
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no blocks: %v", what, err)
	}
	for _, name := range names {
		now, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if synced := d.synced[name]; synced == nil || synced.Size() != now.Size() || !os.SameFile(synced, now) {
			t.Errorf("%s: %s has %d bytes, synced: %v", what, name, now.Size(), synced)
		}
	}
}

func nothing() error { return nil }

// A sync waits for a write that is about to be acknowledged, but not for ever; one that fails is not
// waited for.
func TestDisk_WaitsForWritesUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk(t.TempDir(), "s")
		if err := os.MkdirAll(d.dir, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(d.dir, "1.blk"), []byte("record\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			name         string
			took         time.Duration // by an earlier sync
			other, after time.Duration // how long the other write takes, and after how long this one returns
			err          error         // of the other write
		}{
			{"nothing is known yet", 0, time.Hour, 0, nil},
			{"it is acknowledged", time.Second, time.Millisecond, time.Millisecond, nil},
			{"it fails", time.Second, time.Millisecond, time.Millisecond, errNoBlocks},
			{"it takes longer than two syncs", time.Millisecond, time.Hour, 2 * time.Millisecond, nil},
			{"it takes longer than the bound", time.Second, time.Hour, maxGather, nil},
		} {
			d.took = c.took
			var running sync.WaitGroup
			running.Go(func() {
				err := d.write(func() error {
					time.Sleep(c.other)
					return c.err
				})
				if !errors.Is(err, c.err) {
					t.Errorf("%s: the other write: %v", c.name, err)
				}
			})
			synctest.Wait()
			began := time.Now()
			if err := d.write(nothing); err != nil || time.Since(began) != c.after {
				t.Errorf("%s: %v after %v, want %v", c.name, err, time.Since(began), c.after)
			}
			running.Wait()
		}
	})
}

// One sync serves all writes that wait for it, and only those that were made before it began.
func TestDisk_WriteReturnsWhenItsRecordIsSynced(t *testing.T) {
	dir := t.TempDir()
	d := newDisk(dir, "s")
	if err := d.write(nothing); !errors.Is(err, errNoBlocks) {
		t.Errorf("without blocks: %v", err)
	}
	if err := os.MkdirAll(d.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	block, err := os.Create(filepath.Join(d.dir, "1.blk"))
	if err != nil {
		t.Fatal(err)
	}
	defer block.Close() //nolint:errcheck // a test file
	var mu sync.Mutex
	size := int64(0)
	var running sync.WaitGroup
	for range 50 {
		running.Go(func() {
			for range 20 {
				var want int64
				if err := d.write(func() error {
					mu.Lock()
					defer mu.Unlock()
					n, err := block.WriteString("record\n")
					size += int64(n)
					want = size
					return err
				}); err != nil {
					t.Error(err)
				}
				d.mu.Lock()
				files := d.synced
				d.mu.Unlock()
				if got := files[block.Name()]; got == nil || got.Size() < want {
					t.Errorf("%d bytes were written, synced: %v", want, got)
				}
			}
		})
	}
	running.Wait()
	if err := os.WriteFile(filepath.Join(d.dir, "2.blk"), []byte("record\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(block.Name()); err != nil {
		t.Fatal(err)
	}
	if err := d.write(nothing); err != nil || len(d.synced) != 1 {
		t.Errorf("a new block: %v, synced %v", err, d.synced)
	}
}
