package storage

import (
	"bytes"
	"compress/gzip"
	"context"
)

// compressFrom is the size in bytes from which a playlist is worth the work: a
// smaller one fits a few packets, and every player and tool reads it as it is.
const compressFrom = 64 << 10

// Compress returns bucket with large playlists put as gzip, with their Content-Encoding,
// while enabled returns true: for stores that keep it. A store compresses nothing on its
// own.
func Compress(bucket Bucket, enabled func() bool) Bucket { return compressing{bucket, enabled} }

type compressing struct {
	Bucket
	enabled func() bool
}

func (c compressing) Put(ctx context.Context, o Object) error {
	if o.ContentType == PlaylistType && o.ContentEncoding == "" && o.Size() >= compressFrom && c.enabled() {
		o.Slabs, o.ContentEncoding = [][]byte{pack(o.Slabs)}, "gzip"
	}
	return c.Bucket.Put(ctx, o)
}

func pack(slabs [][]byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for _, s := range slabs {
		_, _ = w.Write(s) // writes to a bytes.Buffer do not fail
	}
	_ = w.Close()
	return b.Bytes()
}
