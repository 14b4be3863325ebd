package mpegts

import "golive/media"

// The stream_id of ISO 13818-1 table 2-22.
const (
	audioStreamID = 0xc0
	videoStreamID = 0xe0
)

// The sizes of a PES header with a PTS, and with a DTS too, in bytes.
const (
	pesHeaderPTS = 14
	pesHeaderDTS = 19
)

// pesPrefix is the part of a PES packet that its length does not count.
const pesPrefix = 6

// videoHeaderSize returns the size of the PES header of a picture. ISO 13818-1 section
// 2.4.3.7 allows a DTS only if it differs from the PTS as written.
func videoHeaderSize(pts, dts media.Ticks) int {
	if wireClock(pts) == wireClock(dts) {
		return pesHeaderPTS
	}
	return pesHeaderDTS
}

// appendPESHeader appends the header of p (ISO 13818-1 section 2.4.3.6).
//
//	 0                   1                   2                   3
//	 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
//	+-----------------------------------------------+---------------+
//	|             packet_start_code_prefix          |   stream_id   |
//	+-------------------------------+---+---+-+-+-+-+---+-----------+
//	|       PES_packet_length       |1 0|scr|p|a|c|o|P D| 0         |
//	+---------------+---------------+---+---+-+-+-+-+---+-----------+
//	|  header size  |  PTS, and DTS: 5 bytes each ...
//	+---------------+----
//
// The length is set if it fits in 16 bits, so that a player need not wait for the next
// unit to know that this one is complete; larger pictures are unbounded (0).
// The bit a, data_alignment_indicator, is set: a PES packet begins with a unit.
func appendPESHeader(dst []byte, streamID uint8, p *pes) []byte {
	length := p.size - pesPrefix
	if length > 1<<16-1 {
		length = 0
	}
	dst = append(dst, 0, 0, 1, streamID, uint8(length>>8), uint8(length), 0x84)
	pts, dts := wireClock(p.pts), wireClock(p.dts)
	if pts == dts {
		dst = append(dst, 0x80, 5)
		return appendTimestamp(dst, 2, pts)
	}
	dst = append(dst, 0xc0, 10)
	dst = appendTimestamp(dst, 3, pts)
	return appendTimestamp(dst, 1, dts)
}

// appendTimestamp appends 33 bits in five bytes, with a marker bit after each of
// three groups and a four bit prefix that tells which timestamp it is.
func appendTimestamp(dst []byte, prefix uint8, t uint64) []byte {
	return append(dst,
		prefix<<4|uint8(t>>29)&0x0e|1,
		uint8(t>>22),
		uint8(t>>14)|1,
		uint8(t>>7),
		uint8(t<<1)|1)
}
