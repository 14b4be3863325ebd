package mpegts

import (
	"encoding/binary"

	"golive/media"
)

// Sizes in a transport packet, in bytes (ISO 13818-1 section 2.4.3.2).
const (
	packetSize   = 188
	headerSize   = 4
	maxPayload   = packetSize - headerSize
	pcrFieldSize = 8 // an adaptation field with length, flags and PCR
)

// Bits of a packet header's four bytes.
const (
	syncByte      = 0x47 << 24
	unitStart     = 1 << 22 // payload_unit_start_indicator
	pidShift      = 8
	hasAdaptation = 0x20
	hasPayload    = 0x10
)

// Flags of an adaptation field (ISO 13818-1 section 2.4.3.4).
const (
	flagDiscontinuity = 0x80
	flagRandomAccess  = 0x40
	flagPCR           = 0x10
)

// packetWriter splits PES packets into transport packets, in a slab of exactly their size.
type packetWriter struct {
	slab []byte
	// at is the offset of the next byte, end that of the end of the current packet.
	at, end int
	// left is the number of bytes of the PES packet after the current packet.
	left int
	// header holds the common bits of the headers of the PES packet's transport packets.
	header  uint32
	counter *uint8
}

// begin starts the first transport packet of p, up to its payload.
func (w *packetWriter) begin(p *pes, pid uint32, counter *uint8) {
	w.left = p.size
	w.header = syncByte | pid<<pidShift
	w.counter = counter
	if !p.pcr {
		w.next(unitStart)
		return
	}
	field := w.packet(unitStart, min(w.left, maxPayload-pcrFieldSize))
	flags := uint8(flagPCR)
	if p.key {
		flags |= flagRandomAccess
	}
	if p.discontinuity {
		flags |= flagDiscontinuity
	}
	putPCR(field, flags, p.clock)
}

// putPCR fills an adaptation field with a PCR at t.
func putPCR(field []byte, flags uint8, t media.Ticks) {
	field[0] = uint8(len(field) - 1)
	field[1] = flags
	// 33 bits at 90 kHz, 6 reserved ones, and 9 bits at 27 MHz that are 0.
	pcr := wireClock(t)<<15 | 0x3f<<9
	binary.BigEndian.PutUint16(field[2:], uint16(pcr>>32))
	binary.BigEndian.PutUint32(field[4:], uint32(pcr))
	fillStuffing(field[pcrFieldSize:])
}

// writePCRs writes packets with only an adaptation field. They do not increment the
// continuity counter; next is that of the next packet with a payload (ISO 13818-1
// section 2.4.3.3).
func (w *packetWriter) writePCRs(r pcrRun, pid uint32, next uint8) {
	for i := range r.n {
		b := w.slab[w.at : w.at+packetSize]
		binary.BigEndian.PutUint32(b, syncByte|pid<<pidShift|hasAdaptation|uint32(next-1)&0x0f)
		flags := uint8(flagPCR)
		if i == 0 && r.discontinuity {
			flags |= flagDiscontinuity
		}
		putPCR(b[headerSize:], flags, r.first+media.Ticks(i)*r.step)
		w.at += packetSize
		w.end = w.at
	}
}

// write appends b to the payload, starting packets as needed.
func (w *packetWriter) write(b []byte) {
	for {
		n := copy(w.slab[w.at:w.end], b)
		w.at += n
		if n == len(b) {
			return
		}
		b = b[n:]
		w.next(0)
	}
}

// next starts a transport packet, with an adaptation field of stuffing if the PES packet
// does not fill it: the payload must end at the end of the packet.
func (w *packetWriter) next(start uint32) {
	field := w.packet(start, min(w.left, maxPayload))
	switch len(field) {
	case 0:
	case 1: // a field that is its length alone
		field[0] = 0
	default:
		field[0] = uint8(len(field) - 1)
		field[1] = 0
		fillStuffing(field[2:])
	}
}

// packet starts a transport packet with n bytes of payload and returns the space before
// them, which is for the adaptation field; if it is empty there is none.
func (w *packetWriter) packet(start uint32, n int) []byte {
	b := w.slab[w.at : w.at+packetSize]
	header := w.header | start | hasPayload | uint32(*w.counter&0x0f)
	if n < maxPayload {
		header |= hasAdaptation
	}
	binary.BigEndian.PutUint32(b, header)
	*w.counter++
	w.end = w.at + packetSize
	w.at = w.end - n
	w.left -= n
	return b[headerSize : packetSize-n]
}

// fillStuffing fills b with stuffing bytes.
func fillStuffing(b []byte) {
	for i := range b {
		b[i] = 0xff
	}
}
