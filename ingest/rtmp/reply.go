package rtmp

import (
	"encoding/binary"
	"time"

	"golive/container/amf0"
	"golive/ingest"
	"golive/ingest/rtmp/chunk"
)

const (
	// defaultWindow is the acknowledgement window, in bytes: the peer's until it sets one,
	// and the server's.
	defaultWindow = 2_500_000
	// minWindow prevents a peer from having every packet acknowledged.
	minWindow = 64 << 10
	// replyChunk is the chunk size of replies: none is longer.
	replyChunk = 64 << 10
)

// The chunk streams that replies go out on.
const (
	controlStream = 2
	commandStream = 3
)

// The user control events that are sent.
const (
	streamBegin  = 0
	pingRequest  = 6
	pingResponse = 7
)

// send queues a message for flush.
func (s *session) send(m chunk.Message) {
	s.reply = chunk.Append(s.reply, m, replyChunk)
}

func (s *session) sendControl(kind uint8, v uint32, more ...byte) {
	body := append(binary.BigEndian.AppendUint32(nil, v), more...)
	s.send(chunk.Message{Type: kind, ChunkStream: controlStream, Body: body})
}

// sendAck acknowledges the number of received bytes, which wraps at 2^32.
func (s *session) sendAck(received uint64) {
	s.sendControl(chunk.TypeAck, uint32(received))
}

func (s *session) sendUserControl(event uint16, v uint32) {
	body := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint16(nil, event), v)
	s.send(chunk.Message{Type: chunk.TypeUserControl, ChunkStream: controlStream, Body: body})
}

// ping pings a silent peer: it keeps the connection open and detects a dead one sooner.
func (s *session) ping() error {
	s.sendUserControl(pingRequest, uint32(time.Since(s.publication.started).Milliseconds()))
	return s.flush()
}

func (s *session) sendCommand(stream uint32, values ...any) {
	s.send(chunk.Message{Type: chunk.TypeCommandAMF0, ChunkStream: commandStream, Stream: stream, Body: amf0.Append(nil, values...)})
}

// status sends an onStatus on the message stream.
func (s *session) status(stream uint32, level, code, description string) {
	s.sendCommand(stream, "onStatus", 0, nil, amf0.Object{
		{Name: "level", Value: level},
		{Name: "code", Value: code},
		{Name: "description", Value: description},
	})
}

// sendReconnectRequest asks the peer to reconnect to the same address.
func (s *session) sendReconnectRequest() {
	s.sendCommand(0, "onStatus", 0, nil, amf0.Object{
		{Name: "level", Value: "status"},
		{Name: "code", Value: "NetConnection.Connect.ReconnectRequest"},
		{Name: "description", Value: ingest.ErrClosing.Error()},
	})
}

// setWindow sets the peer's acknowledgement window (RTMP 1.0 section 5.4.4).
func (s *session) setWindow(body []byte) {
	if len(body) >= 4 {
		s.window = max(uint64(binary.BigEndian.Uint32(body)), minWindow)
	}
}
