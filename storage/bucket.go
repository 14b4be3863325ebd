package storage

import (
	"context"
	"io"
	"iter"
)

// PlaylistType is the Content-Type of playlists.
const PlaylistType = "application/vnd.apple.mpegurl"

// Object is an object to put into a bucket.
type Object struct {
	// Key is the object's path with slashes: "live/ID/source/PUBLICATION-7.ts".
	// It is valid for CheckKey.
	Key string
	// Slabs are the object's bytes in order. They are shared, and never written
	// to; the outer slice is the caller's again when Put has returned.
	Slabs [][]byte
	// ContentType, CacheControl and ContentEncoding are HTTP headers to keep
	// with the object where the backend can.
	ContentType, CacheControl, ContentEncoding string
	// Volatile is true if the object will soon be replaced, as a live playlist is: a loss
	// of power, but not the end of the process, may bring back an earlier version, or
	// remove it.
	Volatile bool
	// Expendable is true if nothing is lost without the object, so that after a failure it is not
	// put again.
	Expendable bool
}

// Size is the object's length in bytes.
func (o Object) Size() int64 {
	var n int64
	for _, s := range o.Slabs {
		n += int64(len(s))
	}
	return n
}

// Info describes a stored object.
type Info struct {
	Key  string
	Size int64
}

// Reader is a stored object's bytes, or a range of them. The caller closes it.
type Reader struct {
	Info
	// Body reads the requested bytes. For a file it is an *io.LimitedReader over the
	// *os.File, which net/http hands to sendfile(2).
	Body  io.Reader
	Close func() error
}

// Bucket keeps objects. Its methods may be called from many goroutines. Their
// errors are *Error; storagetest.Test is the contract in full.
type Bucket interface {
	// Put stores o whole or not at all, replacing an earlier one; when it returns
	// nil the object is durable and can be read.
	Put(ctx context.Context, o Object) error
	// Get opens length bytes of the object from offset; a length of -1 means to
	// its end. Info.Size is that of the whole object. A range that is not wholly
	// inside the object is ErrRange, an unknown key ErrNotExist.
	Get(ctx context.Context, key string, offset, length int64) (*Reader, error)
	// Delete removes the object; it is no error when there is none.
	Delete(ctx context.Context, key string) error
	// List yields the objects whose key begins with prefix, in the order of keys.
	List(ctx context.Context, prefix string) iter.Seq2[Info, error]
}
