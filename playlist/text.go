package playlist

import (
	"bytes"
	"compress/gzip"
	"strconv"
	"sync"

	"github.com/cespare/xxhash/v2"
)

// Text is an immutable rendered playlist, shared by all responses. It is compressed at most
// once, on first use.
type Text struct {
	// Plain is the playlist.
	Plain []byte

	form Form
	once sync.Once
	gzip Form
}

// Form is a Text in one content coding, with its header fields as http.Header holds them.
type Form struct {
	Body []byte
	// ETag is the strong entity tag of Body, with quotes (RFC 9110 section 8.8.3).
	ETag []string
	// Length is Content-Length.
	Length []string
}

func newForm(body []byte, tag string) Form {
	return Form{Body: body, ETag: []string{`"` + tag + `"`}, Length: []string{strconv.Itoa(len(body))}}
}

// NewText returns a Text of a rendered playlist, which must not be modified any more.
func NewText(plain []byte) *Text {
	return &Text{Plain: plain, form: newForm(plain, tagOf(plain))}
}

func tagOf(text []byte) string { return strconv.FormatUint(xxhash.Sum64(text), 16) }

// Form returns the uncompressed form.
func (t *Text) Form() *Form { return &t.form }

// Gzip returns the gzip-compressed form.
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
