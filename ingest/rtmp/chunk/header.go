package chunk

import "encoding/binary"

const (
	// extendedTimestamp in the 24 bits means that the timestamp is in the 32 bits after the
	// header (section 5.3.1.3).
	extendedTimestamp = 0xFFFFFF
	// maxFirstDelta is the longest plausible time between the first two messages
	// of a chunk stream, in milliseconds.
	maxFirstDelta = 10_000
	// nearby is the distance, in milliseconds, below which two timestamps belong to the
	// same timeline.
	nearby = 60_000
)

// header reads a chunk's header (section 5.3.1) and prepares its chunk stream for the
// payload.
//
//	 0 1 2 3 4 5 6 7
//	+-+-+-+-+-+-+-+-+
//	|fmt|   cs id   |   cs id 0: one more byte, 1: two more bytes
//	+-+-+-+-+-+-+-+-+
func (r *Reader) header() (*stream, error) {
	if err := r.fill(1); err != nil {
		return nil, err
	}
	format, id := r.buf[r.start]>>6, uint32(r.buf[r.start]&0x3F)
	size := 1
	switch id {
	case 0:
		size = 2
	case 1:
		size = 3
	}
	if err := r.fill(size); err != nil {
		return nil, err
	}
	switch size {
	case 2:
		id = 64 + uint32(r.buf[r.start+1])
	case 3:
		id = 64 + uint32(r.buf[r.start+1]) + uint32(r.buf[r.start+2])<<8
	}
	s := r.streams.find(id)
	if s == nil {
		// librtmp begins a chunk stream with type 1 for its pings; 2 and 3 leave
		// the length unknown.
		if format > 1 {
			return nil, r.fail("chunk stream %d begins with a header of type %d", id, format)
		}
		if len(r.streams.all) >= r.limits.ChunkStreams {
			return nil, r.fail("more than %d chunk streams", r.limits.ChunkStreams)
		}
		s = r.streams.add(id)
	}
	r.start += size
	if format == 3 {
		return s, r.continued(s)
	}
	return s, r.begin(s, format)
}

// begin reads a message header of type 0, 1 or 2: 11, 7 or 3 bytes.
//
//	+---------------+---------------+---------------+---------------+
//	|              timestamp or delta               |message length |
//	+---------------+---------------+---------------+---------------+
//	|     message length (cont)     |message type id| msg stream id |
//	+---------------+---------------+---------------+---------------+
//	|      message stream id (cont), little endian  |
//	+---------------+---------------+---------------+
func (r *Reader) begin(s *stream, format byte) error {
	size := 11 - 4*int(format)
	if err := r.fill(size); err != nil {
		return err
	}
	// A new header inside a message abandons the message: encoders that drop frames under
	// congestion send it.
	r.drop(s)
	h := r.buf[r.start : r.start+size]
	time := uint32(h[0])<<16 | uint32(h[1])<<8 | uint32(h[2])
	if format < 2 {
		s.length = int(h[3])<<16 | int(h[4])<<8 | int(h[5])
		s.kind = h[6]
	}
	if format == 0 {
		s.messageID = binary.LittleEndian.Uint32(h[7:])
	}
	r.start += size

	s.extended = time == extendedTimestamp
	if s.extended {
		if err := r.fill(4); err != nil {
			return err
		}
		time = binary.BigEndian.Uint32(r.buf[r.start:])
		s.extValue = time
		r.start += 4
	}
	if format == 0 {
		s.setTime(time)
	} else {
		s.addTime(time)
	}
	return r.open(s)
}

// continued reads the rest of a header of type 3: nothing, or the extended timestamp again.
// The specification requires it; FMLE, ffmpeg and OBS since 2024 send it, older librtmp
// does not. Four bytes that equal the last one are taken for it: media looks the same once
// in four billion times.
func (r *Reader) continued(s *stream) error {
	if s.extended {
		again, err := r.peekExtended(s.extValue)
		if err != nil {
			return err
		}
		if again {
			r.start += 4
		}
	}
	if s.missing > 0 {
		return nil
	}
	// The chunk begins a new message: "the same delta as the chunk before" (5.3.1.2.4).
	s.timestamp += s.delta
	return r.open(s)
}

// peekExtended reports whether the next four bytes are v. It blocks only for as many bytes
// as it needs: if they are payload, they can be the last ones for a while.
func (r *Reader) peekExtended(v uint32) (bool, error) {
	var want [4]byte
	binary.BigEndian.PutUint32(want[:], v)
	for i, b := range want {
		if err := r.fill(i + 1); err != nil {
			return false, err
		}
		if r.buf[r.start+i] != b {
			return false, nil
		}
	}
	return true, nil
}

// open begins a message.
func (r *Reader) open(s *stream) error {
	if s.length > r.limits.MessageSize {
		return r.fail("message of %d bytes, type %d, on chunk stream %d; the limit is %d",
			s.length, s.kind, s.id, r.limits.MessageSize)
	}
	if r.stats.Aborted > freeAborts+r.received/abortBytes {
		return r.fail("%d messages were abandoned", r.stats.Aborted)
	}
	s.missing = s.length
	return nil
}

// setTime applies an absolute timestamp. "If a Type 3 chunk follows a Type 0 chunk,
// the timestamp delta is the same as the timestamp of the Type 0 chunk"
// (section 5.3.1.2.4): ffmpeg relies on it if the first timestamp equals the
// distance to the second. librtmp means "the same time" by it, so a timestamp that cannot
// be a distance sets a delta of 0.
func (s *stream) setTime(t uint32) {
	s.timestamp = t
	s.delta = t
	if t > maxFirstDelta {
		s.delta = 0
	}
}

// addTime applies a delta. The specification is vague about a delta that needs the extended
// field: some senders put the absolute timestamp there, so a value close to the current
// timestamp is treated as one, unless it is a small step back.
func (s *stream) addTime(d uint32) {
	away := int32(d - s.timestamp)
	stepBack := int32(d) < 0 && int32(d) > -nearby
	if s.extended && !stepBack && -nearby < away && away < nearby {
		s.timestamp = d
		s.delta = 0
		return
	}
	s.timestamp += d
	s.delta = d
}
