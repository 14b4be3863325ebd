package media

import "time"

// AccessUnit is one decodable unit of one track: a picture with its parameter
// sets, or one audio frame (ISO 14496-10 section 3.1, ISO 13818-1 section 2.1.1).
type AccessUnit struct {
	Track *Track
	// DTS is the decoding time that was received; PTS = DTS + composition time.
	DTS, PTS Ticks
	// Key is set if decoding can start here: an IDR picture, a recovery point (ISO
	// 14496-10 section D.2.8), an IRAP picture of HEVC, a shown key frame of AV1, or any
	// audio frame.
	Key bool
	// Access is the kind of access point if Key is set.
	Access Access
	// Captions are the closed captions in a picture.
	Captions Captions
	// Data holds length-prefixed NAL units (Track.NALLengthSize); the OBUs of a temporal unit
	// of AV1, with sizes and without temporal delimiters, those of a key unit with the sequence
	// header; one raw AAC frame without ADTS header; an Opus packet; or an MP3 frame. It is not
	// modified once the unit has been passed on.
	Data []byte
	// Arrived is when the unit's last byte was received: latency metrics and
	// EXT-X-PROGRAM-DATE-TIME are based on it.
	Arrived time.Time
	// Discontinuity is set if the timeline or the encoding does not continue from the
	// previous unit (RFC 8216bis section 4.4.4.3).
	Discontinuity bool
	// AudioFollows is set on a picture at the beginning of a publication if sound of its time is
	// still being converted: the first segment waits for it.
	AudioFollows bool
}

// Independent reports whether no unit from this one on refers to an earlier one.
func (u *AccessUnit) Independent() bool { return u.Key && u.Access == AccessClosed }
