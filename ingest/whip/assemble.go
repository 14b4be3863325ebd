package whip

import (
	"encoding/binary"

	"golive/ingest"
)

// The NAL unit types of RTP payloads (RFC 6184 section 5.2). Those of decoding order numbers and
// timestamps, 25 to 27 and 29, belong to packetization mode 2, which nobody is offered.
const (
	nalSingleLast = 23
	nalSTAPA      = 24
	nalFUA        = 28
)

// tagHeader is what precedes the NAL units of a picture in an FLV tag: package flv parses both.
const tagHeader = 5

// memoryStep is how much memory is reserved at once for a picture, in bytes. Less than that is not
// counted: most pictures are smaller.
const memoryStep = 256 << 10

// assembly is a picture with its parameter sets, or what was received of one.
type assembly struct {
	// body is that of an FLV tag, with NAL units after 4-byte lengths.
	body []byte
	// time is its RTP timestamp.
	time uint32
	// damaged is set if packets of it are missing, or cannot be read.
	damaged bool
}

// assembler makes pictures of the payloads of RTP packets (RFC 6184). A picture ends with the
// marker bit, or with another timestamp.
type assembler struct {
	// limit is the largest picture, in bytes, memory what all sessions share.
	limit  int
	memory *ingest.MessageShare

	open     bool // current was begun
	current  assembly
	fragment int  // where the length of an incomplete NAL unit is in current.body; 0 is none
	lost     bool // packets before the next one are missing
	size     int  // of the last picture: the next one is probably as large
	reserved int  // bytes of memory
}

// add takes the next packet; lost is set if packets before it are missing. It calls emit with each
// picture that is complete.
func (a *assembler) add(p arrival, lost bool, emit func(assembly) error) error {
	a.lost = a.lost || lost
	if len(p.Payload) == 0 {
		return nil // padding
	}
	if a.open && p.Timestamp != a.current.time {
		a.current.damaged = a.current.damaged || a.lost
		if err := a.flush(emit); err != nil {
			return err
		}
	}
	if !a.open {
		a.open = true
		a.current = assembly{time: p.Timestamp, body: make([]byte, tagHeader, max(2*a.size, 1500))}
		const avc, unit = 0x27, 1 // codec 7, no key frame; the NAL units tell what it is
		a.current.body[0], a.current.body[1] = avc, unit
	}
	a.current.damaged = a.current.damaged || a.lost
	a.lost = false
	if err := a.payload(p.Payload); err != nil {
		return err
	}
	if p.Marker {
		return a.flush(emit)
	}
	return nil
}

// flush ends the current picture.
func (a *assembler) flush(emit func(assembly) error) error {
	done := a.current
	done.damaged = done.damaged || a.fragment > 0
	a.open, a.current, a.fragment, a.size = false, assembly{}, 0, len(done.body)
	a.memory.Shrink(a.reserved)
	a.reserved = 0
	return emit(done)
}

// payload adds the NAL units of a payload. An error ends the session.
func (a *assembler) payload(b []byte) error {
	size := len(a.current.body) + len(b)
	if size > a.limit {
		a.current.damaged, a.current.body, a.fragment = true, a.current.body[:tagHeader], 0
		return nil
	}
	if size > a.reserved+memoryStep {
		if err := a.memory.Grow(memoryStep); err != nil {
			return err
		}
		a.reserved += memoryStep
	}
	kind := b[0] & 0x1f
	if kind != nalFUA && a.fragment > 0 {
		a.current.damaged = true
		a.dropFragment()
	}
	switch {
	case kind >= 1 && kind <= nalSingleLast:
		a.nal(b)
	case kind == nalSTAPA:
		a.aggregate(b[1:])
	case kind == nalFUA:
		a.fragmented(b)
	default:
		a.current.damaged = true
	}
	return nil
}

// nal adds a NAL unit.
func (a *assembler) nal(b []byte) {
	a.current.body = binary.BigEndian.AppendUint32(a.current.body, uint32(len(b)))
	a.current.body = append(a.current.body, b...)
}

// aggregate adds the NAL units of an aggregation packet, each after two bytes of its size (section
// 5.7.1).
func (a *assembler) aggregate(b []byte) {
	for len(b) > 2 {
		n := int(binary.BigEndian.Uint16(b))
		if n == 0 || n > len(b)-2 {
			break
		}
		a.nal(b[2 : 2+n])
		b = b[2+n:]
	}
	if len(b) > 0 {
		a.current.damaged = true
	}
}

// fragmented adds a fragment of a NAL unit (section 5.8):
//
//	+---------------+---------------+---------- -
//	|F|NRI|  28     |S|E|R|  type   | payload
//	+---------------+---------------+---------- -
func (a *assembler) fragmented(b []byte) {
	if len(b) < 3 {
		a.current.damaged = true
		return
	}
	const start, end = 0x80, 0x40
	if b[1]&start != 0 {
		if a.fragment > 0 {
			a.current.damaged = true
			a.dropFragment()
		}
		a.fragment = len(a.current.body)
		a.current.body = append(a.current.body, 0, 0, 0, 0, b[0]&0xe0|b[1]&0x1f)
	}
	if a.fragment == 0 {
		a.current.damaged = true
		return
	}
	a.current.body = append(a.current.body, b[2:]...)
	if b[1]&end != 0 {
		binary.BigEndian.PutUint32(a.current.body[a.fragment:], uint32(len(a.current.body)-a.fragment-4))
		a.fragment = 0
	}
}

// dropFragment drops an incomplete NAL unit.
func (a *assembler) dropFragment() {
	a.current.body, a.fragment = a.current.body[:a.fragment], 0
}
