package flv

import "golive/media"

// nalState is what the readers of H.264 and HEVC keep of their tags, which have NAL units.
type nalState struct {
	config []byte // the last configuration record, to compare with the next
	// lengthSize is the size of the NAL unit lengths, known from a record even if the
	// record holds no parameter sets; 0 before the first one.
	lengthSize int
	track      *media.Track // nil until all kinds of parameter sets are known
}

// nalLength returns the size of the NAL unit lengths in bytes: 4 without a record, since
// the parameter sets may come in band.
func (v *nalState) nalLength() int {
	if v.lengthSize == 0 {
		return 4
	}
	return v.lengthSize
}

// scanNALs returns what walk finds in data, converting Annex B to length-prefixed form. The
// lengths decide which form it is: a start code may look like a length, but lengths that
// add up to the last byte are no coincidence. walk also returns the offset at which it
// stopped, which is len(data) if the lengths add up.
func scanNALs[C any](v *nalState, data []byte, offset int, walk func(data []byte, lengthSize int) (C, int)) ([]byte, C, error) {
	found, at := walk(data, v.nalLength())
	if at == len(data) {
		return data, found, nil
	}
	if !hasStartCode(data) {
		if v.lengthSize == 0 {
			return nil, found, ErrNoConfig
		}
		return nil, found, syntax("NAL unit", offset+at, "truncated: its length is beyond the %d bytes left", len(data)-at)
	}
	// A length of 1 or 2 bytes may be too small for a NAL unit of Annex B.
	if v.lengthSize != 4 && v.track != nil {
		track := *v.track
		track.NALLengthSize = 4
		v.track = &track
	}
	v.lengthSize = 4
	data = lengthPrefixed(data)
	found, _ = walk(data, 4)
	return data, found, nil
}
