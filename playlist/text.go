package playlist

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// Text is a rendered playlist: immutable, shared by every response. Compressed
// at most once, on the first demand.
type Text struct {
	// Plain is the playlist.
	Plain []byte
	// ETag names this very text, with its quotes (RFC 9110 section 8.8.3).
	ETag string

	once sync.Once
	gzip []byte
}

// NewText wraps a rendered playlist, which must not be written to any more.
func NewText(plain []byte) *Text {
	return &Text{Plain: plain, ETag: `"` + strconv.FormatUint(xxhash.Sum64(plain), 16) + `"`}
}

// Gzip is the text compressed.
func (t *Text) Gzip() []byte {
	t.once.Do(func() {
		var b bytes.Buffer
		b.Grow(len(t.Plain) / 4)
		// Level 5 halves the time of 6 for the same size on playlists.
		w, err := gzip.NewWriterLevel(&b, 5)
		if err != nil {
			panic("playlist: gzip level: " + err.Error())
		}
		// Writes to a bytes.Buffer do not fail.
		_, _ = w.Write(t.Plain)
		_ = w.Close()
		t.gzip = b.Bytes()
	})
	return t.gzip
}
