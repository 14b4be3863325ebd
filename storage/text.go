package storage

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
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
		o.Slabs, o.ContentEncoding = [][]byte{Gzip(o.Slabs)}, "gzip"
	}
	return c.Bucket.Put(ctx, o)
}

// Gzip returns the slabs compressed.
func Gzip(slabs [][]byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	for _, s := range slabs {
		_, _ = w.Write(s) // writes to a bytes.Buffer do not fail
	}
	_ = w.Close()
	return b.Bytes()
}

// ReadText reads a whole object of at most limit bytes. One that was stored compressed
// is unpacked, to at most limit.
func ReadText(ctx context.Context, b Bucket, key string, limit int64) ([]byte, error) {
	r, err := b.Get(ctx, key, 0, -1)
	if err != nil {
		return nil, err
	}
	text, err := readAll(r.Body, limit)
	if err == nil && isGzip(text) {
		text, err = gunzip(text, limit)
	}
	if err = errors.Join(err, r.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", key, err)
	}
	return text, nil
}

func readAll(r io.Reader, limit int64) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("it has more than %d bytes", limit)
	}
	return text, err
}

// isGzip reports whether the object was stored compressed (RFC 1952 section 2.3.1): no
// playlist and no JSON begins with these bytes.
func isGzip(text []byte) bool { return bytes.HasPrefix(text, []byte{0x1f, 0x8b}) }

func gunzip(text []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	text, err = readAll(z, limit)
	return text, errors.Join(err, z.Close())
}
