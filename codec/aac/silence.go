package aac

// Silence returns one raw AAC frame that decodes to silence on so many channels, which
// are those of a Config, or nil when no channel configuration has so many. The frame
// has no ADTS header.
//
// Each element says that no scale factor band is coded (max_sfb is 0), so nothing in
// it depends on the sample rate. A decoder of HE-AAC takes a frame without SBR data
// for one whose upper band is silent (ISO 14496-3 section 4.6.18.5).
func Silence(channels int) []byte {
	// The elements of channel configurations 1 to 7, ISO 14496-3 table 1.19.
	elements, ok := map[int][]element{
		1: {single},
		2: {pair},
		3: {single, pair},
		4: {single, pair, single},
		5: {single, pair, pair},
		6: {single, pair, pair, lowFrequency},
		8: {single, pair, pair, pair, lowFrequency},
	}[channels]
	if !ok {
		return nil
	}
	var w bitWriter
	var tags [lowFrequency + 1]uint32
	for _, e := range elements {
		w.put(uint32(e), 3)
		w.put(tags[e], 4) // element_instance_tag
		tags[e]++
		streams := 1
		if e == pair {
			w.put(0, 1) // common_window
			streams = 2
		}
		for range streams {
			// individual_channel_stream, ISO 14496-3 table 4.44. global_gain; then
			// ics_info: reserved, ONLY_LONG_SEQUENCE, window_shape, max_sfb and
			// predictor_data_present; then no pulse, TNS or gain control data.
			w.put(0, 8)
			w.put(0, 1+2+1+6+1)
			w.put(0, 1+1+1)
		}
	}
	w.put(uint32(end), 3)
	return w.bytes
}

// element is an id_syn_ele of ISO 14496-3 table 4.85.
type element uint32

const (
	single       element = 0
	pair         element = 1
	lowFrequency element = 3
	end          element = 7
)

// bitWriter writes bits from the highest down; the last byte is filled with zeros.
type bitWriter struct {
	bytes []byte
	used  int // bits of the last byte
}

func (w *bitWriter) put(value uint32, bits int) {
	for i := bits - 1; i >= 0; i-- {
		if w.used == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[len(w.bytes)-1] |= byte(value>>i&1) << (7 - w.used)
		w.used = (w.used + 1) % 8
	}
}
