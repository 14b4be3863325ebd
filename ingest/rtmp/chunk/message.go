package chunk

import "fmt"

// The message types that RTMP names (RTMP 1.0 sections 5.4 and 7.1).
const (
	TypeSetChunkSize     = 1
	TypeAbort            = 2
	TypeAck              = 3
	TypeUserControl      = 4
	TypeWindowAckSize    = 5
	TypeSetPeerBandwidth = 6
	TypeAudio            = 8
	TypeVideo            = 9
	TypeDataAMF3         = 15
	TypeSharedAMF3       = 16
	TypeCommandAMF3      = 17
	TypeDataAMF0         = 18
	TypeSharedAMF0       = 19
	TypeCommandAMF0      = 20
	TypeAggregate        = 22
)

// DefaultSize is the largest chunk payload, in bytes, until a Set Chunk Size
// message says otherwise.
const DefaultSize = 128

// Message is one RTMP message.
type Message struct {
	// Type is one of the Type constants, or a type that RTMP does not name.
	Type uint8
	// ChunkStream is the id of the chunk stream that carried it; 2 is control.
	ChunkStream uint32
	// Stream is the message stream id; 0 is the connection itself.
	Stream uint32
	// Timestamp is in milliseconds and wraps at 2^32.
	Timestamp uint32
	// Body is the payload. It is never written to again and belongs to the caller.
	Body []byte
}

// Error is a peer that does not speak RTMP's chunk layer, or breaks a limit.
type Error struct {
	// Offset is the number of bytes read from the connection before the fault.
	Offset uint64
	// Problem says what is wrong there.
	Problem string
}

// Error is the problem and its place.
func (e *Error) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Problem, e.Offset)
}
