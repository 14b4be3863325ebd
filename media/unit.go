package media

import "time"

// AccessUnit is one decodable unit of one track: a picture with its parameter
// sets, or one audio frame (ISO 14496-10 section 3.1, ISO 13818-1 section 2.1.1).
type AccessUnit struct {
	Track *Track
	// DTS is the decoding time the wire gave; PTS = DTS + composition time.
	DTS, PTS Ticks
	// Key says that decoding can start here: an IDR picture, a recovery point (ISO
	// 14496-10 section D.2.8), or any audio frame.
	Key bool
	// Access is how decoding starts, when Key is set.
	Access Access
	// Captions are the closed captions that a picture carries.
	Captions Captions
	// Data is length-prefixed NAL units (Track.NALLengthSize), or one raw AAC
	// frame without ADTS header. It is never written to after hand-over.
	Data []byte
	// Arrived is when the unit's last byte was read from the wire: latency
	// metrics and EXT-X-PROGRAM-DATE-TIME start there.
	Arrived time.Time
	// Discontinuity says that the timeline or the encoding before this unit does
	// not run on into it (RFC 8216bis section 4.4.4.3).
	Discontinuity bool
}

// Independent says that nothing from the unit on refers to what came before it.
func (u *AccessUnit) Independent() bool { return u.Key && u.Access == AccessClosed }
