package storage_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"

	"golive/storage"
	"golive/storage/memory"
	"golive/storage/storagetest"
)

func copying(key string) storage.Copying {
	switch {
	case strings.HasSuffix(key, ".ts"):
		return storage.CopyAfter
	case strings.HasSuffix(key, ".none"):
		return storage.NoCopy
	}
	return storage.CopyBefore
}

func TestMirror_KeepsTheContract(t *testing.T) {
	storagetest.Test(t, func(*testing.T) storage.Bucket {
		return storage.Mirror(memory.New(), memory.New(), copying, slog.New(slog.DiscardHandler))
	})
}

func TestMirror_HasWhatABucketThatIsAwayHasNot(t *testing.T) {
	local, remote := newFaulty(), newFaulty()
	m := storage.Mirror(remote, local, copying, slog.New(slog.DiscardHandler))
	put := func(key string) error {
		return m.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte("x")}})
	}
	for _, key := range []string{"a.m3u8", "a.ts", "a.none"} {
		if err := put(key); err != nil {
			t.Fatal(err)
		}
	}
	remote.goAway()
	for _, key := range []string{"b.m3u8", "b.ts", "b.none"} {
		if err := put(key); !errors.Is(err, errAway) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if got := strings.Join(local.done(), ", "); got != "put a.m3u8, put a.ts, put b.m3u8" {
		t.Errorf("local did %s", got)
	}
	if err := m.Delete(t.Context(), "b.m3u8"); !errors.Is(err, errAway) || local.text(t, "b.m3u8") != "" {
		t.Errorf("delete: %v", err)
	}
}

func TestMirror_ReadsSegmentsFromTheirCopies(t *testing.T) {
	local, remote := newFaulty(), newFaulty()
	m := storage.Mirror(remote, local, copying, slog.New(slog.DiscardHandler))
	for _, key := range []string{"a.m3u8", "a.ts"} {
		if err := m.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte("bucket")}}); err != nil {
			t.Fatal(err)
		}
		if err := local.Bucket.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte("copy")}}); err != nil {
			t.Fatal(err)
		}
	}
	read := func(key string) string {
		r, err := m.Get(t.Context(), key, 0, -1)
		if err != nil {
			return err.Error()
		}
		text, err := io.ReadAll(r.Body)
		return string(text) + fmt.Sprint(errors.Join(err, r.Close()))
	}
	if got := read("a.ts") + read("a.m3u8"); got != "copy<nil>bucket<nil>" {
		t.Errorf("read %s", got)
	}
	if err := local.Bucket.Delete(t.Context(), "a.ts"); err != nil {
		t.Fatal(err)
	}
	if got := read("a.ts"); got != "bucket<nil>" {
		t.Errorf("without a copy: %s", got)
	}
}

func TestMirror_LocalTroubleIsOnlyTold(t *testing.T) {
	log := &lines{}
	b := memory.New()
	m := storage.Mirror(b, broken{errors.New("disk full")}, copying, slog.New(slog.NewTextHandler(log, nil)))
	for range 3 {
		if err := m.Put(t.Context(), storage.Object{Key: "live/show/index.m3u8"}); err != nil {
			t.Error(err)
		}
	}
	if len(log.with("disk full")) != 1 {
		t.Errorf("log %q", log.all)
	}
}

func TestCompress_PacksLargePlaylistsOnly(t *testing.T) {
	b := &keeping{Bucket: memory.New()}
	c := storage.Compress(b)
	large := []byte(strings.Repeat("#EXTINF:2.00000,\nsource/aaaa-1.ts\n", 3000))
	for _, o := range []storage.Object{
		{Key: "small.m3u8", ContentType: storage.PlaylistType, Slabs: [][]byte{[]byte("#EXTM3U\n")}},
		{Key: "large.ts", ContentType: "video/mp2t", Slabs: [][]byte{large}},
		{Key: "large.m3u8", ContentType: storage.PlaylistType, Slabs: [][]byte{large[:1000], large[1000:]}},
	} {
		if err := c.Put(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		packed := b.last.ContentEncoding == "gzip"
		if packed != (o.Key == "large.m3u8") {
			t.Errorf("%s: encoding %q", o.Key, b.last.ContentEncoding)
		}
		if packed {
			z, err := gzip.NewReader(bytes.NewReader(bytes.Join(b.last.Slabs, nil)))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, large) || b.last.Size() > int64(len(large)/10) {
				t.Errorf("%d bytes in %d, %v", len(got), b.last.Size(), err)
			}
		}
	}
}

// keeping remembers the object that was put last.
type keeping struct {
	*memory.Bucket
	last storage.Object
}

func (k *keeping) Put(ctx context.Context, o storage.Object) error {
	k.last = o
	return k.Bucket.Put(ctx, o)
}
