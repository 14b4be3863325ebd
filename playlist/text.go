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

	form Form
	once sync.Once
	gzip Form
}

// Form is a Text in one coding, with what a response says of it as an http.Header
// holds it.
type Form struct {
	Body []byte
	// ETag names this very body, with its quotes (RFC 9110 section 8.8.3).
	ETag []string
	// Length is Content-Length.
	Length []string
}

func newForm(body []byte, tag string) Form {
	return Form{Body: body, ETag: []string{`"` + tag + `"`}, Length: []string{strconv.Itoa(len(body))}}
}

// NewText wraps a rendered playlist, which must not be written to any more.
func NewText(plain []byte) *Text {
	return &Text{Plain: plain, form: newForm(plain, tagOf(plain))}
}

func tagOf(text []byte) string { return strconv.FormatUint(xxhash.Sum64(text), 16) }

// Form is the text as it is.
func (t *Text) Form() *Form { return &t.form }

// Gzip is the text compressed.
func (t *Text) Gzip() *Form {
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
		t.gzip = newForm(b.Bytes(), tagOf(t.Plain)+"-gz")
	})
	return &t.gzip
}
