package hlscheck

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// unboundPESLengths checks the PES_packet_length of each video PES packet, and returns data with all of
// them set to 0 (unbounded). go-astits (1.16) loses a packet of unbounded length if the next
// one is complete within a single transport packet: a large picture before a small one.
func unboundPESLengths(data []byte) ([]byte, error) {
	data = slices.Clone(data)
	open := map[uint16]*boundedPES{}
	for at := 0; at+PacketSize <= len(data); at += PacketSize {
		p := data[at : at+PacketSize]
		payload := payloadOf(p)
		if payload == nil {
			continue
		}
		pid := uint16(p[1]&0x1f)<<8 | uint16(p[2])
		if p[1]&0x40 != 0 { // payload_unit_start_indicator
			if err := open[pid].check(pid); err != nil {
				return nil, err
			}
			delete(open, pid)
			if b := unboundPES(payload); b != nil {
				open[pid] = b
			}
			continue
		}
		if b := open[pid]; b != nil {
			b.got += len(payload)
		}
	}
	for pid, b := range open {
		if err := b.check(pid); err != nil {
			return nil, err
		}
	}
	return data, nil
}

// boundedPES is a PES packet with a PES_packet_length: declared is its value, got the number of
// bytes after the field.
type boundedPES struct{ declared, got int }

// check returns an error if the length is wrong.
func (b *boundedPES) check(pid uint16) error {
	if b != nil && b.declared != b.got {
		return fmt.Errorf("PES on PID %d has %d bytes, and its PES_packet_length is %d", pid, b.got, b.declared)
	}
	return nil
}

// unboundPES clears the length in the first payload of a video PES packet (ISO 13818-1
// section 2.4.3.6). It returns nil if the packet had no length or is not a video PES packet.
func unboundPES(payload []byte) *boundedPES {
	const prefix = 6
	if len(payload) < prefix || payload[0] != 0 || payload[1] != 0 || payload[2] != 1 || payload[3]&0xf0 != 0xe0 {
		return nil
	}
	declared := binary.BigEndian.Uint16(payload[4:])
	if declared == 0 {
		return nil
	}
	payload[4], payload[5] = 0, 0
	return &boundedPES{declared: int(declared), got: len(payload) - prefix}
}

// payloadOf returns a transport packet's payload, or nil if it has none or is invalid.
func payloadOf(p []byte) []byte {
	const header = 4
	if p[3]&0x10 == 0 {
		return nil
	}
	if p[3]&0x20 == 0 {
		return p[header:]
	}
	if at := header + 1 + int(p[header]); at < PacketSize {
		return p[at:]
	}
	return nil
}
