package memory_test

import (
	"io"
	"strconv"
	"testing"

	"golive/storage"
	"golive/storage/storagetest"
	"golive/storage/storagetest/memory"
)

func TestBucket_KeepsTheContract(t *testing.T) {
	storagetest.Test(t, func(*testing.T) storage.Bucket { return memory.New() })
}

// addresses is a Writer that records the address of each write.
type addresses struct{ first []*byte }

func (a *addresses) Write(p []byte) (int, error) {
	a.first = append(a.first, &p[0])
	return len(p), nil
}

func TestBucket_SharesTheSlabs(t *testing.T) {
	b, slabs := memory.New(), [][]byte{[]byte("one"), []byte("two"), []byte("three")}
	if err := b.Put(t.Context(), storage.Object{Key: "k", Slabs: slabs}); err != nil {
		t.Fatal(err)
	}
	r, err := b.Get(t.Context(), "k", 4, 4)
	if err != nil {
		t.Fatal(err)
	}
	var w addresses
	if n, err := io.Copy(&w, r.Body); err != nil || n != 4 {
		t.Fatalf("copied %d bytes, want 4: %v", n, err)
	}
	if len(w.first) != 2 || w.first[0] != &slabs[1][1] || w.first[1] != &slabs[2][0] {
		t.Error("the writes are not of the slabs that were put, but of copies")
	}
}

func BenchmarkPut(b *testing.B) {
	bucket, o := memory.New(), storage.Object{Slabs: storagetest.Segment()}
	b.SetBytes(o.Size())
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		o.Key = "live/a/source/s-" + strconv.Itoa(i%16) + ".ts"
		if err := bucket.Put(b.Context(), o); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGet(b *testing.B) {
	bucket, o := memory.New(), storage.Object{Key: "live/a/source/s-1.ts", Slabs: storagetest.Segment()}
	if err := bucket.Put(b.Context(), o); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(o.Size())
	b.ReportAllocs()
	for b.Loop() {
		r, err := bucket.Get(b.Context(), o.Key, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
	}
}
