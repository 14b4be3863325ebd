package storagetest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"golive/storage"
)

// testAtomic reads an object while it is replaced: each reader must see one version whole.
func testAtomic(t *testing.T, b storage.Bucket) {
	const versions = 60
	version := func(i int) string { return strings.Repeat(string(rune('a'+i%26)), 1000*(1+i%5)) }
	put(t, b, "p", version(0))
	stop := make(chan struct{})
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				r, err := b.Get(t.Context(), "p", 0, -1)
				if err != nil {
					t.Errorf("get: %v", err)
					return
				}
				got := readAll(t, r)
				if int64(len(got)) != r.Size || strings.Trim(got, got[:1]) != "" {
					t.Errorf("read %d bytes of several versions, or not the %d of Size", len(got), r.Size)
					return
				}
			}
		})
	}
	for i := range versions {
		slab := version(i)
		half := len(slab) / 2
		err := b.Put(t.Context(), storage.Object{Key: "p", Slabs: [][]byte{[]byte(slab[:half]), []byte(slab[half:])}})
		if err != nil {
			t.Errorf("put: %v", err)
		}
	}
	close(stop)
	readers.Wait()
}

// testConcurrency uses the bucket from many goroutines at once, each with keys of its own.
func testConcurrency(t *testing.T, b storage.Bucket) {
	var all sync.WaitGroup
	for g := range 16 {
		all.Go(func() {
			for i := range 8 {
				key := fmt.Sprintf("c/%d/%d", g, i)
				put(t, b, key, key)
				if got := get(t, b, key, 0, -1); got != key {
					t.Errorf("%s: got %q", key, got)
				}
				if i%2 == 0 {
					if err := b.Delete(t.Context(), key); err != nil {
						t.Errorf("delete: %v", err)
					}
				}
				for _, err := range b.List(t.Context(), fmt.Sprintf("c/%d/", (g+1)%16)) {
					if err != nil {
						t.Errorf("list: %v", err)
					}
				}
			}
		})
	}
	all.Wait()
	if got := keys(t, b, "c/"); len(got) != 16*4 {
		t.Errorf("%d objects are left, want %d", len(got), 16*4)
	}
}

// testFolderChurn makes and empties one folder from many goroutines: a backend
// that removes empty folders must not remove one that is being put into.
func testFolderChurn(t *testing.T, b storage.Bucket) {
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			key := fmt.Sprintf("f/g/h/%d", g)
			for range 25 {
				if err := b.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte(key)}}); err != nil {
					t.Errorf("put: %v", err)
					return
				}
				if got := get(t, b, key, 0, -1); got != key {
					t.Errorf("%s: got %q", key, got)
				}
				if err := b.Delete(t.Context(), key); err != nil {
					t.Errorf("delete: %v", err)
				}
			}
		})
	}
	all.Wait()
	if got := keys(t, b, ""); len(got) != 0 {
		t.Errorf("keys %q are left", got)
	}
}

func put(t *testing.T, b storage.Bucket, key, text string) {
	t.Helper()
	if err := b.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte(text)}}); err != nil {
		t.Errorf("put: %v", err)
	}
}

func get(t *testing.T, b storage.Bucket, key string, offset, length int64) string {
	t.Helper()
	r, err := b.Get(t.Context(), key, offset, length)
	if err != nil {
		t.Errorf("get: %v", err)
		return ""
	}
	return readAll(t, r)
}

func readAll(t *testing.T, r *storage.Reader) string {
	t.Helper()
	text, err := io.ReadAll(r.Body)
	if err = errors.Join(err, r.Close()); err != nil {
		t.Errorf("read %s: %v", r.Key, err)
	}
	return string(text)
}

func keys(t *testing.T, b storage.Bucket, prefix string) []string {
	t.Helper()
	var all []string
	for info, err := range b.List(t.Context(), prefix) {
		if err != nil {
			t.Errorf("list: %v", err)
			break
		}
		all = append(all, info.Key)
	}
	return all
}
