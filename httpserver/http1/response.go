package http1

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	// gatherBytes is how many bytes of a response, with its head, are copied together, so
	// that they are sent at once.
	gatherBytes = 8 << 10
	// writeTime is how long a response may take from its head on. Its media stays in memory
	// meanwhile, even if it has left the playlist.
	writeTime = 2 * time.Minute
	// unknownLength is the length of a body for which the handler sets no Content-Length.
	unknownLength = -1
)

// response is a connection's http.ResponseWriter, which is reused for each of its
// requests.
type response struct {
	conn   *conn
	header http.Header
	buffer *[]byte     // borrowed while there is something to gather
	out    []byte      // what is gathered and not sent yet
	pieces net.Buffers // reused

	head       bool // the answer to a HEAD
	status     int  // 0 until it is known
	length     int64
	body       int64 // bytes that the handler wrote
	begun      bool  // the head is in out, or was sent
	closeAfter bool  // the connection closes after the response
	err        error
}

// reset begins the answer to the next request.
func (w *response) reset(head bool) {
	clear(w.header)
	w.head = head
	w.status, w.length, w.body, w.begun, w.closeAfter, w.err = 0, unknownLength, 0, false, false, nil
}

// Header implements http.ResponseWriter.
func (w *response) Header() http.Header { return w.header }

// WriteHeader implements http.ResponseWriter.
func (w *response) WriteHeader(status int) {
	if w.status != 0 || status < 200 {
		return
	}
	w.status = status
	if v := w.header["Content-Length"]; len(v) > 0 {
		if n, err := strconv.ParseInt(v[0], 10, 64); err == nil && n >= 0 {
			w.length = n
		}
	}
	if w.bodiless() || w.length != unknownLength {
		w.begin()
	}
}

// bodiless reports whether the status allows no body (RFC 9110 section 6.4.1).
func (w *response) bodiless() bool {
	return w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

// borrow gets a buffer when the first byte is to be gathered: most requests wait for
// their media before that.
func (w *response) borrow() {
	if w.buffer == nil {
		w.buffer, _ = w.conn.listener.buffers.Get().(*[]byte)
		w.out = (*w.buffer)[:0]
	}
}

// begin writes the head.
func (w *response) begin() {
	w.begun = true
	w.borrow()
	_ = w.conn.raw.SetWriteDeadline(time.Now().Add(writeTime)) // a broken connection fails at the next write
	if w.length == unknownLength && !w.bodiless() && !w.head {
		w.closeAfter = true // the end of the connection is that of the body
	}
	b := w.out
	b = append(b, "HTTP/1.1 "...)
	b = strconv.AppendInt(b, int64(w.status), 10)
	b = append(append(append(b, ' '), http.StatusText(w.status)...), crlf...)
	for name, values := range w.header {
		for _, v := range values {
			b = append(append(b, name...), ": "...)
			if strings.IndexByte(v, '\r') >= 0 || strings.IndexByte(v, '\n') >= 0 {
				v = "" // no line break in a value
			}
			b = append(append(b, v...), crlf...)
		}
	}
	b = append(append(append(b, "Date: "...), w.conn.listener.date.now()...), crlf...)
	if w.closeAfter = w.closeAfter || w.conn.listener.closing.Load(); w.closeAfter {
		b = append(b, "Connection: close\r\n"...)
	}
	b = append(b, crlf...)
	w.out = b
}

// Write implements http.ResponseWriter.
func (w *response) Write(p []byte) (int, error) {
	n, err := w.WritePieces([][]byte{p})
	return int(n), err
}

// WritePieces writes all pieces, which are copied only where they are small.
func (w *response) WritePieces(pieces [][]byte) (n int64, err error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	for _, p := range pieces {
		n += int64(len(p))
	}
	w.body += n
	switch {
	case w.head || w.bodiless():
		return n, nil
	case w.length != unknownLength && w.body > w.length:
		return 0, http.ErrContentLength
	case w.err != nil:
		return 0, w.err
	}
	w.borrow()
	if int64(len(w.out))+n <= int64(cap(w.out)) {
		for _, p := range pieces {
			w.out = append(w.out, p...)
		}
		return n, nil
	}
	if !w.begun {
		w.out = w.headBefore(w.out)
	}
	gathered := int64(len(w.out))
	w.pieces = append(append(w.pieces[:0], w.out), pieces...)
	n, w.err = w.conn.writePieces(w.pieces)
	clear(w.pieces[:cap(w.pieces)]) // so that the slabs can be collected
	w.out = w.out[:0]
	return max(n-gathered, 0), w.err
}

// headBefore puts the head before a body that was gathered without one.
func (w *response) headBefore(body []byte) []byte {
	w.out = nil
	w.begin()
	return append(w.out, body...)
}

// Flush implements http.Flusher.
func (w *response) Flush() {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.begun {
		w.out = w.headBefore(w.out)
	}
	if len(w.out) > 0 && w.err == nil {
		_, w.err = w.conn.stream.Write(w.out)
		w.out = w.out[:0]
	}
}

// finish sends what was not sent yet, and returns false if the connection must end.
func (w *response) finish() bool {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.begun && (w.body > 0 || !w.head) { // the handler may not have counted for a HEAD
		w.length = w.body
		w.header["Content-Length"] = []string{strconv.FormatInt(w.body, 10)}
	}
	w.Flush()
	w.conn.listener.buffers.Put(w.buffer)
	w.buffer, w.out = nil, nil
	complete := w.head || w.bodiless() || w.body == w.length
	return complete && w.err == nil && !w.closeAfter
}
