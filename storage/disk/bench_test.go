package disk

import (
	"io"
	"os"
	"strconv"
	"sync/atomic"
	"testing"

	"golive/storage"
	"golive/storage/storagetest"
)

// BenchmarkPut measures what durability costs: a synced Put waits for the disk
// twice, for the file and for its directory.
func BenchmarkPut(b *testing.B) {
	for _, c := range []struct {
		name string
		sync func(*os.File) error
	}{
		{"synced", (*os.File).Sync},
		{"unsynced", func(*os.File) error { return nil }},
	} {
		b.Run(c.name, func(b *testing.B) {
			bucket := open(b, b.TempDir())
			bucket.sync = c.sync
			o := storage.Object{Slabs: storagetest.Segment()}
			b.SetBytes(o.Size())
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				o.Key = "live/a/source/s-" + strconv.Itoa(i%16) + ".ts"
				if err := bucket.Put(b.Context(), o); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPut_100Streams puts from 100 goroutines, each into its own directory,
// as 100 broadcasts do; they make 50 segments a second.
func BenchmarkPut_100Streams(b *testing.B) {
	bucket := open(b, b.TempDir())
	slabs := storagetest.Segment()
	b.SetBytes(storage.Object{Slabs: slabs}.Size())
	b.ReportAllocs()
	b.SetParallelism(50)
	var stream atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		dir := "live/" + strconv.FormatInt(stream.Add(1), 10) + "/source/s-"
		for i := 0; pb.Next(); i++ {
			o := storage.Object{Key: dir + strconv.Itoa(i%16) + ".ts", Slabs: slabs}
			if err := bucket.Put(b.Context(), o); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkGet(b *testing.B) {
	bucket, o := open(b, b.TempDir()), storage.Object{Key: "live/a/source/s-1.ts", Slabs: storagetest.Segment()}
	if err := bucket.Put(b.Context(), o); err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 256<<10)
	b.SetBytes(o.Size())
	b.ReportAllocs()
	for b.Loop() {
		r, err := bucket.Get(b.Context(), o.Key, 0, -1)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r.Body, buf); err != nil {
			b.Fatal(err)
		}
		_ = r.Close()
	}
}
