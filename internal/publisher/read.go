package publisher

import (
	"fmt"
	"io"

	"github.com/yutopp/go-amf0"
	rtmp "github.com/yutopp/go-rtmp"
	"github.com/yutopp/go-rtmp/message"
)

// maxArgs bounds the arguments that are read of a command; none has that many.
const maxArgs = 8

// reply is a command from the server.
type reply struct {
	name        string // "_result", "_error" or "onStatus"
	transaction int64
	args        []any
}

// number returns an argument that must be a number.
func (r reply) number(i int) (float64, bool) {
	if i >= len(r.args) {
		return 0, false
	}
	n, ok := r.args[i].(float64)
	return n, ok
}

// info returns a field of the information object, the last argument.
func (r reply) info(field string) string {
	if len(r.args) == 0 {
		return ""
	}
	var v any
	switch o := r.args[len(r.args)-1].(type) {
	case map[string]any:
		v = o[field]
	case amf0.ECMAArray:
		v = o[field]
	}
	s, _ := v.(string)
	return s
}

func (r reply) code() string { return r.info("code") }

func (r reply) refusal() *RefusedError {
	e := &RefusedError{Code: r.code(), Description: r.info("description")}
	if e.Code == "" {
		e.Code = r.name
	}
	return e
}

// read handles the server's messages until the connection ends, and sets c.err to the reason.
func (c *conn) read() {
	defer close(c.done)
	// go-rtmp panics on some invalid input.
	defer func() {
		if p := recover(); p != nil {
			c.err = fmt.Errorf("publisher: go-rtmp cannot read the server's message: %v", p)
			_ = c.net.Close()
		}
	}()
	for {
		var m rtmp.ChunkMessage
		if _, _, err := c.chunks.Read(&m); err != nil {
			if c.net.readErr != nil {
				c.err = lostError(c.net.readErr)
				return
			}
			continue // a message of a type that go-rtmp does not decode
		}
		if err := c.handle(m.Message); err != nil {
			c.err = err
			return
		}
	}
}

// handle handles one message. An error ends the connection.
func (c *conn) handle(m message.Message) error {
	switch m := m.(type) {
	case *message.SetChunkSize:
		if err := c.chunks.PeerState().SetChunkSize(m.ChunkSize); err != nil {
			return fmt.Errorf("publisher: set the server's chunk size: %w", err)
		}
	case *message.UserCtrl:
		if ping, ok := m.Event.(*message.UserCtrlEventPingRequest); ok {
			c.pong(ping.Timestamp)
		}
	case *message.CommandMessage:
		r := reply{name: m.CommandName, transaction: m.TransactionID, args: arguments(m.Body)}
		if r.name == "onStatus" && r.info("level") == "error" {
			return r.refusal()
		}
		select {
		case c.replies <- r:
		default:
		}
	}
	return nil
}

// arguments decodes the rest of a command, up to a value that cannot be decoded.
func arguments(body io.Reader) []any {
	d := message.NewAMFDecoder(body, message.EncodingTypeAMF0)
	var args []any
	for len(args) < maxArgs {
		var v any
		if err := d.Decode(&v); err != nil {
			break
		}
		args = append(args, v)
	}
	return args
}
