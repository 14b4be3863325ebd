package av1

import (
	"fmt"

	mcav1 "github.com/bluenviron/mediacommon/v2/pkg/codecs/av1"
)

// OBUType is the obu_type of section 6.2.2.
type OBUType uint8

// The types that a server has to tell apart.
const (
	SequenceHeader    OBUType = 1
	TemporalDelimiter OBUType = 2
	FrameHeader       OBUType = 3
	Frame             OBUType = 6
)

// OBU is an open bitstream unit.
type OBU struct {
	Type OBUType
	// Data is the whole unit, Payload what follows its header and size.
	Data, Payload []byte
}

// The bits of an OBU's header (section 5.3.2).
const (
	hasExtension = 0x04
	hasSize      = 0x02
)

// Next returns the first OBU of b, which must have a size, and what follows. They alias b.
func Next(b []byte) (u OBU, rest []byte, err error) {
	if len(b) == 0 {
		return u, nil, fmt.Errorf("no OBU")
	}
	if b[0]&hasSize == 0 {
		return u, nil, fmt.Errorf("OBU without a size")
	}
	at := 1
	if b[0]&hasExtension != 0 {
		at++
	}
	if len(b) <= at {
		return u, nil, fmt.Errorf("need %d bytes, have %d", at+1, len(b))
	}
	var size mcav1.LEB128
	n, err := size.Unmarshal(b[at:])
	if err != nil {
		return u, nil, err
	}
	at += n
	if left := len(b) - at; uint64(size) > uint64(left) {
		return u, nil, fmt.Errorf("need %d bytes, have %d", size, left)
	}
	end := at + int(size)
	return OBU{Type: OBUType(b[0] >> 3 & 0xf), Data: b[:end:end], Payload: b[at:end]}, b[end:], nil
}

// ShownKeyFrame reports whether u begins a key frame that is shown at once, at which decoding
// can start (section 7.6.2), in a stream that is not of still pictures. A key frame that is
// shown later (a forward key frame) is none: decoding can start only where it is shown again,
// and the frames in between refer to earlier ones.
func (u *OBU) ShownKeyFrame() bool {
	if u.Type != Frame && u.Type != FrameHeader || len(u.Payload) == 0 {
		return false
	}
	// show_existing_frame, frame_type of two bits, show_frame (section 5.9.2).
	const shownKey = 0b0001
	return u.Payload[0]>>4 == shownKey
}
