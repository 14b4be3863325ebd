package catalog

import (
	"bytes"
	"compress/gzip"
	"errors"
)

// isGzip says whether the object was stored compressed (RFC 1952 section 2.3.1): no
// playlist and no JSON begins so.
func isGzip(text []byte) bool { return bytes.HasPrefix(text, []byte{0x1f, 0x8b}) }

func gunzip(text []byte, limit int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	text, err = readAll(z, limit)
	return text, errors.Join(err, z.Close())
}
