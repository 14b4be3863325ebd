package websocket

import (
	"errors"
	"fmt"

	"golive/container/flv"
)

// tagHeader is the size of the header of a tag, in bytes.
const tagHeader = 11

// errNoTag reports that a message is no FLV tag.
var errNoTag = errors.New("a message is not an FLV tag")

// header is the header of an FLV tag.
type header struct {
	kind      uint8  // flv.TagVideo, flv.TagAudio or flv.TagScript
	size      int    // of the body, in bytes
	timestamp uint32 // milliseconds
}

// parseHeader reads the header of a tag (FLV 10.1, section E.4.1).
//
//	+------+------+-----------+----------+-----------+
//	| type | size | timestamp | its high | stream id |
//	|  1   |  3   |     3     | byte, 1  |   3, zero |
//	+------+------+-----------+----------+-----------+
func parseHeader(b [tagHeader]byte) (header, error) {
	h := header{
		kind:      b[0],
		size:      int(b[1])<<16 | int(b[2])<<8 | int(b[3]),
		timestamp: uint32(b[7])<<24 | uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6]),
	}
	switch h.kind {
	case flv.TagVideo, flv.TagAudio, flv.TagScript:
	default:
		return h, fmt.Errorf("%w: it has type %d, want 8, 9 or 18", errNoTag, h.kind)
	}
	if id := int(b[8])<<16 | int(b[9])<<8 | int(b[10]); id != 0 {
		return h, fmt.Errorf("%w: it has stream id %d, want 0", errNoTag, id)
	}
	return h, nil
}
