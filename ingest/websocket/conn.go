package websocket

import (
	"bufio"
	"io"
	"net"
	"net/http"

	"golive/ingest/peerconn"
)

// conn is the connection below the WebSocket. The session's goroutine uses it.
//
// What the WebSocket writes is queued until it reads again, or until the end of the session: the
// session can end before its peer is told, and a peer that does not read delays nothing. The
// queue is small, because between two reads there is one buffer of input, and its answers.
type conn struct {
	net.Conn // for the addresses
	peer     *peerconn.Conn

	queue    []byte
	received uint64
	most     uint64 // of received, at which the message that is read has too many frames
	ending   bool   // nothing more is read
	err      error  // why nothing more can be read
}

// Read implements net.Conn.
func (c *conn) Read(p []byte) (int, error) {
	if c.ending {
		return 0, io.EOF
	}
	if c.err == nil {
		c.err = c.flush()
	}
	if c.err != nil {
		return 0, c.err
	}
	n, err := c.peer.Read(p)
	if c.received += uint64(n); c.received > c.most {
		n, err = 0, errFrames
	}
	c.err = err
	return n, err
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	c.queue = append(c.queue, p...)
	return len(p), nil
}

// Close implements net.Conn. The WebSocket calls it when it has read or written a close frame; the
// session closes the connection.
func (c *conn) Close() error { return nil }

// flush writes the queue.
func (c *conn) flush() error {
	if len(c.queue) == 0 {
		return nil
	}
	_, err := c.peer.Write(c.queue)
	c.queue = c.queue[:0]
	return err
}

// writeBuffer is the size of the buffer for what the WebSocket writes, in bytes: its messages are
// short.
const writeBuffer = 256

// hijacker gives the WebSocket a conn in place of the connection of a response.
type hijacker struct {
	http.ResponseWriter
	conn *conn
}

// Hijack implements http.Hijacker.
func (h hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	below, both, err := http.NewResponseController(h.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	h.conn.Conn = below
	h.conn.peer = peerconn.New(peerconn.Pausable(below))
	return h.conn, bufio.NewReadWriter(both.Reader, bufio.NewWriterSize(h.conn, writeBuffer)), nil
}
