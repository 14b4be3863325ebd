package aac

import "encoding/binary"

// IsSilent reports whether a raw AAC-LC frame of one or two channels, without ADTS header, decodes
// to nothing but zeros because no scale factor band is coded: max_sfb is 0 in each channel. That is
// how encoders code digital silence, whether or not they pad the frame to a constant size. It
// returns false for what it does not know.
func IsSilent(frame []byte) bool {
	at := 0
	bits := peek(frame, at)
	for ; bits>>61 == idFIL && at < 8*len(frame); bits = peek(frame, at) {
		at += fillSize(bits) // FFmpeg puts its name before every 256th frame
	}
	if len(frame)-at/8 < 3 {
		return false
	}
	id := bits >> 61
	bits <<= 3 + 4 // id_syn_ele, element_instance_tag
	switch {
	case id == idSCE:
		silent, _ := isSilentStream(bits << 8)
		return silent
	case id == idCPE && bits>>63 == 1: // common_window: one ics_info for both channels
		silent, _ := isSilentStream(bits << 1)
		return silent
	case id == idCPE:
		silent, size := isSilentStream(bits << (1 + 8))
		// The second channel follows if the first has no pulse, TNS or gain control data.
		bits <<= 1 + 8 + size
		if !silent || bits>>61 != 0 {
			return false
		}
		silent, _ = isSilentStream(bits << (3 + 8))
		return silent
	}
	return false
}

// peek returns at least 57 bits from a bit on; those beyond the end are 0.
func peek(frame []byte, at int) uint64 {
	var head [8]byte
	copy(head[:], frame[min(at/8, len(frame)):])
	return binary.BigEndian.Uint64(head[:]) << (at % 8)
}

// fillSize returns the size of a fill element (ISO 14496-3 table 4.11) in bits.
func fillSize(bits uint64) int {
	n := int(bits << 3 >> 60) // count
	if n < 15 {
		return 3 + 4 + 8*n
	}
	return 3 + 4 + 8 + 8*(n+int(bits<<7>>56)-1) // esc_count
}

// isSilentStream reports whether an ics_info (ISO 14496-3 table 4.6) has no scale factor bands, and
// returns its size in bits if it is of AAC-LC.
func isSilentStream(bits uint64) (silent bool, size int) {
	const eightShort = 2
	if bits>>61&3 == eightShort { // reserved, window_sequence, window_shape, max_sfb, grouping
		return bits<<4>>60 == 0, 1 + 2 + 1 + 4 + 7
	}
	return bits<<4>>58 == 0, 1 + 2 + 1 + 6 + 1 // max_sfb, predictor_data_present
}
