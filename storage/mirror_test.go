package storage_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"strings"
	"testing"

	"golive/storage"
	"golive/storage/memory"
	"golive/storage/storagetest"
)

func isText(key string) bool { return !strings.HasSuffix(key, ".ts") }

func TestMirror_KeepsTheContract(t *testing.T) {
	storagetest.Test(t, func(*testing.T) storage.Bucket {
		return storage.Mirror(memory.New(), memory.New(), isText, slog.New(slog.DiscardHandler))
	})
}

func TestMirror_HasWhatABucketThatIsAwayHasNot(t *testing.T) {
	local := &faulty{Bucket: memory.New()}
	remote := broken{errAway}
	m := storage.Mirror(remote, local, isText, slog.New(slog.DiscardHandler))
	for _, key := range []string{"live/show/index.m3u8", "live/~manifests/live/show/T.json", "live/show/source/s-0.ts"} {
		if err := m.Put(t.Context(), storage.Object{Key: key, Slabs: [][]byte{[]byte("x")}}); !errors.Is(err, errAway) {
			t.Errorf("%s: %v", key, err)
		}
	}
	if local.text(t, "live/show/index.m3u8") != "x" || local.text(t, "live/~manifests/live/show/T.json") != "x" || local.text(t, "live/show/source/s-0.ts") != "" {
		t.Errorf("local did %q", local.done())
	}
	if err := m.Delete(t.Context(), "live/show/index.m3u8"); !errors.Is(err, errAway) || local.text(t, "live/show/index.m3u8") != "" {
		t.Errorf("delete: %v", err)
	}
}

func TestMirror_LocalTroubleIsOnlyTold(t *testing.T) {
	log := &lines{}
	b := memory.New()
	m := storage.Mirror(b, broken{errors.New("disk full")}, isText, slog.New(slog.NewTextHandler(log, nil)))
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
