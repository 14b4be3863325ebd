package rtmp

import (
	"context"
	"math"
	"time"

	"golive/ingest"
)

// createStream gives the peer the next message stream. Streams are numbers and cost
// nothing.
func (s *session) createStream(c invocation) {
	s.created++
	s.sendCommand(0, "_result", c.transaction, nil, int(s.created))
}

// wantPublish publishes on the message stream that the command was sent on. While
// another publication of the connection goes on it is refused, and that one is left
// alone.
func (s *session) wantPublish(ctx context.Context, c invocation) error {
	app, name := s.app, unquote(c.text())
	point, err := ingest.StreamName(app, name)
	if p := s.publication; p != nil {
		stream := s.answersOn(c.stream)
		if err == nil && stream == p.stream && point == p.name {
			s.publishing(p) // asked for again
			return nil
		}
		s.status(stream, "error", codeBadName, "this connection is publishing already")
		return nil
	}
	s.stream = s.answersOn(c.stream)
	err = s.publish(ctx, ingest.Request{
		Protocol: s.protocol,
		Remote:   s.link.conn.RemoteAddr().String(),
		App:      app,
		Name:     name,
		Encoder:  s.encoder,
	}, point, c.stream == 0)
	if err != nil {
		return err
	}
	s.sendUserControl(streamBegin, s.stream)
	s.publishing(s.publication)
	return nil
}

// publishing tells the peer that it publishes.
func (s *session) publishing(p *publication) {
	s.status(p.stream, "status", "NetStream.Publish.Start", "publishing "+p.ID())
}

// answersOn returns the message stream that a command on stream is answered on. 0 is
// the connection itself: an encoder that publishes there listens on the stream it
// created last.
func (s *session) answersOn(stream uint32) uint32 {
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
//   - FCUnpublish names the stream's name.
//
// All encoders that send FCUnpublish send one of the others after it: where it names
// nothing, or something else, it can be ignored.
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

// streamArgument is the message stream that the first argument names; without a number
// there, the one that the command was sent on.
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

// noStream is a message stream that nobody publishes on.
const noStream = math.MaxUint32

// isOn reports whether the publication is on the message stream. One that began on
// stream 0 is on the stream that it is answered on, too.
func (p *publication) isOn(stream uint32) bool {
	return stream == p.stream || stream == 0 && p.onZero
}

// carries reports whether media on the message stream belongs to the publication: some
// encoders send it on 0, or on a stream that they never created, but what is sent on
// another stream that they did create is another stream's.
func (s *session) carries(stream uint32) bool {
	return stream == s.publication.stream || stream == 0 || stream > s.created
}

// stop obeys the publisher's own end of its publication. It may publish again on the
// same connection, in the time that a new one has.
func (s *session) stop(c invocation) {
	if !s.ends(c) {
		return
	}
	s.unpublish(nil)
	s.link.expect(time.Now().Add(s.server.cfg.Limits.HandshakeTimeout))
	s.status(s.stream, "status", "NetStream.Unpublish.Success", "stopped")
}
