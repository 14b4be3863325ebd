package flv

import (
	"encoding/binary"
	"math/bits"
	"time"

	"golive/media"
)

// The packet types of the enhanced audio and video headers (Enhanced RTMP v2,
// "ExVideoTagHeader" and "ExAudioTagHeader"). Those with Video or Audio in their name are
// for one of them only.
const (
	exSequenceStart   = 0
	exCodedFrames     = 1
	exSequenceEnd     = 2
	exModEx           = 7
	exVideoFramesX    = 3
	exVideoMetadata   = 4
	exVideoTSStart    = 5
	exVideoMultitrack = 6
	exAudioChannels   = 4
	exAudioMultitrack = 5
)

// modExNanoseconds is the ModEx type whose data is TimestampOffsetNano: nanoseconds, less
// than a millisecond, to add to the presentation time.
const modExNanoseconds = 0

// The multitrack types.
const (
	oneTrack             = 0
	manyTracks           = 1
	manyTracksManyCodecs = 2
)

// exPacket is one track's packet in an enhanced body.
type exPacket struct {
	kind  byte // the packet type, never ModEx or Multitrack
	track byte // the track's id; 0 outside multitrack bodies
	codec fourCC
	data  []byte
	at    int // offset of data in the body
	// offset is to be added to the presentation time (ModEx).
	offset media.Ticks
}

// trackSet is the set of track ids that were seen.
type trackSet [4]uint64

func (s *trackSet) add(id byte) { s[id/64] |= 1 << (id % 64) }

func (s *trackSet) count() int {
	n := 0
	for _, w := range s {
		n += bits.OnesCount64(w)
	}
	return n
}

// exCursor reads an enhanced header. After the first read beyond the end every read
// returns 0 and short stays set.
type exCursor struct {
	b     []byte
	at    int
	short bool
}

func (c *exCursor) take(n int) []byte {
	if c.short || len(c.b)-c.at < n {
		c.short = true
		return nil
	}
	c.at += n
	return c.b[c.at-n : c.at]
}

func (c *exCursor) u8() byte {
	if b := c.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (c *exCursor) u16() int {
	if b := c.take(2); b != nil {
		return int(binary.BigEndian.Uint16(b))
	}
	return 0
}

func (c *exCursor) u24() int {
	if b := c.take(3); b != nil {
		return int(b[0])<<16 | int(b[1])<<8 | int(b[2])
	}
	return 0
}

func (c *exCursor) fourCC() (f fourCC) {
	copy(f[:], c.take(4))
	return f
}

// modEx reads the ModEx packets before the packet proper, and returns the type of that
// packet and the offset of the presentation time. Unknown ModEx types are skipped.
func (c *exCursor) modEx(kind byte) (packet byte, offset media.Ticks) {
	for kind == exModEx && !c.short {
		size := int(c.u8()) + 1
		if size == 256 {
			size = c.u16() + 1
		}
		data := c.take(size)
		next := c.u8()
		kind = next & 0x0f
		if next>>4 == modExNanoseconds && len(data) >= 3 {
			ns := int64(data[0])<<16 | int64(data[1])<<8 | int64(data[2])
			if ns < int64(time.Millisecond) {
				offset = media.TicksFromDuration(time.Duration(ns))
			}
		}
	}
	return kind, offset
}

// exPackets reads the packets in an enhanced body: one, or in a multitrack body one for each
// track.
type exPackets struct {
	op      string // for errors
	cursor  exCursor
	form    byte // the multitrack type, or singleTrack
	kind    byte
	codec   fourCC // of all packets; not with manyTracksManyCodecs
	offset  media.Ticks
	pending bool // there is another packet
}

// singleTrack is the form of a body that is not a multitrack body. It is no multitrack type.
const singleTrack = 0xff

// begin reads the header of a body, up to the first packet. multitrack is the packet type of
// multitrack bodies.
func (p *exPackets) begin(op string, body []byte, multitrack byte) error {
	p.op, p.form = op, singleTrack
	p.cursor = exCursor{b: body, at: 1}
	c := &p.cursor
	p.kind, p.offset = c.modEx(body[0] & 0x0f)
	if p.kind == multitrack {
		tracks := c.u8()
		p.form, p.kind = tracks>>4, tracks&0x0f
		switch {
		case p.kind == multitrack || p.kind == exModEx:
			return p.fail(syntax(op, c.at-1, "packet type %d inside a multitrack packet", p.kind))
		case p.form > manyTracksManyCodecs:
			return p.fail(syntax(op, c.at-1, "multitrack type %d is not known", p.form))
		}
	}
	if p.form != manyTracksManyCodecs {
		p.codec = c.fourCC()
	}
	if c.short {
		return p.fail(syntax(op, c.at, "header is cut off: the body has %d bytes", len(body)))
	}
	p.pending = true
	return nil
}

// fail ends the body and returns err.
func (p *exPackets) fail(err error) error {
	p.end()
	return err
}

// end forgets the body.
func (p *exPackets) end() { p.pending, p.cursor.b = false, nil }

// next returns the next packet; ok is false if there is none. After an error there is none.
func (p *exPackets) next() (packet exPacket, ok bool, err error) {
	if !p.pending {
		return packet, false, nil
	}
	c := &p.cursor
	packet = exPacket{kind: p.kind, codec: p.codec, offset: p.offset}
	if p.form == singleTrack {
		packet.data, packet.at = c.b[c.at:], c.at
		p.end()
		return packet, true, nil
	}
	if p.form == manyTracksManyCodecs {
		packet.codec = c.fourCC()
	}
	packet.track = c.u8()
	size := len(c.b) - c.at
	if p.form != oneTrack {
		size = c.u24()
	}
	packet.at = c.at
	if c.short {
		return exPacket{}, false, p.fail(syntax(p.op, c.at, "header of a track is cut off: the body has %d bytes", len(c.b)))
	}
	if packet.data = c.take(size); c.short {
		return exPacket{}, false, p.fail(syntax(p.op, packet.at, "track %d needs %d bytes, have %d", packet.track, size, len(c.b)-packet.at))
	}
	if c.at == len(c.b) {
		p.end()
	}
	return packet, true, nil
}
