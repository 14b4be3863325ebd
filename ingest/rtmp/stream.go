package rtmp

import (
	"context"
	"math"
	"time"

	"golive/ingest"
)

// createStream returns the next message stream id to the peer. Streams need no state.
func (s *session) createStream(c invocation) {
	s.created++
	s.sendCommand(0, "_result", c.transaction, nil, int(s.created))
}

// handlePublish handles publish. If the connection is publishing already, the command is
// refused and the publication continues.
func (s *session) handlePublish(ctx context.Context, c invocation) error {
	app, name := s.app, unquote(c.text())
	point, err := ingest.StreamName(app, name)
	if p := s.publication; p != nil {
		stream := s.replyStream(c.stream)
		if err == nil && stream == p.stream && point == p.name {
			s.sendPublishStart(p) // a repeated command
			return nil
		}
		s.status(stream, "error", codeBadName, "this connection is publishing already")
		return nil
	}
	s.stream = s.replyStream(c.stream)
	err = s.publish(ctx, ingest.Request{
		Protocol: s.protocol,
		Remote:   s.conn.NetConn().RemoteAddr().String(),
		App:      app,
		Name:     name,
		Encoder:  s.encoder,
	}, point, c.stream == 0)
	if err != nil {
		return err
	}
	s.sendUserControl(streamBegin, s.stream)
	s.sendPublishStart(s.publication)
	return nil
}

// sendPublishStart sends NetStream.Publish.Start to the peer.
func (s *session) sendPublishStart(p *publication) {
	s.status(p.stream, "status", "NetStream.Publish.Start", "publishing "+p.ID())
}

// replyStream returns the message stream on which a command on stream is answered. 0 is the
// connection itself: an encoder that publishes there expects the answer on the stream that
// it created last.
func (s *session) replyStream(stream uint32) uint32 {
	if stream == 0 {
		return max(s.created, 1)
	}
	return stream
}

// ends reports whether the command stops the publication.
//
//   - deleteStream names a message stream in its argument (RTMP 1.0 section 7.2.2.3).
//   - closeStream closes the message stream that it is sent on. HaishinKit 1 sends it
//     on stream 0 and names the stream in an argument.
//   - FCUnpublish has the stream's name as argument.
//
// All encoders that send FCUnpublish send one of the others after it: if it has no name, or
// another one, it can be ignored.
func (s *session) ends(c invocation) bool {
	p := s.publication
	if p == nil {
		return false
	}
	switch c.name {
	case "FCUnpublish":
		name, err := ingest.StreamName(s.app, unquote(c.text()))
		return err == nil && name == p.name
	case "closeStream":
		if c.stream != 0 {
			return p.isOn(c.stream)
		}
		return p.isOn(c.streamArgument())
	case "deleteStream":
		return p.isOn(c.streamArgument())
	}
	return false
}

// streamArgument returns the message stream in the first argument, or if that is not a
// number, the one that the command was sent on.
func (c invocation) streamArgument() uint32 {
	if len(c.args) == 0 {
		return c.stream
	}
	n, ok := c.args[0].(float64)
	switch {
	case !ok:
		return c.stream
	case n != math.Trunc(n) || n < 0 || n > math.MaxUint32: // so is NaN
		return noStream
	}
	return uint32(n)
}

// noStream is an invalid message stream.
const noStream = math.MaxUint32

// isOn reports whether the publication is on the message stream. One that
// began on stream 0 is also on the stream that it is answered on.
func (p *publication) isOn(stream uint32) bool {
	return stream == p.stream || stream == 0 && p.onZero
}

// carries reports whether media on the message stream belongs to the publication. Some
// encoders send it on 0 or on a stream that they did not create; media on another stream
// that they created does not belong to it.
func (s *session) carries(stream uint32) bool {
	return stream == s.publication.stream || stream == 0 || stream > s.created
}

// stop handles a command that ends the publication. The peer may publish again on the same
// connection within HandshakeTimeout.
func (s *session) stop(c invocation) {
	if !s.ends(c) {
		return
	}
	s.unpublish(nil)
	s.conn.AwaitPublish(time.Now().Add(s.server.cfg.Limits.HandshakeTimeout))
	s.status(s.stream, "status", "NetStream.Unpublish.Success", "stopped")
}
