package publisher

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/yutopp/go-rtmp/handshake"
	"github.com/yutopp/go-rtmp/message"
)

// controlStream is the message stream of the connection itself.
const controlStream = 0

// connect dials, does the handshake and publishes. It returns when the server has accepted
// the stream.
func connect(ctx context.Context, dial func(context.Context, string, string) (net.Conn, error), to target, name string) (*conn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, setupTimeout, errors.New("the server took too long"))
	defer cancel()
	nc, err := dial(ctx, "tcp", to.address)
	if err != nil {
		return nil, fmt.Errorf("publisher: dial: %w", err)
	}
	// Neither go-rtmp's handshake nor its reader takes a context.
	stop := context.AfterFunc(ctx, func() { _ = nc.Close() })
	c, err := open(ctx, nc, to, name)
	if !stop() && err == nil { // ctx was done just now
		c.close()
		err = context.Cause(ctx)
	}
	if err != nil {
		_ = nc.Close()
		if ctx.Err() != nil {
			return nil, fmt.Errorf("publisher: connect: %w", context.Cause(ctx))
		}
		return nil, err
	}
	return c, nil
}

func open(ctx context.Context, nc net.Conn, to target, name string) (*conn, error) {
	if err := handshake.HandshakeWithServer(nc, nc, &handshake.Config{SkipHandshakeVerification: true}); err != nil {
		return nil, fmt.Errorf("publisher: handshake: %w", err)
	}
	c := newConn(nc, name)
	// Before the first message the streamer's writer is idle, so there is no race with it.
	if err := c.chunks.SelfState().SetChunkSize(chunkSize); err != nil {
		panic("publisher: chunk size out of range: " + err.Error())
	}
	go c.read() //nolint:contextcheck // it ends with the connection
	if err := c.publish(ctx, to); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

// publish sends the commands up to publish, and waits until the server accepts it.
func (c *conn) publish(ctx context.Context, to target) error {
	if err := c.write(ctx, controlChunks, 0, controlStream, &message.SetChunkSize{ChunkSize: chunkSize}); err != nil {
		return err
	}
	if err := c.command(ctx, "connect", 1, controlStream, &message.NetConnectionConnect{
		Command: message.NetConnectionConnectCommand{
			App: to.app, Type: "nonprivate", FlashVer: "FMLE/3.0 (compatible; golive)", TCURL: to.tcURL,
		},
	}); err != nil {
		return err
	}
	if _, err := c.await(ctx, "_result", 1); err != nil {
		return err
	}
	// Not every server answers these two, and the answers are not needed.
	if err := c.command(ctx, "releaseStream", 2, controlStream, &message.NetConnectionReleaseStream{StreamName: c.name}); err != nil {
		return err
	}
	if err := c.command(ctx, "FCPublish", 3, controlStream, &message.NetStreamFCPublish{StreamName: c.name}); err != nil {
		return err
	}
	if err := c.command(ctx, "createStream", 4, controlStream, &message.NetConnectionCreateStream{}); err != nil {
		return err
	}
	created, err := c.await(ctx, "_result", 4)
	if err != nil {
		return err
	}
	id, ok := created.number(1)
	if !ok {
		return errors.New("publisher: the server's answer to createStream has no stream id")
	}
	c.stream = uint32(id)
	if err := c.command(ctx, "publish", 5, c.stream, &message.NetStreamPublish{PublishingName: c.name, PublishingType: "live"}); err != nil {
		return err
	}
	_, err = c.await(ctx, "onStatus", 0)
	return err
}

// command sends a command message.
func (c *conn) command(ctx context.Context, name string, transaction int64, stream uint32, args message.AMFConvertible) error {
	body := new(bytes.Buffer)
	if err := message.EncodeBodyAnyValues(message.NewAMFEncoder(body, message.EncodingTypeAMF0), args); err != nil {
		panic("publisher: command can't be encoded: " + err.Error())
	}
	return c.write(ctx, commandChunks, 0, stream, &message.CommandMessage{CommandName: name, TransactionID: transaction, Body: body})
}

// await waits for the answer to a command, or the server's refusal.
func (c *conn) await(ctx context.Context, name string, transaction int64) (reply, error) {
	for {
		select {
		case r := <-c.replies:
			switch {
			case r.name == "_error" && r.transaction == transaction:
				return r, r.refusal()
			case r.name != name:
			case name == "onStatus" && r.code() != "NetStream.Publish.Start":
			case name == "onStatus" || r.transaction == transaction:
				return r, nil
			}
		case <-c.done:
			return reply{}, c.err
		case <-ctx.Done():
			return reply{}, context.Cause(ctx)
		}
	}
}

// pong answers the server's ping.
func (c *conn) pong(timestamp uint32) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	// If it fails, the next write fails too.
	_ = c.tryWrite(ctx, controlChunks, 0, controlStream, &message.UserCtrl{Event: &message.UserCtrlEventPingResponse{Timestamp: timestamp}})
}
