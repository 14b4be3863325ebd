package whip

import (
	"encoding/binary"
	"math/rand/v2"
)

// oggWriter writes Opus packets as an Ogg stream (RFC 3533, RFC 7845), each in a page of its own,
// so that the reader has it at once.
type oggWriter struct {
	serial  uint32
	page    uint32
	granule int64 // samples so far
	table   [256]uint32
}

func newOggWriter() *oggWriter {
	w := &oggWriter{serial: rand.Uint32()}
	for i := range w.table {
		const polynomial = 0x04c11db7
		c := uint32(i) << 24
		for range 8 {
			if c&0x80000000 != 0 {
				c = c<<1 ^ polynomial
			} else {
				c <<= 1
			}
		}
		w.table[i] = c
	}
	return w
}

// headers returns the pages before the first packet: stereo without samples to skip. A decoder
// turns mono packets into both channels.
func (w *oggWriter) headers() []byte {
	const channels, version = 2, 1
	head := append([]byte("OpusHead"), version, channels, 0, 0) // and the samples to skip
	head = binary.LittleEndian.AppendUint32(head, 48000)
	head = append(head, 0, 0, 0) // gain, mapping family
	tags := append([]byte("OpusTags"), 0, 0, 0, 0, 0, 0, 0, 0)
	const first = 2
	return append(w.write(head, first), w.write(tags, 0)...)
}

// packet returns the page of a packet with that many samples.
func (w *oggWriter) packet(data []byte, samples int) []byte {
	w.granule += int64(samples)
	return w.write(data, 0)
}

// write returns a page (RFC 3533 section 6):
//
//	"OggS", version, type, granule position (8), serial (4), page (4), CRC (4), segments, lacing values
func (w *oggWriter) write(data []byte, kind byte) []byte {
	b := append(make([]byte, 0, 27+len(data)/255+1+len(data)), "OggS\x00"...)
	b = append(b, kind)
	b = binary.LittleEndian.AppendUint64(b, uint64(w.granule))
	b = binary.LittleEndian.AppendUint32(b, w.serial)
	b = binary.LittleEndian.AppendUint32(b, w.page)
	w.page++
	crcAt := len(b)
	b = append(b, 0, 0, 0, 0, byte(len(data)/255+1))
	for n := len(data); ; n -= 255 {
		if n < 255 {
			b = append(b, byte(n))
			break
		}
		b = append(b, 255)
	}
	b = append(b, data...)
	crc := uint32(0)
	for _, c := range b {
		crc = crc<<8 ^ w.table[byte(crc>>24)^c]
	}
	binary.LittleEndian.PutUint32(b[crcAt:], crc)
	return b
}
