package origin

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golive/httpserver"
	"golive/media"
	"golive/playlist"
)

// Header values, shared by all responses: net/http does not write to them.
//
//nolint:gochecknoglobals // read-only; a header map wants slices
var (
	anyOrigin    = []string{"*"}
	noSniff      = []string{"nosniff"}
	playlistType = []string{"application/vnd.apple.mpegurl"}
	tsType       = []string{"video/mp2t"}
	mp4Type      = []string{"video/mp4"}
	jpegType     = []string{"image/jpeg"}
	vttType      = []string{"text/vtt; charset=utf-8"}
	bytesUnit    = []string{"bytes"}
	gzipEncoding = []string{"gzip"}
	varyEncoding = []string{"Accept-Encoding"}
	exposed      = []string{"Content-Length, Content-Range, Date, ETag"}
	cacheNothing = []string{"no-store"}
	cacheBriefly = []string{"public, max-age=1"}
	cacheBlocked = []string{"public, max-age=12"}
	cacheReplay  = []string{"public, max-age=3600"}
	cachePoster  = []string{"public, max-age=10"}
	cacheForever = []string{"public, max-age=31536000, immutable"}
	// cacheProtected is for what is kept longer where everybody may have it: a cache must ask
	// again whether the token in the address still counts.
	cacheProtected = []string{"public, max-age=60"}
)

// errWritten reports a response that failed after its header was written: the client left.
var errWritten = errors.New("response was cut off")

// sent is what was sent of a response.
type sent struct {
	status int
	bytes  int64 // of the body
}

// writeText sends a text, compressed if the client accepts that.
func writeText(w http.ResponseWriter, r *http.Request, text *playlist.Text, contentType, cache []string) (sent, error) {
	header := w.Header()
	header["Vary"] = varyEncoding
	form := text.Form()
	if httpserver.AcceptsGzip(r.Header["Accept-Encoding"]) {
		form = text.Gzip()
		header["Content-Encoding"] = gzipEncoding
	}
	return writeForm(w, r, form, contentType, cache)
}

// writeForm sends what may change under its address.
func writeForm(w http.ResponseWriter, r *http.Request, form *playlist.Form, contentType, cache []string) (sent, error) {
	header := w.Header()
	header["Content-Type"] = contentType
	header["Cache-Control"] = cache
	header["Access-Control-Expose-Headers"] = exposed
	header["Etag"] = form.ETag
	if matches(r.Header["If-None-Match"], form.ETag[0]) {
		delete(header, "Content-Encoding")
		w.WriteHeader(http.StatusNotModified)
		return sent{status: http.StatusNotModified}, nil
	}
	header["Content-Length"] = form.Length
	return writeBody(w, r, [][]byte{form.Body}, http.StatusOK)
}

// writeSlabs sends a segment or part from memory.
func writeSlabs(w http.ResponseWriter, r *http.Request, m playlist.Media, name string, cache []string) (sent, error) {
	from, length, status, err := segmentHeader(w, r, name, m.Size, cache)
	if err != nil || status == http.StatusNotModified {
		return sent{status: status}, err
	}
	return writeBody(w, r, cut(m.Slabs, from, length), status)
}

// segmentHeader sets the headers of an immutable resource, and returns the range that is
// requested.
func segmentHeader(w http.ResponseWriter, r *http.Request, name string, size int64, cache []string) (from, length int64, status int, err error) {
	header := w.Header()
	header["Access-Control-Expose-Headers"] = exposed
	tag := `"` + name + `"`
	from, length, status = 0, size, http.StatusOK
	if v := r.Header["Range"]; len(v) == 1 && rangeApplies(r.Header["If-Range"], tag) {
		var partial bool
		if from, length, partial, err = parseRange(v[0], size); err != nil {
			header.Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
			return 0, 0, 0, err
		}
		if partial {
			status = http.StatusPartialContent
			header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, from+length-1, size))
		}
	}
	header["Content-Type"] = mp4Type
	if strings.HasSuffix(name, media.MPEGTS.Extension()) {
		header["Content-Type"] = tsType
	}
	header["Cache-Control"] = cache
	header["Accept-Ranges"] = bytesUnit
	header["Etag"] = []string{tag}
	if matches(r.Header["If-None-Match"], tag) {
		delete(header, "Content-Range")
		w.WriteHeader(http.StatusNotModified)
		return 0, 0, http.StatusNotModified, nil
	}
	header["Content-Length"] = []string{strconv.FormatInt(length, 10)}
	return from, length, status, nil
}

