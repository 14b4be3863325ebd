package chunk

import "fmt"

// The message types of RTMP (RTMP 1.0 sections 5.4 and 7.1).
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

// DefaultSize is the largest chunk payload, in bytes, until a Set Chunk Size message.
const DefaultSize = 128

// Message is one RTMP message.
type Message struct {
	// Type is one of the Type constants, or another type.
	Type uint8
	// ChunkStream is the id of the chunk stream that carried it; 2 is control.
	ChunkStream uint32
	// Stream is the message stream id; 0 is the connection itself.
	Stream uint32
	// Timestamp is in milliseconds and wraps at 2^32.
	Timestamp uint32
	// Body is the payload. The caller owns it.
	Body []byte
}

// Error reports that a peer violated the chunk layer or a limit.
type Error struct {
	// Offset is the offset of the problem on the connection, in bytes.
	Offset uint64
	// Problem describes what is wrong there.
	Problem string
}

// Error returns the problem and its offset.
func (e *Error) Error() string {
	return fmt.Sprintf("%s at byte %d", e.Problem, e.Offset)
}
