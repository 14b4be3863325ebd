package h264

import "bytes"

// Captions is a set of closed caption channels. Bits 0 to 3 are CC1 to CC4 of
// CEA-608; bit 3+n is service n of CEA-708, from 1 to 60.
type Captions uint64

// The channels of CEA-608.
const (
	CC1 Captions = 1 << iota
	CC2
	CC3
	CC4
)

// maxService is the last service that Captions has a bit for. CEA-708 has three
// more, which nobody uses.
const maxService = 60

// Service returns the set of the one CEA-708 service n; it is empty when n is not
// from 1 to 60.
func Service(n int) Captions {
	if n < 1 || n > maxService {
		return 0
	}
	return 1 << (3 + n)
}

const (
	captionsHeader = 10
	// captionsSize is the size of the largest payload with captions, in bytes: the
	// header and 31 constructs of three bytes.
	captionsSize = captionsHeader + 31*3
)

// The kinds of a caption construct (ATSC A/53 part 4 section 6.2.3, CEA-708 table 2).
const (
	field1 = iota
	field2
	packetData
	packetStart
)

// readCaptions reads ATSC1_data of the type cc_data (ATSC A/53 part 4 section 6.2):
//
//	+---------+----------+------+------+--------------+---------+-----------------+
//	| country | provider | GA94 | type | flags, count | em_data | count constructs|
//	|   B5    |  00 31   |  4   |  03  |      1       |    1    |      of 3       |
//	+---------+----------+------+------+--------------+---------+-----------------+
//
// CC1 is reported if field 1 has data, even without text: players read only once which
// captions there are. Field 2 is often permanently filled with padding, so a channel of
// it is reported only once it was selected.
func readCaptions(b []byte) (c Captions) {
	const process = 0x40 // process_cc_data_flag
	if len(b) < captionsHeader || !bytes.HasPrefix(b, []byte("\xb5\x00\x31GA94\x03")) || b[8]&process == 0 {
		return 0
	}
	count := int(b[8] & 0x1f)
	b = b[captionsHeader:]
	for ; count > 0 && len(b) >= 3; count-- {
		const valid = 0x04
		if b[0]&valid != 0 {
			switch b[0] & 3 {
			case field1:
				c |= CC1 | selected(b[1], CC1, CC2)
			case field2:
				c |= selected(b[1], CC3, CC4)
			case packetStart:
				c |= firstService(b)
			}
		}
		b = b[3:]
	}
	return c
}

// selected returns the channel that the first byte of a CEA-608 pair selects. Only
// control codes do (CEA-608 section 8.4); the top bit of the byte is parity.
func selected(code byte, first, second Captions) Captions {
	switch code & 0x78 {
	case 0x10:
		return first
	case 0x18:
		return second
	}
	return 0
}

// firstService returns the service of the first block of the CEA-708 packet that
// starts at b (CEA-708 sections 5 and 6.2).
func firstService(b []byte) Captions {
	const extended = 7
	number, size := b[2]>>5, b[2]&0x1f
	if size == 0 {
		return 0
	}
	if number != extended {
		return Service(int(number))
	}
	if len(b) < 6 || b[3]&3 != packetData {
		return 0
	}
	return Service(int(b[4] & 0x3f))
}
