package catalog

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
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

// readHead is the first headSize bytes of a playlist, or all there are, unpacked.
func readHead(r io.Reader) ([]byte, error) {
	b := bufio.NewReader(r)
	begin, err := b.Peek(2)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	var body io.Reader = b
	if isGzip(begin) {
		if body, err = gzip.NewReader(b); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(body, headSize))
}
