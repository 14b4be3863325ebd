package rtmp

import (
	"context"
	"math"
	"net/url"
	"strings"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
)

const (
	// maxCommand is the longest command or data message that is read, in bytes.
	maxCommand = 64 << 10
	// maxValues bounds the values of a command that are read: connect has about 30.
	maxValues = 500
)

// The capabilities of Enhanced RTMP that are supported: a peer may be asked to reconnect and
// send several tracks; of the extensions of the tag headers, offsets in nanoseconds are used
// and others are skipped.
const (
	capsReconnect   = 1 << 0
	capsMultitrack  = 1 << 1
	capsModEx       = 1 << 2
	capsNanoOffsets = 1 << 3
	canForward      = 1 << 2
)

// invocation is a command message.
type invocation struct {
	name        string
	transaction float64
	object      amf0.Object // the command object, usually null but for connect
	args        []any
	stream      uint32
}

// text returns the first argument if it is a string.
func (c invocation) text() string {
	if len(c.args) == 0 {
		return ""
	}
	t, _ := c.args[0].(string)
	return t
}

// parse decodes a command. It returns false, having read only the name, if the message is
// not a command that is handled. An error after the name is ignored: the values before it
// are used.
func parse(m chunk.Message) (invocation, bool) {
	c := invocation{stream: m.Stream}
	var rest []byte
	if c.name, rest = amf0.CutName(amf0Body(m)); !isNeeded(c.name) {
		return c, false
	}
	values, _ := amf0.DecodeMax(rest, maxValues)
	if len(values) > 0 {
		c.transaction, _ = values[0].(float64)
	}
	if math.IsNaN(c.transaction) || math.IsInf(c.transaction, 0) {
		c.transaction = 0
	}
	if len(values) > 1 {
		c.object, _ = values[1].(amf0.Object)
		c.args = values[2:]
	}
	return c, true
}

// isNeeded reports whether command handles the command.
func isNeeded(name string) bool {
	switch name {
	case "connect", "releaseStream", "FCPublish", "createStream", "publish",
		"FCUnpublish", "deleteStream", "closeStream", "play", "play2":
		return true
	}
	return false
}

// amf0Body returns the AMF0 values of a command or data message, or nil if it has none. In the
// AMF3 forms of both, a zero byte precedes the values, which are AMF0 too.
func amf0Body(m chunk.Message) []byte {
	body := m.Body
	if len(body) > maxCommand {
		return nil
	}
	if m.Type == chunk.TypeCommandAMF3 || m.Type == chunk.TypeDataAMF3 {
		if body[0] != 0 {
			return nil
		}
		body = body[1:]
	}
	return body
}

// command handles a command. Unknown ones are ignored: encoders send many.
func (s *session) command(ctx context.Context, m chunk.Message) error {
	c, ok := parse(m)
	if !ok {
		s.skip(ingest.SkipUnknown)
		return nil
	}
	if s.reconnectRequested {
		return s.commandAfterReconnectRequest(c)
	}
	switch c.name {
	case "connect":
		s.connect(c)
	case "releaseStream":
		s.result(c, nil)
	case "FCPublish":
		s.result(c, nil)
		s.notify("onFCPublish", "NetStream.Publish.Start", c.text())
	case "createStream":
		s.createStream(c)
	case "publish":
		return s.handlePublish(ctx, c)
	case "FCUnpublish":
		s.result(c, nil)
		s.stop(c)
		s.notify("onFCUnpublish", "NetStream.Unpublish.Success", c.text())
	case "deleteStream", "closeStream":
		s.stop(c)
	case "play", "play2":
		s.stream = s.replyStream(c.stream)
		return errPlay
	}
	return nil
}

// commandAfterReconnectRequest handles a command of a peer that was asked to reconnect. If it stops,
// the broadcast does not end: it continues at the next server.
func (s *session) commandAfterReconnectRequest(c invocation) error {
	if c.name == "publish" || s.ends(c) {
		return ingest.ErrInterrupted
	}
	s.skip(ingest.SkipUnknown)
	return nil
}

// result answers a call if the peer expects an answer.
func (s *session) result(c invocation, values ...any) {
	if c.transaction != 0 {
		s.sendCommand(0, append([]any{"_result", c.transaction, nil}, values...)...)
	}
}

// notify sends a command about a stream name, as FMLE expects it.
func (s *session) notify(command, code, name string) {
	// The name may be a secret key; the peer sent it a moment ago.
	s.sendCommand(0, command, 0, nil, amf0.Object{
		{Name: "code", Value: code},
		{Name: "description", Value: name[:min(len(name), math.MaxUint8)]},
	})
}

func (s *session) connect(c invocation) {
	s.app = unquote(c.object.String("app"))
	if s.app == "" {
		s.app = appOf(c.object)
	}
	s.encoder = ingest.CleanEncoder(c.object.String("flashVer"))
	caps, _ := c.object.Get("capsEx").(float64)
	s.canReconnect = caps >= 0 && caps <= math.MaxUint32 && uint32(caps)&capsReconnect != 0

	s.sendControl(chunk.TypeWindowAckSize, defaultWindow)
	const dynamic = 2
	s.sendControl(chunk.TypeSetPeerBandwidth, defaultWindow, dynamic)
	s.sendControl(chunk.TypeSetChunkSize, replyChunk)

	info := amf0.Object{
		{Name: "level", Value: "status"},
		{Name: "code", Value: "NetConnection.Connect.Success"},
		{Name: "description", Value: "connected"},
		{Name: "objectEncoding", Value: 0},
	}
	if c.object.Get("fourCcList") != nil || c.object.Get("videoFourCcInfoMap") != nil || c.object.Get("capsEx") != nil {
		info = append(info,
			amf0.Property{Name: "fourCcList", Value: []any{"avc1", "hvc1", "av01", "mp4a", "Opus", ".mp3"}},
			amf0.Property{Name: "videoFourCcInfoMap", Value: forwarded("avc1", "hvc1", "av01")},
			amf0.Property{Name: "audioFourCcInfoMap", Value: forwarded("mp4a", "Opus", ".mp3")},
			amf0.Property{Name: "capsEx", Value: capsReconnect | capsMultitrack | capsModEx | capsNanoOffsets},
		)
	}
	s.sendCommand(0, "_result", c.transaction, amf0.Object{
		{Name: "fmsVer", Value: "FMS/3,5,7,7009"}, // clients expect a known version
		{Name: "capabilities", Value: 31},
		{Name: "mode", Value: 1},
	}, info)
}

// forwarded returns a FourCcInfoMap of codecs that are passed on as they are.
func forwarded(codecs ...string) (info amf0.Object) {
	for _, c := range codecs {
		info = append(info, amf0.Property{Name: c, Value: canForward})
	}
	return info
}

// appOf returns the application in tcUrl, for encoders that send only that.
func appOf(object amf0.Object) string {
	address := object.String("tcUrl")
	if address == "" {
		address = object.String("tcurl")
	}
	u, err := url.Parse(unquote(address))
	if err != nil {
		return ""
	}
	return strings.Trim(u.Path, "/")
}

// unquote removes quotes that some encoders send.
func unquote(s string) string { return strings.Trim(s, `"' `) }

// data handles a data message.
func (s *session) data(m chunk.Message) {
	if s.publication == nil || !s.carries(m.Stream) {
		s.skip(ingest.SkipData)
		return
	}
	s.publication.tags.Data(amf0Body(m))
}