func clearHeader(w http.ResponseWriter) {
	for _, k := range []string{"Content-Type", "Cache-Control", "Accept-Ranges", "Etag", "Content-Length", "Content-Range"} {
		delete(w.Header(), k)
	}
}

// writeBody writes slabs, whose length is in the header.
func writeBody(w http.ResponseWriter, r *http.Request, slabs [][]byte, status int) (sent, error) {
	w.WriteHeader(status)
	out := sent{status: status}
	if r.Method == http.MethodHead {
		return out, nil
	}
	var err error
	if out.bytes, err = writePieces(w, slabs); err != nil {
		err = fmt.Errorf("%w: %w", errWritten, err)
	}
	return out, err
}

// writePieces writes all pieces, together where the ResponseWriter can.
func writePieces(w http.ResponseWriter, pieces [][]byte) (total int64, err error) {
	if all, ok := w.(interface {
		WritePieces(pieces [][]byte) (int64, error)
	}); ok {
		return all.WritePieces(pieces)
	}
	for _, b := range pieces {
		n, err := w.Write(b)
		total += int64(n)
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// cut returns the range [from, from+length) of the slabs.
func cut(slabs [][]byte, from, length int64) [][]byte {
	out := make([][]byte, 0, len(slabs))
	for _, b := range slabs {
		if n := int64(len(b)); from >= n {
			from -= n
			continue
		}
		b = b[from:]
		from = 0
		if int64(len(b)) >= length {
			return append(out, b[:length])
		}
		out = append(out, b)
		length -= int64(len(b))
	}
	return out
}

// matches implements the weak comparison of If-None-Match (RFC 9110 section 13.1.2).
func matches(values []string, tag string) bool {
	for _, v := range values {
		for candidate := range strings.SplitSeq(v, ",") {
			candidate = strings.TrimPrefix(strings.TrimSpace(candidate), "W/")
			if candidate == tag || candidate == "*" {
				return true
			}
		}
	}
	return false
}

// rangeApplies implements If-Range: a range of another version would be useless.
func rangeApplies(values []string, tag string) bool {
	return len(values) == 0 || values[0] == tag
}

// parseRange reads a Range of one run of bytes (RFC 9110 section 14.1.2). Several
// ranges, another unit, or what is not a range mean the whole.
func parseRange(v string, size int64) (from, length int64, partial bool, err error) {
	unit, spec, ok := strings.Cut(v, "=")
	first, last, found := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !found || !strings.EqualFold(unit, "bytes") {
		return 0, size, false, nil
	}
	from, fromOK := parseOffset(first)
	to, toOK := parseOffset(last)
	switch {
	case first == "" && toOK: // the last so many bytes
		if to == 0 || size == 0 {
			return 0, 0, false, errRange
		}
		length = min(to, size)
		return size - length, length, true, nil
	case !fromOK, last != "" && (!toOK || lessDigits(last, first)):
		return 0, size, false, nil
	case from >= size:
		return 0, 0, false, errRange
	case last == "":
		return from, size - from, true, nil
	}
	return from, min(to, size-1) - from + 1, true, nil
}

// parseOffset reads a number of any length; one that is too large is math.MaxInt64.
func parseOffset(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil || errors.Is(err, strconv.ErrRange)
}

// lessDigits reports whether the number a is less than b, both of digits only.
func lessDigits(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	return len(a) < len(b) || len(a) == len(b) && a < b
}
