package publisher

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	rtmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
)

// The chunk streams, as OBS uses them: audio and video share one.
const (
	controlChunks = 2
	commandChunks = 3
	mediaChunks   = 4
)

const (
	// chunkSize is above nearly every message, so that most go out in one write.
	chunkSize = 64 << 10
	// setupTimeout is the time limit from the dial until publish is accepted.
	setupTimeout = 10 * time.Second
	// stallTimeout is the timeout of a write.
	stallTimeout = 10 * time.Second
	// closeTimeout is how long to wait for the server to close its side.
	closeTimeout = 3 * time.Second
)

// conn is one publishing connection. Its write methods are called by one
// goroutine; a second one reads.
type conn struct {
	net     *netConn
	chunks  *rtmp.ChunkStreamer
	name    string
	stream  uint32     // the message stream that publishes
	writing sync.Mutex // go-rtmp's streamer encodes one message at a time

	replies chan reply    // to our commands; the reader drops unexpected ones
	done    chan struct{} // closed when the reader has ended
	err     error         // why it has ended; valid once done is closed
}

// netConn is the connection as go-rtmp sees it.
type netConn struct {
	net.Conn
	readErr error // sticky; go-rtmp's errors do not tell whether reading can continue
}

func (w *netConn) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.readErr = err
	return n, err
}

func (w *netConn) Write(b []byte) (int, error) {
	if err := w.SetWriteDeadline(time.Now().Add(stallTimeout)); err != nil {
		return 0, err
	}
	return w.Conn.Write(b)
}

// lostError returns the error of a connection that failed.
func lostError(err error) error { return fmt.Errorf("publisher: connection lost: %w", err) }

// write passes a message to the chunk layer, after the previous one on the same chunk stream
// was written. If that fails it closes the connection. If the reader has closed it first,
// because the server refused the stream or sent something invalid, write returns that error.
func (c *conn) write(ctx context.Context, chunks int, timestamp uint32, stream uint32, m message.Message) error {
	err := c.tryWrite(ctx, chunks, timestamp, stream, m)
	if err == nil || ctx.Err() != nil {
		return err
	}
	_ = c.net.Close()
	<-c.done
	if c.net.readErr == nil { // the reader has ended by itself
		return c.err
	}
	if refused, ok := errors.AsType[*RefusedError](c.err); ok {
		return refused
	}
	return lostError(err)
}

// tryWrite is write without the wait for the reader's end, so that the reader can call it.
func (c *conn) tryWrite(ctx context.Context, chunks int, timestamp uint32, stream uint32, m message.Message) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	select {
	case <-c.chunks.Done(): // its writer has failed; a message would block forever
		return c.chunks.Err()
	default:
	}
	return c.chunks.Write(ctx, chunks, timestamp, &rtmp.ChunkMessage{StreamID: stream, Message: m})
}

func (c *conn) writeVideo(ctx context.Context, timestamp uint32, body io.Reader) error {
	return c.write(ctx, mediaChunks, timestamp, c.stream, &message.VideoMessage{Payload: body})
}

func (c *conn) writeAudio(ctx context.Context, timestamp uint32, body io.Reader) error {
	return c.write(ctx, mediaChunks, timestamp, c.stream, &message.AudioMessage{Payload: body})
}

// writeMetadata sends the body of an onMetaData tag, wrapped as encoders do.
func (c *conn) writeMetadata(ctx context.Context, body []byte) error {
	return c.write(ctx, mediaChunks, 0, c.stream, &message.DataMessage{Name: "@setDataFrame", Body: bytes.NewReader(body)})
}

// unpublish ends the stream cleanly. If the connection supports CloseWrite, it waits until
// the server closes its side.
func (c *conn) unpublish(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	if err := c.flush(ctx, mediaChunks); err != nil {
		return err
	}
	if err := c.command(ctx, "FCUnpublish", 6, controlStream, &message.NetStreamFCUnpublish{StreamName: c.name}); err != nil {
		return err
	}
	if err := c.command(ctx, "deleteStream", 7, controlStream, &message.NetStreamDeleteStream{StreamID: c.stream}); err != nil {
		return err
	}
	if err := c.flush(ctx, commandChunks); err != nil {
		return err
	}
	half, ok := c.net.Conn.(interface{ CloseWrite() error })
	if !ok {
		return nil
	}
	if err := half.CloseWrite(); err != nil {
		return lostError(err)
	}
	select {
	case <-c.done:
	case <-ctx.Done(): // the server did not close; close below
	}
	return nil
}

// flush waits until all messages of a chunk stream are written. The chunk stream cannot be
// used after it.
func (c *conn) flush(ctx context.Context, chunks int) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	if _, err := c.chunks.NewChunkWriter(ctx, chunks); err != nil {
		return lostError(err)
	}
	return nil
}

// close ends the connection and waits for its goroutines.
func (c *conn) close() {
	_ = c.net.Close() // so that neither goroutine blocks in it
	_ = c.chunks.Close()
	<-c.chunks.Done()
	<-c.done
}

func newConn(nc net.Conn, name string) *conn {
	w := &netConn{Conn: nc}
	return &conn{
		net:     w,
		chunks:  rtmp.NewChunkStreamer(bufio.NewReader(w), bufio.NewWriterSize(w, chunkSize+64), nil),
		name:    name,
		replies: make(chan reply, 8),
		done:    make(chan struct{}),
	}
}
